import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import {
  actOnOperation,
  type OperationVerb,
  type OperationView,
  operationKey,
  operationsKey,
} from "../../api/operations.ts";
import { queueKey } from "../../api/queues.ts";
import { duration } from "../../format/time.ts";
import { useLive, useNow } from "../../live/live-context.tsx";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { useToasts } from "../../ui/toast.tsx";

/** Returns the actions that the state of an operation allows. */
function verbsOf({ state, kind, undoUntil, undoneAt }: OperationView, now: number): OperationVerb[] {
  if (state === "running") return kind === "burst" || kind === "empty" ? ["cancel"] : ["pause", "cancel"];
  if (state === "paused") return ["resume", "cancel"];
  return kind === "discard" && (undoUntil ?? 0) > now && (undoneAt ?? null) === null ? ["undo"] : [];
}

const TEXT: Record<OperationVerb, () => string> = {
  pause: () => t`Pause`,
  resume: () => t`Resume`,
  cancel: () => t`Cancel`,
  undo: () => t`Undo`,
};

export function OperationActions({ operation }: { operation: OperationView }) {
  const client = useQueryClient();
  const { trackOperation } = useLive();
  const { fail } = useToasts();
  const { denied } = useSession();
  const now = useNow();
  const act = useMutation({
    mutationFn: (verb: OperationVerb) => actOnOperation(operation.id, verb),
    onSuccess: async (changed) => {
      trackOperation(changed);
      await Promise.all(
        [operationsKey, operationKey(operation.id), queueKey(operation.queue)].map((queryKey) =>
          client.invalidateQueries({ queryKey }),
        ),
      );
    },
    onError: (error, verb) => fail(() => t`${TEXT[verb]()} did not work`, error),
  });
  const verbs = verbsOf(operation, now);
  if (verbs.length === 0) return null;
  return (
    <div className="actions">
      {verbs.map((verb) => (
        <Button
          key={verb}
          small
          denied={denied("control", operation.queue)}
          isDisabled={act.isPending}
          onPress={() => act.mutate(verb)}
        >
          {TEXT[verb]()}
        </Button>
      ))}
      {verbs.includes("undo") ? (
        <span className="hint">
          <Trans>{duration((operation.undoUntil ?? now) - now)} left to undo</Trans>
        </span>
      ) : null}
    </div>
  );
}
