import type { TaskView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { queueKey } from "../../api/queues.ts";
import { cancelTask, changeTask } from "../../api/tasks.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { useDeadLetterActions } from "../dead-letters/use-dead-letter-actions.tsx";
import { ChangeDialog } from "./change-dialog.tsx";

export const LIVE_STATES: ReadonlySet<string> = new Set(["waiting", "scheduled", "pending", "processing"]);

export function TaskActions({ task }: { task: TaskView }) {
  if (task.state === "dead") return <DeadActions task={task} />;
  return LIVE_STATES.has(task.state) ? <LiveActions task={task} /> : null;
}

function DeadActions({ task }: { task: TaskView }) {
  const { denied } = useSession();
  const actions = useDeadLetterActions(task.queue);
  const why = denied("control", task.queue);
  return (
    <div className="actions">
      <Button look="primary" denied={why} onPress={() => actions.replayOne(task.id)}>
        {t`Replay`}
      </Button>
      <Button denied={why} onPress={() => actions.editAndReplay(task)}>
        {t`Edit and replay`}
      </Button>
      <Button look="danger" denied={why} onPress={() => actions.discard({ ids: [task.id] }, task.id)}>
        {t`Discard`}
      </Button>
      {actions.dialog}
    </div>
  );
}

function LiveActions({ task }: { task: TaskView }) {
  const client = useQueryClient();
  const { say, fail } = useToasts();
  const { denied } = useSession();
  const [changing, setChanging] = useState(false);
  const why = denied("enqueue", task.queue);
  const refresh = () => client.invalidateQueries({ queryKey: queueKey(task.queue) });
  const runNow = useMutation({
    mutationFn: () => changeTask(task.queue, task.id, { delayMs: 0 }),
    onSuccess: async () => {
      say(() => t`The task is pending now`);
      await refresh();
    },
    onError: (error) => fail(() => t`The task was not changed`, error),
  });
  const cancel = useMutation({
    mutationFn: () => cancelTask(task.queue, task.id),
    onSuccess: async ({ outcome }) => {
      say(() =>
        outcome === "requested" ? t`Cancel requested: the worker will stop the task` : t`Task cancelled`,
      );
      await refresh();
    },
    onError: (error) => fail(() => t`The task was not cancelled`, error),
  });
  return (
    <div className="actions">
      {task.state === "scheduled" ? (
        <Button look="primary" denied={why} isDisabled={runNow.isPending} onPress={() => runNow.mutate()}>
          {t`Run now`}
        </Button>
      ) : null}
      {task.state === "processing" || task.state === "waiting" ? null : (
        <Button denied={why} onPress={() => setChanging(true)}>
          {t`Change…`}
        </Button>
      )}
      <Button
        look="danger"
        denied={why}
        isDisabled={cancel.isPending || task.cancelRequested}
        onPress={() => cancel.mutate()}
      >
        {task.cancelRequested ? t`Cancel requested` : t`Cancel task`}
      </Button>
      {changing ? (
        <ChangeDialog
          task={task}
          onChanged={async () => {
            say(() => t`Task changed`);
            await refresh();
          }}
          onClose={() => setChanging(false)}
        />
      ) : null}
    </div>
  );
}
