import type { TaskView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useNavigate } from "@tanstack/react-router";
import { findTask } from "../../api/tasks.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { originOf } from "./lineage.ts";

/** Shows how often a task was replayed and whether it died again. If a replay created it, shows the original task. */
export function LineageValue({ task }: { task: TaskView }) {
  const { figures } = useLive();
  const navigate = useNavigate();
  const { say, fail } = useToasts();
  const origin = originOf(task.id);
  const open = (id: string) =>
    findTask(
      (figures.queues ?? []).map(({ queue }) => queue),
      id,
    ).then(
      (queue) => {
        if (queue !== null) void navigate({ to: "/queues/$queue/tasks/$id", params: { queue, id } });
        else say(() => t`No queue has a task ${id} any more`);
      },
      (error: unknown) => fail(() => t`The task could not be read`, error),
    );
  return (
    <>
      {task.generation === 0 ? null : (
        <span>
          {task.generation === 1 ? t`replayed once` : t`replayed ${count(task.generation)} times`}
          {task.state === "dead" ? <strong className="tone-dead alarm">{t`, died again`}</strong> : null}
        </span>
      )}
      {origin === null ? null : (
        <div>
          <Trans>
            replay {count(origin.generation)} of{" "}
            <button type="button" className="link mono" onClick={() => void open(origin.id)}>
              {origin.id}
            </button>
          </Trans>
        </div>
      )}
    </>
  );
}
