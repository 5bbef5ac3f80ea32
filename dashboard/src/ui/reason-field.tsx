import { t } from "@lingui/core/macro";
import { TextField } from "./text-field.tsx";

const MOST_CHARACTERS = 256;

/** A field for the reason of an action, which is stored in the audit log. */
export function ReasonField({ value, onChange }: { value: string; onChange(reason: string): void }) {
  return (
    <TextField
      label={t`Reason`}
      hint={t`Optional. Kept in the audit log.`}
      value={value}
      onChange={(text) => onChange(text.slice(0, MOST_CHARACTERS))}
    />
  );
}
