import { t } from "@lingui/core/macro";
import { useState } from "react";
import { muteRule } from "../../api/alerts.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { TextField } from "../../ui/text-field.tsx";

const HOUR = 3_600_000;
const ENDS = [
  { text: () => t`In an hour`, forMs: HOUR },
  { text: () => t`In eight hours`, forMs: 8 * HOUR },
  { text: () => t`In a day`, forMs: 24 * HOUR },
  { text: () => t`In a week`, forMs: 168 * HOUR },
  { text: () => t`When somebody ends it`, forMs: undefined },
] as const;

interface MuteRuleDialogProps {
  name: string;
  onMuted(): Promise<unknown>;
  onClose(): void;
}

export function MuteRuleDialog({ name, onMuted, onClose }: MuteRuleDialogProps) {
  const [at, setAt] = useState(0);
  const [reason, setReason] = useState("");
  return (
    <FormDialog
      title={t`Mute ${name}`}
      refused={false}
      saveText={t`Mute`}
      save={() => muteRule(name, ENDS[at]?.forMs, reason.trim())}
      onSaved={async () => {
        await onMuted();
      }}
      onClose={onClose}
    >
      <p>{t`It sends no messages that alerts fire. When the mute ends, it tells those that still fire.`}</p>
      <label className="field">
        <span>{t`The mute ends`}</span>
        <select className="input" value={at} onChange={({ target }) => setAt(Number(target.value))}>
          {ENDS.map(({ text }, place) => (
            <option key={text()} value={place}>
              {text()}
            </option>
          ))}
        </select>
      </label>
      <TextField label={t`Reason`} hint={t`Kept in the audit log.`} value={reason} onChange={setReason} />
    </FormDialog>
  );
}
