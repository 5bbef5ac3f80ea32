import { plural, t } from "@lingui/core/macro";
import { useState } from "react";
import type { DeadLetterTarget } from "../../api/dead-letters.ts";
import { count } from "../../format/number.ts";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { ReasonField } from "../../ui/reason-field.tsx";
import { confirmationPhrase } from "../confirmation.ts";
import { useTargetSize } from "./use-target-size.ts";

interface DiscardDialogProps {
  queue: string;
  target: DeadLetterTarget;
  what: string;
  onDiscard(reason: string | undefined): Promise<void>;
  onClose(): void;
}

export function DiscardDialog({ queue, target, what, onDiscard, onClose }: DiscardDialogProps) {
  const { size, problem } = useTargetSize(queue, target);
  const [reason, setReason] = useState("");
  return (
    <ConfirmDialog
      title={
        size === null
          ? t`Discard dead letters`
          : plural(size, { one: "Discard # dead letter", other: "Discard # dead letters" })
      }
      action={t`Discard`}
      danger
      blocked={size === null || size === 0}
      phrase={size === null ? null : confirmationPhrase("discard", size)}
      onConfirm={() => onDiscard(reason.trim() === "" ? undefined : reason.trim())}
      onClose={onClose}
      fields={<ReasonField value={reason} onChange={setReason} />}
    >
      <p>
        {size === null
          ? (problem ?? t`Counting ${what}…`)
          : size === 0
            ? t`None of these dead letters is left.`
            : t`From ${queue}: ${what === "all" ? t`all ${count(size)}` : what}. The tasks are removed with payload and history, and can be restored for ten minutes.`}
      </p>
    </ConfirmDialog>
  );
}
