import { t } from "@lingui/core/macro";
import { type ReactNode, useState } from "react";
import { FormDialog } from "./form-dialog.tsx";
import { ReasonField } from "./reason-field.tsx";

/** When the mute of an error ends: after some time, after some failures, or when somebody ends it. */
export interface MuteEnd {
  forMs?: number;
  failures?: number;
}
interface End {
  text(): string;
  end: MuteEnd;
}

const HOUR = 3_600_000;
const TIMES: End[] = [
  { text: () => t`In an hour`, end: { forMs: HOUR } },
  { text: () => t`In eight hours`, end: { forMs: 8 * HOUR } },
  { text: () => t`In a day`, end: { forMs: 24 * HOUR } },
  { text: () => t`In a week`, end: { forMs: 168 * HOUR } },
];
const NEVER: End = { text: () => t`When somebody ends it`, end: {} };

interface MuteDialogProps {
  title: string;
  /** A text that explains the effect of the mute. */
  children: ReactNode;
  /** More moments at which the mute can end, for the user to choose from. */
  ends?: End[];
  save(mute: MuteEnd & { reason?: string }): Promise<unknown>;
  onSaved(): void | Promise<void>;
  onClose(): void;
}

export function MuteDialog({ title, children, ends = [], save, onSaved, onClose }: MuteDialogProps) {
  const [at, setAt] = useState(0);
  const [reason, setReason] = useState("");
  const all = [...TIMES, ...ends, NEVER];
  const given = reason.trim() === "" ? {} : { reason: reason.trim() };
  return (
    <FormDialog
      title={title}
      refused={false}
      saveText={t`Mute`}
      save={() => save({ ...all[at]?.end, ...given })}
      onSaved={onSaved}
      onClose={onClose}
    >
      <p>{children}</p>
      <label className="field">
        <span>{t`The mute ends`}</span>
        <select className="input" value={at} onChange={({ target }) => setAt(Number(target.value))}>
          {all.map(({ text }, place) => (
            <option key={text()} value={place}>
              {text()}
            </option>
          ))}
        </select>
      </label>
      <ReasonField value={reason} onChange={setReason} />
    </FormDialog>
  );
}
