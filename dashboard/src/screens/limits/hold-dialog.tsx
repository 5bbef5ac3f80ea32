import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type HoldOf, hold, limitsKey } from "../../api/limits.ts";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { ReasonField } from "../../ui/reason-field.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { type SpanDraft, spanError, spanMsOf } from "./limit-draft.ts";
import { SpanField } from "./limit-fields.tsx";

interface HoldDialogProps {
  queue: string;
  of: HoldOf;
  /** Whether the key, type or queue is held or stopped at present. If so, the dialog ends the hold. */
  held: boolean;
  /** Whether a dead letter stopped the key. */
  stopped?: boolean;
  onClose(): void;
}

/** A dialog that holds a key, a type or a queue for some time, or ends its hold. */
export function HoldDialog({ queue, of, held, stopped = false, onClose }: HoldDialogProps) {
  const client = useQueryClient();
  const { say } = useToasts();
  const [span, setSpan] = useState<SpanDraft>({ amount: "10", unit: "min" });
  const [reason, setReason] = useState("");
  const error = spanError(span);
  // The key is in the text and not in the title, because it may be long or read from right to left.
  const { key, type } = of;
  const name = key !== undefined ? t`a key` : (type ?? queue);
  return (
    <ConfirmDialog
      title={held ? t`End the hold of ${name}` : t`Hold ${name}`}
      action={held ? t`End the hold` : t`Hold it`}
      phrase={null}
      blocked={!held && error !== null}
      fields={
        <>
          {held ? null : (
            <SpanField
              label={t`For how long`}
              hint={t`The hold then ends by itself.`}
              value={span}
              onChange={setSpan}
              error={error}
              autoFocus
            />
          )}
          <ReasonField value={reason} onChange={setReason} />
        </>
      }
      onConfirm={async () => {
        await hold(queue, of, held ? 0 : spanMsOf(span), reason.trim());
        if (key !== undefined) say(() => (held ? t`The hold of the key has ended` : t`The key is held`));
        else if (type !== undefined)
          say(() => (held ? t`The hold of the type has ended` : t`The type is held`));
        else say(() => (held ? t`The hold of the queue has ended` : t`The queue is held`));
        await client.invalidateQueries({ queryKey: limitsKey(queue) });
      }}
      onClose={onClose}
    >
      {key === undefined ? null : (
        <p className="mono key-text">
          <ForeignText text={key} />
        </p>
      )}
      {stopped ? (
        <p>
          <Trans>
            A task of this key died. If the order of its tasks matters, replay the dead letter instead: it is
            then the next task of the key. Otherwise the tasks behind it start without it.
          </Trans>
        </p>
      ) : null}
      <p>
        {held
          ? t`Its tasks may start again at once, as its limits allow.`
          : t`None of its tasks starts during this time. Tasks that already run continue, and enqueues are still accepted.`}
      </p>
    </ConfirmDialog>
  );
}
