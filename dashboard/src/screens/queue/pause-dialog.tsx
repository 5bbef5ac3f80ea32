import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { type FormEvent, useState } from "react";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { toApiError } from "../../api/errors.ts";
import { Button } from "../../ui/button.tsx";
import { TextField } from "../../ui/text-field.tsx";

interface PauseDialogProps {
  queue: string;
  onPause(reason: string): Promise<void>;
  onClose(): void;
}

export function PauseDialog({ queue, onPause, onClose }: PauseDialogProps) {
  const [reason, setReason] = useState("");
  const [failure, setFailure] = useState<string | null>(null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    try {
      await onPause(reason.trim());
      onClose();
    } catch (error) {
      setFailure(toApiError(error).detail);
    }
  };
  return (
    <ModalOverlay className="overlay" isOpen isDismissable onOpenChange={(open) => open || onClose()}>
      <Modal className="modal">
        <Dialog className="dialog">
          <Heading slot="title">
            <Trans>Pause {queue}</Trans>
          </Heading>
          <form className="form" onSubmit={(event) => void submit(event)}>
            <p>
              <Trans>Workers finish their tasks and acquire no more until you resume the queue.</Trans>
            </p>
            <TextField
              label={t`Reason`}
              hint={t`Optional. Shown to everybody beside the paused queue.`}
              value={reason}
              onChange={(text) => setReason(text.slice(0, 256))}
              autoFocus
            />
            {failure === null ? null : (
              <p className="error-text" role="alert">
                {failure}
              </p>
            )}
            <div className="actions">
              <Button onPress={onClose}>{t`Keep running`}</Button>
              <Button type="submit" look="primary">
                {t`Pause queue`}
              </Button>
            </div>
          </form>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
