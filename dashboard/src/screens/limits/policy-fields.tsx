import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import type { KeyLimits, QueueLimits } from "../../api/limits.ts";
import { LabelledCheckbox } from "../../ui/checkbox.tsx";
import { Segments } from "../../ui/segments.tsx";
import { TextField } from "../../ui/text-field.tsx";
import type { KeyLimitErrors, PolicyDraft } from "./policy-draft.ts";

interface PolicyFieldsProps {
  draft: PolicyDraft;
  errors: KeyLimitErrors;
  onChange(draft: PolicyDraft): void;
}

/**
 * Shows the fields for the policies of each key: the order, what happens if a key is full, and the most waiting
 * tasks.
 */
export function PolicyFields({ draft, errors, onChange }: PolicyFieldsProps) {
  const set = (part: Partial<PolicyDraft>) => onChange({ ...draft, ...part });
  return (
    <>
      <div className="form-row">
        <div className="field">
          <LabelledCheckbox isSelected={draft.ordered} onChange={(ordered) => set({ ordered })}>
            {t`Strict order`}
          </LabelledCheckbox>
          <span className="hint">
            <Trans>
              A failed task keeps its place, and later tasks of its key wait for its retry. Needs 1 at one
              time.
            </Trans>
          </span>
        </div>
        {draft.ordered ? (
          <div className="field">
            <span>{t`After a dead letter`}</span>
            <Segments<NonNullable<KeyLimits["onDead"]>>
              label={t`After a dead letter`}
              value={draft.onDead}
              onChange={(onDead) => set({ onDead })}
              options={[
                { value: "continue", text: t`Go on` },
                { value: "stop", text: t`Stop the key` },
              ]}
            />
            <span className="hint">
              <Trans>
                A stopped key continues when its dead letter is replayed, or when somebody ends its hold.
              </Trans>
            </span>
          </div>
        ) : null}
      </div>
      <div className="form-row">
        <div className="field">
          <span>{t`When full`}</span>
          <Segments<NonNullable<KeyLimits["whenFull"]>>
            label={t`When full`}
            value={draft.whenFull}
            onChange={(whenFull) => set({ whenFull })}
            options={[
              { value: "wait", text: t`Wait` },
              { value: "drop-new", text: t`Refuse new` },
              { value: "cancel-running", text: t`Cancel oldest` },
            ]}
          />
          <span className="hint">
            <Trans>
              What happens to a new task if its key already runs as many tasks as the limit allows.
            </Trans>
          </span>
        </div>
        <TextField
          label={t`Most waiting`}
          hint={t`A new task is refused if this many tasks of its key wait. Empty: no limit.`}
          value={draft.maxWaiting}
          onChange={(maxWaiting) => set({ maxWaiting })}
          error={errors.maxWaiting}
          inputMode="numeric"
        />
      </div>
    </>
  );
}

export type FairBy = NonNullable<QueueLimits["fairBy"]>;

/** Shows the field for what the keys of a queue share fairly: the number of starts, or the running time. */
export function FairField({ value, onChange }: { value: FairBy; onChange(value: FairBy): void }) {
  return (
    <div className="field">
      <span>{t`Keys share`}</span>
      <Segments<FairBy>
        label={t`Keys share`}
        value={value}
        onChange={onChange}
        options={[
          { value: "starts", text: t({ message: "Starts", context: "keys share" }) },
          { value: "time", text: t`Running time` },
        ]}
      />
      <span className="hint">
        <Trans>
          With running time, a key whose tasks run longer than those of other keys starts fewer of them.
        </Trans>
      </span>
    </div>
  );
}
