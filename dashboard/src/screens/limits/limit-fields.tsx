import { t } from "@lingui/core/macro";
import { useId } from "react";
import { TextField } from "../../ui/text-field.tsx";
import type { LimitDraft, LimitErrors, SpanDraft } from "./limit-draft.ts";
import { type Change, UNITS } from "./limit-text.ts";

interface SpanFieldProps {
  label: string;
  hint: string;
  value: SpanDraft;
  onChange(span: SpanDraft): void;
  error: string | null;
  autoFocus?: boolean;
}

/** Shows a field for a number, with its unit of time. */
export function SpanField({ label, hint, value, onChange, error, autoFocus }: SpanFieldProps) {
  return (
    <div className="span-field">
      <TextField
        label={label}
        hint={hint}
        value={value.amount}
        onChange={(amount) => onChange({ ...value, amount })}
        error={error}
        inputMode="numeric"
        autoFocus={autoFocus ?? false}
      />
      <select
        className="input"
        aria-label={t`Unit of: ${label}`}
        value={value.unit}
        onChange={({ target }) => {
          const found = UNITS.find(({ unit }) => unit === target.value);
          if (found !== undefined) onChange({ ...value, unit: found.unit });
        }}
      >
        {UNITS.map(({ unit, many }) => (
          <option key={unit} value={unit}>
            {many()}
          </option>
        ))}
      </select>
    </div>
  );
}

interface LimitFieldsProps {
  draft: LimitDraft;
  errors: LimitErrors;
  /** The hint that explains the weight; null if the limit has no weight. */
  weightHint: string | null;
  onChange(draft: LimitDraft): void;
}

export function LimitFields({ draft, errors, weightHint, onChange }: LimitFieldsProps) {
  const set = (part: Partial<LimitDraft>) => onChange({ ...draft, ...part });
  return (
    <>
      <div className="form-row">
        <TextField
          label={t`At one time`}
          hint={t`How many tasks may run at once. Empty: no limit.`}
          value={draft.concurrency}
          onChange={(concurrency) => set({ concurrency })}
          error={errors.concurrency}
          inputMode="numeric"
        />
        {weightHint === null ? null : (
          <TextField
            label={t`Weight`}
            hint={weightHint}
            value={draft.weight}
            onChange={(weight) => set({ weight })}
            error={errors.weight}
            placeholder="1"
          />
        )}
      </div>
      <div className="form-row rate-row">
        <TextField
          label={t`Rate`}
          hint={t`How many tasks may start in each period. A task with a cost counts as that many tasks. Empty: no limit.`}
          value={draft.rate}
          onChange={(rate) => set({ rate })}
          error={errors.rate}
          inputMode="numeric"
        />
        <SpanField
          label={t`Period`}
          hint={t`The length of a period.`}
          value={draft.period}
          onChange={(period) => set({ period })}
          error={errors.period}
        />
        <TextField
          label={t`Burst`}
          hint={t`How many tasks may start at once after a pause. Empty: starts are evenly spaced.`}
          value={draft.burst}
          onChange={(burst) => set({ burst })}
          error={errors.burst}
          inputMode="numeric"
          placeholder="1"
        />
      </div>
    </>
  );
}

/** Lists what will change when the user saves. */
export function Changes({ changes }: { changes: readonly Change[] }) {
  const id = useId();
  return (
    <section className="changes" aria-labelledby={id}>
      <h3 id={id}>{t`What changes`}</h3>
      {changes.length === 0 ? (
        <p className="hint">{t`Nothing yet.`}</p>
      ) : (
        <ul>
          {changes.map(({ what, before, after }) => (
            <li key={what}>
              <span className="soft">{what}:</span> <del>{before}</del>{" "}
              <span className="visually-hidden">{t`becomes`}</span>
              <span aria-hidden="true">→</span> <ins>{after}</ins>
            </li>
          ))}
        </ul>
      )}
    </section>
  );
}
