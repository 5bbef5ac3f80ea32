import type { MissedPolicy, OverlapPolicy, UniqueScope } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { LabelledCheckbox } from "../../ui/checkbox.tsx";
import { Segments } from "../../ui/segments.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { SpanField } from "../limits/limit-fields.tsx";
import {
  type BackoffDraft,
  type errorsOf,
  type KeepDraft,
  type ScheduleDraft,
  scopesOf,
  type UniqueDraft,
} from "./schedule-draft.ts";

export interface FieldsProps {
  draft: ScheduleDraft;
  errors: ReturnType<typeof errorsOf>;
  set(part: Partial<ScheduleDraft>): void;
}

/** Shows the fields for the start and the end of the schedule. */
export function SpanOfSchedule({ draft, errors, set, isNew }: FieldsProps & { isNew: boolean }) {
  const hasStart = draft.startAt.trim() !== "";
  return (
    <>
      <div className="form-row">
        <TextField
          label={t`Starts`}
          hint={t`In UTC, such as 2030-01-31 08:00. Empty: now.`}
          value={draft.startAt}
          onChange={(startAt) => set({ startAt })}
          error={errors.startAt}
        />
        <TextField
          label={t`Ends`}
          hint={t`In UTC. Empty: never.`}
          value={draft.endAt}
          onChange={(endAt) => set({ endAt })}
          error={errors.endAt}
        />
        <TextField
          label={t`Most runs`}
          hint={t`The schedule ends after this many runs. Empty: no end.`}
          value={draft.limit}
          onChange={(limit) => set({ limit })}
          error={errors.limit}
          inputMode="numeric"
        />
      </div>
      {isNew ? (
        <div className="form-row">
          <LabelledCheckbox
            isSelected={draft.immediately && !hasStart}
            isDisabled={hasStart}
            onChange={(immediately) => set({ immediately })}
          >
            {t`First run at once`}
          </LabelledCheckbox>
          <LabelledCheckbox isSelected={draft.paused} onChange={(paused) => set({ paused })}>
            {t`Paused at first`}
          </LabelledCheckbox>
        </div>
      ) : null}
    </>
  );
}

/** Shows the fields for how long a failed task waits before its next attempt. */
export function BackoffFields({ draft, errors, set }: FieldsProps) {
  const { backoff } = draft;
  const setBackoff = (part: Partial<BackoffDraft>) => set({ backoff: { ...backoff, ...part } });
  return (
    <>
      <div className="field">
        <span>{t`Wait before a retry`}</span>
        <Segments<BackoffDraft["kind"]>
          label={t`Wait before a retry`}
          value={backoff.kind}
          onChange={(kind) => setBackoff({ kind })}
          options={[
            { value: "default", text: t`As the worker does` },
            { value: "exponential", text: t`Doubles` },
            { value: "fixed", text: t`Always the same` },
          ]}
        />
      </div>
      {backoff.kind === "default" ? null : (
        <div className="form-row">
          <SpanField
            label={backoff.kind === "fixed" ? t`The wait` : t`The first wait`}
            hint={t`Empty: 1 s.`}
            value={backoff.base}
            onChange={(base) => setBackoff({ base })}
            error={errors.backoffBase}
          />
          <SpanField
            label={t`The longest wait`}
            hint={t`Empty: 1 h.`}
            value={backoff.max}
            onChange={(max) => setBackoff({ max })}
            error={errors.backoffMax}
          />
          <div className="field">
            <span>{t`Spread`}</span>
            <Segments<BackoffDraft["jitter"]>
              label={t`Spread`}
              value={backoff.jitter}
              onChange={(jitter) => setBackoff({ jitter })}
              options={[
                { value: "full", text: t`Random` },
                { value: "none", text: t`Exact` },
              ]}
            />
            <span className="hint">{t`Random: a part of the wait, so that retries do not come together.`}</span>
          </div>
        </div>
      )}
    </>
  );
}

export function TaskTimes({ draft, errors, set }: FieldsProps) {
  return (
    <div className="form-row">
      <SpanField
        label={t`Time-out`}
        hint={t`Longest time of one attempt. Empty: the default.`}
        value={draft.timeout}
        onChange={(timeout) => set({ timeout })}
        error={errors.timeout}
      />
      <SpanField
        label={t`Expires after`}
        hint={t`A task expires if it has not begun this long after its time. Empty: never.`}
        value={draft.expiresAfter}
        onChange={(expiresAfter) => set({ expiresAfter })}
        error={errors.expiresAfter}
      />
      <TextField
        label={t`Tags`}
        hint={t`With commas between them.`}
        value={draft.tags}
        onChange={(tags) => set({ tags })}
        error={errors.tags}
      />
    </div>
  );
}

/** Shows the fields for how long the tasks are kept after their end. */
export function KeepFields({ draft, errors, set }: FieldsProps) {
  const { keep } = draft;
  const setKeep = (part: Partial<KeepDraft>) => set({ keep: { ...keep, ...part } });
  return (
    <div className="form-row">
      <SpanField
        label={t`Keep the completed task for`}
        hint={t`0: the next sweep of a janitor removes it. Empty: as the queue does.`}
        value={keep.completed}
        onChange={(completed) => setKeep({ completed })}
        error={errors.keepCompleted}
      />
      <TextField
        label={t`Keep at most`}
        hint={t`How many of the newest completed tasks of this type are kept. Only tasks with this option count. Empty: no limit by type.`}
        value={keep.count}
        onChange={(count) => setKeep({ count })}
        error={errors.keepCount}
        inputMode="numeric"
      />
      <SpanField
        label={t`Keep the dead letter for`}
        hint={t`After this time it is dropped for good. Empty: only the caps of the queue apply.`}
        value={keep.dead}
        onChange={(dead) => setKeep({ dead })}
        error={errors.keepDead}
      />
    </div>
  );
}

const SCOPE_TEXT: Record<UniqueScope, () => string> = {
  unfinished: () => t`Until it has ended`,
  waiting: () => t`Until it runs`,
  window: () => t`For a time`,
};

/** Shows the fields for the unique key, and for what happens if another task holds it when a run is due. */
export function UniqueFields({ draft, errors, set }: FieldsProps) {
  const { unique } = draft;
  const setUnique = (part: Partial<UniqueDraft>) => {
    const next = { ...unique, ...part };
    const scopes = scopesOf(next.onConflict);
    set({ unique: scopes.includes(next.scope) ? next : { ...next, scope: "unfinished" } });
  };
  return (
    <>
      <TextField
        label={t`Unique key`}
        hint={t`A run enqueues its task only if no other task holds this key. Empty: no unique key.`}
        value={unique.key}
        onChange={(key) => setUnique({ key })}
        error={errors.uniqueKey}
        mono
      />
      {unique.key === "" ? null : (
        <div className="form-row">
          <div className="field">
            <span>{t`While another task holds the key`}</span>
            <Segments<UniqueDraft["onConflict"]>
              label={t`While another task holds the key`}
              value={unique.onConflict}
              onChange={(onConflict) => setUnique({ onConflict })}
              options={[
                { value: "existing", text: t`Skip` },
                { value: "replace", text: t`Replace` },
                { value: "keepLatest", text: t`Keep latest` },
              ]}
            />
            <span className="hint">
              <Trans>
                Replace: a waiting task gets this payload. Keep latest: the same, and while a task runs, one
                more may wait.
              </Trans>
            </span>
          </div>
          <div className="field">
            <span>{t`A task holds the key`}</span>
            <Segments<UniqueScope>
              label={t`A task holds the key`}
              value={unique.scope}
              onChange={(scope) => setUnique({ scope })}
              options={scopesOf(unique.onConflict).map((value) => ({ value, text: SCOPE_TEXT[value]() }))}
            />
          </div>
          {unique.scope === "window" ? (
            <SpanField
              label={t`Window`}
              hint={t`The time begins with the enqueue of the task.`}
              value={unique.window}
              onChange={(window) => setUnique({ window })}
              error={errors.window}
            />
          ) : null}
        </div>
      )}
    </>
  );
}

/** Shows the fields for what happens to missed and to overlapping runs. */
export function PolicyFields({ draft, set }: Pick<FieldsProps, "draft" | "set">) {
  return (
    <div className="form-row">
      <div className="field">
        <span>{t`Missed runs`}</span>
        <Segments<MissedPolicy>
          label={t`Missed runs`}
          value={draft.missed}
          onChange={(missed) => set({ missed })}
          options={[
            { value: "skip", text: t`Skip` },
            { value: "once", text: t`Run one` },
            { value: "all", text: t`Run each` },
          ]}
        />
        <span className="hint">{t`Applies to runs that were due while no janitor was running.`}</span>
      </div>
      <div className="field">
        <span>{t`If the previous run has not ended`}</span>
        <Segments<OverlapPolicy>
          label={t`If the previous run has not ended`}
          value={draft.overlap}
          onChange={(overlap) => set({ overlap })}
          options={[
            { value: "allow", text: t`Enqueue` },
            { value: "skip", text: t`Skip` },
          ]}
        />
      </div>
    </div>
  );
}
