import { plural, t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useState } from "react";
import { muteError } from "../../api/error-list.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";

const HOUR = 3_600_000;
const ENDS = [
  { text: () => t`In an hour`, body: { forMs: HOUR } },
  { text: () => t`In a day`, body: { forMs: 24 * HOUR } },
  { text: () => t`In a week`, body: { forMs: 168 * HOUR } },
  { text: () => t`After 100 more failures`, body: { failures: 100 } },
  { text: () => t`When somebody ends it`, body: {} },
] as const;

interface MuteDialogProps {
  errors: readonly { queue: string; signature: string }[];
  onMuted(): Promise<void>;
  onClose(): void;
}

export function MuteDialog({ errors, onMuted, onClose }: MuteDialogProps) {
  const [at, setAt] = useState(1);
  return (
    <FormDialog
      title={
        errors.length === 1
          ? t`Mute the error`
          : plural(errors.length, { one: "Mute # error", other: "Mute # errors" })
      }
      refused={false}
      saveText={t`Mute`}
      save={() =>
        Promise.all(errors.map(({ queue, signature }) => muteError(queue, signature, ENDS[at]?.body ?? {})))
      }
      onSaved={onMuted}
      onClose={onClose}
    >
      <p>
        <Trans>
          Muted errors are left out of the open errors. Their failures are still counted, and their tasks are
          not changed.
        </Trans>
      </p>
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
    </FormDialog>
  );
}
