import { useMutation, useQueryClient } from "@tanstack/react-query";
import { drainWorker, resumeWorker, type WorkerView, workersKey } from "../../api/workers.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { useToasts } from "../../ui/toast.tsx";

/** Drains or resumes a worker. A draining worker finishes its tasks and acquires no more. */
export function DrainButton({ worker }: { worker: WorkerView }) {
  const client = useQueryClient();
  const { say, fail } = useToasts();
  const { denied } = useSession();
  const verb = worker.state === "running" || worker.state === "paused" ? "drain" : "resume";
  const act = useMutation({
    mutationFn: () => (verb === "drain" ? drainWorker : resumeWorker)(worker.id),
    onSuccess: async () => {
      say(
        verb === "drain" ? "The worker will drain" : "The worker will resume",
        "The worker reacts with its next heartbeat, within seconds.",
      );
      await client.invalidateQueries({ queryKey: workersKey });
    },
    onError: (error) => fail("The worker could not be reached", error),
  });
  if (worker.state === "stopped" || worker.state === "lost") return null;
  return (
    <Button
      small
      denied={denied("control")}
      isDisabled={act.isPending}
      aria-label={`${verb === "drain" ? "Drain" : "Resume"} ${worker.id}`}
      onPress={() => act.mutate()}
    >
      {verb === "drain" ? "Drain" : "Resume"}
    </Button>
  );
}
