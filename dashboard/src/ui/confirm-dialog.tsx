import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { type FormEvent, type ReactNode, useState } from "react";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { toApiError } from "../api/errors.ts";
import { Button } from "./button.tsx";
import { TextField } from "./text-field.tsx";

interface ConfirmDialogProps {
  title: string;
  children: ReactNode;
  /** The label of the button that confirms the action. */
  action: string;
  danger?: boolean;
  /** The text that the user has to type before the button works; null if a click is enough. */
  phrase: string | null;
  /** True if the action is not possible yet, or would change nothing. */
  blocked?: boolean;
  fields?: ReactNode;
  onConfirm(): Promise<void>;
  onClose(): void;
}

export function ConfirmDialog(props: ConfirmDialogProps) {
  const {
    title,
    children,
    action,
    danger = false,
    phrase,
    blocked = false,
    fields,
    onConfirm,
    onClose,
  } = props;
  const [typed, setTyped] = useState("");
  const [busy, setBusy] = useState(false);
  const [failure, setFailure] = useState<string | null>(null);
  const ready = !busy && !blocked && (phrase === null || typed.trim() === phrase);

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!ready) return;
    setBusy(true);
    setFailure(null);
    try {
      await onConfirm();
      onClose();
    } catch (error) {
      const { detail, remedy } = toApiError(error);
      setFailure(remedy === null ? detail : `${detail} ${remedy}`);
      setBusy(false);
    }
  };

  return (
    <ModalOverlay className="overlay" isOpen isDismissable={!busy} onOpenChange={(open) => open || onClose()}>
      <Modal className="modal">
        <Dialog role="alertdialog" className="dialog">
          <Heading slot="title">{title}</Heading>
          <form className="form" onSubmit={(event) => void submit(event)}>
            <div className="dialog-text">{children}</div>
            {fields}
            {phrase === null ? null : (
              <TextField
                label={t`Confirmation`}
                hint={
                  <Trans>
                    Type <strong className="mono">{phrase}</strong> to continue.
                  </Trans>
                }
                value={typed}
                onChange={setTyped}
                mono
                autoFocus
              />
            )}
            {failure === null ? null : (
              <p className="error-text" role="alert">
                {failure}
              </p>
            )}
            <div className="actions">
              <Button onPress={onClose} isDisabled={busy}>
                {t`Keep as it is`}
              </Button>
              <Button type="submit" look={danger ? "danger" : "primary"} isDisabled={!ready}>
                {busy ? t`Working…` : action}
              </Button>
            </div>
          </form>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
