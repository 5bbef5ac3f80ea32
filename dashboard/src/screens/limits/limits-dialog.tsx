import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import {
  type LimitsView,
  limitsKey,
  putKeyLimit,
  type QueueLimits,
  type TaskKeyView,
} from "../../api/limits.ts";
import { clockTime } from "../../format/time.ts";
import { useNow } from "../../live/live-context.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { useToasts } from "../../ui/toast.tsx";
import {
  hasErrors,
  limitDraft,
  limitErrors,
  limitOf,
  type SpanDraft,
  spanDraft,
  spanError,
  spanMsOf,
} from "./limit-draft.ts";
import { Changes, LimitFields, SpanField } from "./limit-fields.tsx";
import { limitChanges, limitOfKey, queueLimitsChanges, UNITS } from "./limit-text.ts";
import { keyLimitErrors, keyLimitOf, policyDraft } from "./policy-draft.ts";
import { type FairBy, FairField, PolicyFields } from "./policy-fields.tsx";
import { saveLimits } from "./save-limits.ts";
import { TrialPanel } from "./trial-panel.tsx";

/** Edits the limits of the queue and of all keys. */
export function LimitsDialog({ view, onClose }: { view: LimitsView; onClose(): void }) {
  const { queue } = view;
  const client = useQueryClient();
  const { say } = useToasts();
  // The form keeps the limits that it was opened with, because live data would replace what the user has typed.
  const [before] = useState(view.limits);
  const [all, setAll] = useState(() => limitDraft(before.queue));
  const [each, setEach] = useState(() => limitDraft(before.key));
  const [policy, setPolicy] = useState(() => policyDraft(before.key));
  const [fairBy, setFairBy] = useState<FairBy>(before.fairBy ?? "starts");
  const errors = { all: limitErrors(all), each: keyLimitErrors(each, policy) };
  const invalid = hasErrors(errors.all) || hasErrors(errors.each);
  const [queueLimit, keyLimit] = invalid ? [] : [limitOf(all), keyLimitOf(each, policy)];
  const next: QueueLimits = {
    ...(queueLimit === undefined ? {} : { queue: queueLimit }),
    ...(keyLimit === undefined ? {} : { key: keyLimit }),
    ...(before.types === undefined ? {} : { types: before.types }),
    ...(fairBy === "starts" ? {} : { fairBy }),
  };
  const changes = invalid ? [] : queueLimitsChanges(before, next);
  return (
    <FormDialog
      title={t`Limits of ${queue}`}
      isWide
      refused={invalid || changes.length === 0}
      save={() => saveLimits(queue, before, next)}
      onSaved={() => {
        say(
          () => t`Limits of ${queue} changed`,
          () => t`The next task that starts obeys them.`,
        );
        void client.invalidateQueries({ queryKey: limitsKey(queue) });
      }}
      onClose={onClose}
    >
      <fieldset className="form">
        <legend>{t`All tasks together`}</legend>
        <LimitFields
          draft={all}
          errors={errors.all}
          weightHint={t`The share of turns for tasks without a key, compared with a single key.`}
          onChange={setAll}
        />
      </fieldset>
      <fieldset className="form">
        <legend>{t`The tasks of each key`}</legend>
        <LimitFields
          draft={each}
          errors={errors.each}
          weightHint={t`The share of turns for a key, compared with other keys.`}
          onChange={setEach}
        />
        <PolicyFields draft={policy} errors={errors.each} onChange={setPolicy} />
        <FairField value={fairBy} onChange={setFairBy} />
      </fieldset>
      <Changes changes={changes} />
      <TrialPanel queue={queue} limits={invalid ? null : next} />
    </FormDialog>
  );
}

interface KeyLimitDialogProps {
  queue: string;
  row: TaskKeyView;
  limits: QueueLimits;
  onClose(): void;
}

const spanText = ({ amount, unit }: SpanDraft): string =>
  t`in ${amount} ${amount === "1" ? unit : (UNITS.find((each) => each.unit === unit)?.many() ?? unit)}`;

/**
 * Returns the time until a limit ends, rounded up. If the user does not change this time, a save moves the end by
 * less than one unit.
 */
function timeLeft(until: number | null, now: number): SpanDraft {
  if (until === null) return { amount: "", unit: "h" };
  const step = until - now > 600_000 ? 60_000 : 1_000;
  return spanDraft(Math.max(1, Math.ceil((until - now) / step)) * step);
}

/** Gives one key a limit of its own, or changes it. */
export function KeyLimitDialog({ queue, row, limits, onClose }: KeyLimitDialogProps) {
  const client = useQueryClient();
  const { say } = useToasts();
  const now = useNow();
  const [opened] = useState(() => ({ row, limit: limitOfKey(row, limits), at: now }));
  const { limitUntil } = opened.row;
  const [kept] = useState(() => timeLeft(limitUntil, opened.at));
  const [draft, setDraft] = useState(() => limitDraft(opened.limit));
  const [end, setEnd] = useState(kept);
  const errors = limitErrors(draft);
  const endError = end.amount.trim() === "" ? null : spanError(end);
  const invalid = hasErrors(errors) || endError !== null;
  const limit = invalid ? undefined : limitOf(draft);
  const ends = end.amount.trim() !== "";
  const changes = invalid ? [] : limitChanges(t`This key`, opened.limit, limit);
  if (!invalid && (end.amount !== kept.amount || (ends && end.unit !== kept.unit)))
    changes.push({
      what: t`It ends`,
      before: limitUntil === null ? t`never` : t`at ${clockTime(limitUntil)}`,
      after: ends ? spanText(end) : t`never`,
    });
  if (!invalid && opened.row.limit === null)
    changes.unshift({ what: t`Limit of this key`, before: t`that of each key`, after: t`its own` });
  return (
    <FormDialog
      title={
        <Trans>
          Limit of <ForeignText text={row.key} />
        </Trans>
      }
      isWide
      refused={invalid || changes.length === 0}
      save={() => putKeyLimit(queue, row.key, { ...limit, ...(ends ? { forMs: spanMsOf(end) } : {}) })}
      onSaved={() => {
        say(
          () => t`The key has a limit of its own`,
          () => t`The next task that starts obeys it.`,
        );
        void client.invalidateQueries({ queryKey: limitsKey(queue) });
      }}
      onClose={onClose}
    >
      <p className="soft">
        <Trans>
          This limit replaces the limit for each key. If all fields are empty, this key has no limit.
        </Trans>
      </p>
      <LimitFields
        draft={draft}
        errors={errors}
        weightHint={t`The share of turns for this key, compared with other keys.`}
        onChange={setDraft}
      />
      <SpanField
        label={t`Ends after`}
        hint={t`The limit for each key then applies again. Empty: this limit never ends.`}
        value={end}
        onChange={setEnd}
        error={endError}
      />
      <Changes changes={changes} />
    </FormDialog>
  );
}
