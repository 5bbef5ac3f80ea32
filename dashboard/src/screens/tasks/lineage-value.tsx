import type { TaskView } from "@holdfast/contracts";
import { useNavigate } from "@tanstack/react-router";
import { findTask } from "../../api/tasks.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { originOf } from "./lineage.ts";

/** Shows how often a task was replayed, whether it died again, and the task from which a replay created it. */
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
        else say(`No queue has a task ${id} any more`);
      },
      (error: unknown) => fail("The task could not be read", error),
    );
  return (
    <>
      {task.generation === 0 ? null : (
        <span>
          replayed {task.generation === 1 ? "once" : `${count(task.generation)} times`}
          {task.state === "dead" ? <strong className="tone-dead alarm">, died again</strong> : null}
        </span>
      )}
      {origin === null ? null : (
        <div>
          replay {count(origin.generation)} of{" "}
          <button type="button" className="link mono" onClick={() => void open(origin.id)}>
            {origin.id}
          </button>
        </div>
      )}
    </>
  );
}
