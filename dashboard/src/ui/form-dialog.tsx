import { t } from "@lingui/core/macro";
import { useMutation } from "@tanstack/react-query";
import type { FormEvent, ReactNode } from "react";
import { Dialog, Heading, Modal, ModalOverlay } from "react-aria-components";
import { toApiError } from "../api/errors.ts";
import { Button } from "./button.tsx";

interface FormDialogProps {
  title: ReactNode;
  isWide?: boolean;
  /** Whether a field has an invalid value, so that the form cannot be saved. The fields show their errors. */
  refused: boolean;
  saveText?: string;
  save(): Promise<unknown>;
  /** Called after a successful save, before the dialog closes. */
  onSaved(): void | Promise<void>;
  onClose(): void;
  children: ReactNode;
}

/** A dialog with fields and a button that saves them. It stays open if the service refuses the values. */
export function FormDialog(props: FormDialogProps) {
  const { title, isWide = false, refused, saveText = t`Save`, save, onSaved, onClose, children } = props;
  const saving = useMutation({
    mutationFn: save,
    onSuccess: async () => {
      await onSaved();
      onClose();
    },
  });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!refused) saving.mutate();
  };
  return (
    <ModalOverlay className="overlay" isOpen isDismissable onOpenChange={(open) => open || onClose()}>
      <Modal className={isWide ? "modal modal-form" : "modal"}>
        <Dialog className="dialog">
          <Heading slot="title">{title}</Heading>
          <form className="form" onSubmit={submit}>
            {children}
            {saving.error === null ? null : (
              <p className="error-text" role="alert">
                {toApiError(saving.error).detail}
              </p>
            )}
            <div className="actions">
              <Button onPress={onClose}>{t`Keep as it is`}</Button>
              <Button type="submit" look="primary" isDisabled={refused || saving.isPending}>
                {saving.isPending ? t`Working…` : saveText}
              </Button>
            </div>
          </form>
        </Dialog>
      </Modal>
    </ModalOverlay>
  );
}
