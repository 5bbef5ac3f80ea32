import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQueryClient } from "@tanstack/react-query";
import { limitsKey, putKeyLimit, type QueueLimits, type TaskKeyView } from "../../api/limits.ts";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { HoldDialog } from "./hold-dialog.tsx";
import { limitText } from "./limit-text.ts";
import { KeyLimitDialog } from "./limits-dialog.tsx";

export type KeyAction = "hold" | "end hold" | "limit" | "take limit away";

/** The action that the user chose for a key, with the data of the key at that moment. */
export interface AskedKey {
  action: KeyAction;
  row: TaskKeyView;
}

interface KeyDialogProps {
  queue: string;
  limits: QueueLimits;
  asked: AskedKey;
  onClose(): void;
}

/**
 * The dialog for an action on a key. It is not part of the row of the key, because the row disappears when no task of
 * the key waits any more.
 */
export function KeyDialog({ queue, limits, asked: { action, row }, onClose }: KeyDialogProps) {
  const { say } = useToasts();
  const client = useQueryClient();
  if (action === "limit") return <KeyLimitDialog queue={queue} row={row} limits={limits} onClose={onClose} />;
  if (action !== "take limit away")
    return (
      <HoldDialog
        queue={queue}
        of={{ key: row.key }}
        held={action === "end hold"}
        stopped={row.blockedBy === "stopped"}
        onClose={onClose}
      />
    );
  return (
    <ConfirmDialog
      title={t`Take the limit away`}
      action={t`Take it away`}
      phrase={null}
      onConfirm={async () => {
        await putKeyLimit(queue, row.key, null);
        say(() => t`The limit of the key is gone`);
        await client.invalidateQueries({ queryKey: limitsKey(queue) });
      }}
      onClose={onClose}
    >
      <p>
        <Trans>
          The limit for each key then applies again to{" "}
          <strong className="mono key-text">
            <ForeignText text={row.key} />
          </strong>
          : {limitText(limits.key ?? {})}.
        </Trans>
      </p>
    </ConfirmDialog>
  );
}
