import { useState } from "react";
import { muteError } from "../../api/error-list.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";

const HOUR = 3_600_000;
const ENDS = [
  { text: "In an hour", body: { forMs: HOUR } },
  { text: "In a day", body: { forMs: 24 * HOUR } },
  { text: "In a week", body: { forMs: 168 * HOUR } },
  { text: "After 100 more failures", body: { failures: 100 } },
  { text: "When somebody ends it", body: {} },
] as const;

interface MuteDialogProps {
  queue: string;
  signature: string;
  onMuted(): Promise<unknown>;
  onClose(): void;
}

export function MuteDialog({ queue, signature, onMuted, onClose }: MuteDialogProps) {
  const [at, setAt] = useState(1);
  return (
    <FormDialog
      title="Mute the error"
      refused={false}
      saveText="Mute"
      save={() => muteError(queue, signature, ENDS[at]?.body ?? {})}
      onSaved={async () => {
        await onMuted();
      }}
      onClose={onClose}
    >
      <p>It is left out of the open errors. Its failures are still counted, and its tasks are not changed.</p>
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
    </FormDialog>
  );
}
