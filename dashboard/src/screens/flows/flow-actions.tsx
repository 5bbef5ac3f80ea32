import type { FlowView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { cancelFlow } from "../../api/flows.ts";
import { queueKey } from "../../api/queues.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { confirmationPhrase } from "../confirmation.ts";
import { useDeadLetterActions } from "../dead-letters/use-dead-letter-actions.tsx";

export function FlowActions({ flow }: { flow: FlowView }) {
  const { id, queue, counts, callbacks } = flow;
  const { denied } = useSession();
  const replays = useDeadLetterActions(queue);
  const [cancelling, setCancelling] = useState(false);
  // A callback task can become a dead letter too.
  const mayHaveDead = counts.dead > 0 || callbacks.some(({ enqueued }) => enqueued);
  return (
    <div className="actions">
      <Button
        denied={denied("control", queue)}
        isDisabled={!mayHaveDead}
        onPress={() => replays.replay({ query: `flow==${id}` }, t`The dead letters of flow ${id}`)}
      >
        {t`Replay dead nodes`}
      </Button>
      <Button
        look="danger"
        denied={denied("enqueue", queue)}
        isDisabled={flow.state === "ended" || flow.cancelRequested}
        onPress={() => setCancelling(true)}
      >
        {flow.cancelRequested && flow.state !== "ended" ? t`Cancel requested` : t`Cancel flow`}
      </Button>
      {replays.dialog}
      {cancelling ? <CancelDialog flow={flow} onClose={() => setCancelling(false)} /> : null}
    </div>
  );
}

function CancelDialog({ flow, onClose }: { flow: FlowView; onClose(): void }) {
  const client = useQueryClient();
  const { say } = useToasts();
  // The number that has to be typed stays the same while the dialog is open.
  const [open] = useState(flow.counts.waiting + flow.counts.active);
  return (
    <ConfirmDialog
      title={t`Cancel flow ${flow.id}`}
      action={t`Cancel the flow`}
      danger
      phrase={confirmationPhrase("cancel", open)}
      onConfirm={async () => {
        await cancelFlow(flow.queue, flow.id);
        say(
          () => t`The flow is cancelled`,
          () => t`No further node starts. Running nodes are asked to stop.`,
        );
        await client.invalidateQueries({ queryKey: queueKey(flow.queue) });
      }}
      onClose={onClose}
    >
      <p>
        <Trans>
          <Plural value={open} one="# node has not ended." other="# nodes have not ended." /> Waiting nodes
          end at once, and the workers of running nodes are asked to stop them. This cannot be undone.
        </Trans>
      </p>
    </ConfirmDialog>
  );
}
