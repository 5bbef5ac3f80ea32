import { t } from "@lingui/core/macro";
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
        () => (verb === "drain" ? t`The worker will drain` : t`The worker will resume`),
        () => t`The worker reacts with its next heartbeat, within seconds.`,
      );
      await client.invalidateQueries({ queryKey: workersKey });
    },
    onError: (error) => fail(() => t`The worker could not be reached`, error),
  });
  if (worker.state === "stopped" || worker.state === "lost") return null;
  return (
    <Button
      small
      denied={denied("control")}
      isDisabled={act.isPending}
      aria-label={verb === "drain" ? t`Drain ${worker.id}` : t`Resume ${worker.id}`}
      onPress={() => act.mutate()}
    >
      {verb === "drain" ? t`Drain` : t`Resume`}
    </Button>
  );
}
