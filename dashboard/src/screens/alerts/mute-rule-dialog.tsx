import { useState } from "react";
import { muteRule } from "../../api/alerts.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { TextField } from "../../ui/text-field.tsx";

const HOUR = 3_600_000;
const ENDS = [
  { text: "In an hour", forMs: HOUR },
  { text: "In eight hours", forMs: 8 * HOUR },
  { text: "In a day", forMs: 24 * HOUR },
  { text: "In a week", forMs: 168 * HOUR },
  { text: "When somebody ends it", forMs: undefined },
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
      title={`Mute ${name}`}
      refused={false}
      saveText="Mute"
      save={() => muteRule(name, ENDS[at]?.forMs, reason.trim())}
      onSaved={async () => {
        await onMuted();
      }}
      onClose={onClose}
    >
      <p>It sends no messages that alerts fire. When the mute ends, it tells those that still fire.</p>
      <label className="field">
        <span>The mute ends</span>
        <select className="input" value={at} onChange={({ target }) => setAt(Number(target.value))}>
          {ENDS.map(({ text }, place) => (
            <option key={text} value={place}>
              {text}
            </option>
          ))}
        </select>
      </label>
      <TextField label="Reason" hint="Kept in the audit log." value={reason} onChange={setReason} />
    </FormDialog>
  );
}
