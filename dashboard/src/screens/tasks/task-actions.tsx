import type { TaskView } from "@holdfast/contracts";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { queueKey } from "../../api/queues.ts";
import { cancelTask } from "../../api/tasks.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { useDeadLetterActions } from "../dead-letters/use-dead-letter-actions.tsx";

export const LIVE_STATES: ReadonlySet<string> = new Set(["scheduled", "pending", "processing"]);

export function TaskActions({ task }: { task: TaskView }) {
  if (task.state === "dead") return <DeadActions task={task} />;
  return LIVE_STATES.has(task.state) ? <CancelAction task={task} /> : null;
}

function DeadActions({ task }: { task: TaskView }) {
  const { denied } = useSession();
  const actions = useDeadLetterActions(task.queue);
  const why = denied("control", task.queue);
  return (
    <div className="actions">
      <Button look="primary" denied={why} onPress={() => actions.replayOne(task.id)}>
        Replay
      </Button>
      <Button denied={why} onPress={() => actions.editAndReplay(task)}>
        Edit and replay
      </Button>
      <Button look="danger" denied={why} onPress={() => actions.discard({ ids: [task.id] }, task.id)}>
        Discard
      </Button>
      {actions.dialog}
    </div>
  );
}

function CancelAction({ task }: { task: TaskView }) {
  const client = useQueryClient();
  const { say, fail } = useToasts();
  const { denied } = useSession();
  const cancel = useMutation({
    mutationFn: () => cancelTask(task.queue, task.id),
    onSuccess: async ({ outcome }) => {
      say(outcome === "requested" ? "Cancel requested: the worker will stop the task" : "Task cancelled");
      await client.invalidateQueries({ queryKey: queueKey(task.queue) });
    },
    onError: (error) => fail("The task was not cancelled", error),
  });
  return (
    <div className="actions">
      <Button
        look="danger"
        denied={denied("enqueue", task.queue)}
        isDisabled={cancel.isPending || task.cancelRequested}
        onPress={() => cancel.mutate()}
      >
        {task.cancelRequested ? "Cancel requested" : "Cancel task"}
      </Button>
    </div>
  );
}
