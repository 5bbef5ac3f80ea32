import { t } from "@lingui/core/macro";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { type AlertCondition, type AlertRuleView, alertsKey, putRule } from "../../api/alerts.ts";
import { LabelledCheckbox } from "../../ui/checkbox.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { SpanField } from "../limits/limit-fields.tsx";
import { type RuleDraft, ruleBody, ruleDraft, ruleErrors } from "./rule-draft.ts";

const KIND_TEXT: Record<AlertCondition["kind"], () => string> = {
  dead_letters: () => t`Too many dead letters`,
  oldest_pending: () => t`The oldest pending task is too old`,
  no_workers: () => t`No workers while tasks wait`,
  failure_ratio: () => t`Too many attempts fail`,
};

interface RuleDialogProps {
  /** The rule to change; null for a new rule. */
  rule: AlertRuleView | null;
  targets: readonly string[];
  onClose(): void;
}

export function RuleDialog({ rule, targets, onClose }: RuleDialogProps) {
  const client = useQueryClient();
  const { say } = useToasts();
  const [draft, setDraft] = useState(() => {
    const first = ruleDraft(rule);
    // If there is only one target, a new rule starts with it, because a rule without a target would send nothing.
    return rule === null && targets.length === 1 ? { ...first, targets: [...targets] } : first;
  });
  const set = (part: Partial<RuleDraft>) => setDraft((before) => ({ ...before, ...part }));
  const errors = ruleErrors(draft);
  return (
    <FormDialog
      title={rule === null ? t`New alert rule` : t`Edit ${rule.name}`}
      isWide
      refused={Object.values(errors).some((error) => error !== null)}
      saveText={rule === null ? t`Create rule` : t`Save`}
      save={() => putRule(draft.name, ruleBody(draft))}
      onSaved={async () => {
        say(() => (rule === null ? t`${draft.name} created` : t`${draft.name} changed`));
        await client.invalidateQueries({ queryKey: alertsKey });
      }}
      onClose={onClose}
    >
      <div className="form-row">
        {rule === null ? (
          <TextField
            label={t`Name`}
            value={draft.name}
            onChange={(name) => set({ name })}
            error={draft.name === "" ? null : errors.name}
            mono
            autoFocus
          />
        ) : null}
        <TextField
          label={t`Queues`}
          hint={t`A queue, a pattern such as mail.*, or * for all.`}
          value={draft.queues}
          onChange={(queues) => set({ queues })}
          error={errors.queues}
          mono
        />
      </div>
      <label className="field">
        <span>{t`Condition`}</span>
        <select
          className="input"
          value={draft.kind}
          onChange={({ target }) => set({ kind: target.value as AlertCondition["kind"] })}
        >
          {Object.entries(KIND_TEXT).map(([kind, text]) => (
            <option key={kind} value={kind}>
              {text()}
            </option>
          ))}
        </select>
      </label>
      <ConditionFields draft={draft} errors={errors} set={set} />
      <div className="form-row">
        <SpanField
          label={t`For`}
          hint={t`How long the condition has to hold. Empty: the alert fires at once.`}
          value={draft.for}
          onChange={(span) => set({ for: span })}
          error={errors.for}
        />
        <SpanField
          label={t`Keep firing for`}
          hint={t`How long the condition has to be over before the alert ends. Empty: it ends at once.`}
          value={draft.keep}
          onChange={(keep) => set({ keep })}
          error={errors.keep}
        />
        <SpanField
          label={t`Repeat`}
          hint={t`While the alert fires, its message is repeated at this interval. Empty: never.`}
          value={draft.repeat}
          onChange={(repeat) => set({ repeat })}
          error={errors.repeat}
        />
      </div>
      <fieldset className="field">
        <legend>{t`Targets`}</legend>
        {targets.length === 0 ? (
          <span className="hint">{t`There is no target yet, so nobody gets a message.`}</span>
        ) : (
          targets.map((name) => (
            <LabelledCheckbox
              key={name}
              isSelected={draft.targets.includes(name)}
              onChange={(isSelected) =>
                set({
                  targets: isSelected
                    ? [...draft.targets, name]
                    : draft.targets.filter((other) => other !== name),
                })
              }
            >
              {name}
            </LabelledCheckbox>
          ))
        )}
      </fieldset>
      <LabelledCheckbox isSelected={draft.resolved} onChange={(resolved) => set({ resolved })}>
        {t`Send a message when the alert ends`}
      </LabelledCheckbox>
    </FormDialog>
  );
}

interface ConditionFieldsProps {
  draft: RuleDraft;
  errors: ReturnType<typeof ruleErrors>;
  set(part: Partial<RuleDraft>): void;
}

function ConditionFields({ draft, errors, set }: ConditionFieldsProps) {
  switch (draft.kind) {
    case "dead_letters":
      return (
        <TextField
          label={t`Dead letters above`}
          value={draft.dead}
          onChange={(dead) => set({ dead })}
          error={errors.dead}
          inputMode="numeric"
        />
      );
    case "oldest_pending":
      return (
        <SpanField
          label={t`Age above`}
          hint={t`A paused queue is left out.`}
          value={draft.age}
          onChange={(age) => set({ age })}
          error={errors.age}
        />
      );
    case "no_workers":
      return <p className="hint">{t`A paused queue is left out.`}</p>;
    default:
      return (
        <div className="form-row">
          <TextField
            label={t`Failed attempts above, %`}
            value={draft.percent}
            onChange={(percent) => set({ percent })}
            error={errors.percent}
          />
          <SpanField
            label={t`Within`}
            hint={t`At most 15 minutes.`}
            value={draft.window}
            onChange={(window) => set({ window })}
            error={errors.window}
          />
          <TextField
            label={t`At least this many attempts`}
            hint={t`With fewer attempts in this time, the alert does not fire.`}
            value={draft.minTasks}
            onChange={(minTasks) => set({ minTasks })}
            error={errors.minTasks}
            inputMode="numeric"
          />
        </div>
      );
  }
}
