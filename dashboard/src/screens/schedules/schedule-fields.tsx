import type { MissedPolicy, OverlapPolicy, UniqueScope } from "@holdfast/contracts";
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
          label="Starts"
          hint="In UTC, such as 2030-01-31 08:00. Empty: now."
          value={draft.startAt}
          onChange={(startAt) => set({ startAt })}
          error={errors.startAt}
        />
        <TextField
          label="Ends"
          hint="In UTC. Empty: never."
          value={draft.endAt}
          onChange={(endAt) => set({ endAt })}
          error={errors.endAt}
        />
        <TextField
          label="Most runs"
          hint="The schedule ends after this many runs. Empty: no end."
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
            First run at once
          </LabelledCheckbox>
          <LabelledCheckbox isSelected={draft.paused} onChange={(paused) => set({ paused })}>
            Paused at first
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
        <span>Wait before a retry</span>
        <Segments<BackoffDraft["kind"]>
          label="Wait before a retry"
          value={backoff.kind}
          onChange={(kind) => setBackoff({ kind })}
          options={[
            { value: "default", text: "As the worker does" },
            { value: "exponential", text: "Doubles" },
            { value: "fixed", text: "Always the same" },
          ]}
        />
      </div>
      {backoff.kind === "default" ? null : (
        <div className="form-row">
          <SpanField
            label={backoff.kind === "fixed" ? "The wait" : "The first wait"}
            hint="Empty: 1 s."
            value={backoff.base}
            onChange={(base) => setBackoff({ base })}
            error={errors.backoffBase}
          />
          <SpanField
            label="The longest wait"
            hint="Empty: 1 h."
            value={backoff.max}
            onChange={(max) => setBackoff({ max })}
            error={errors.backoffMax}
          />
          <div className="field">
            <span>Spread</span>
            <Segments<BackoffDraft["jitter"]>
              label="Spread"
              value={backoff.jitter}
              onChange={(jitter) => setBackoff({ jitter })}
              options={[
                { value: "full", text: "Random" },
                { value: "none", text: "Exact" },
              ]}
            />
            <span className="hint">Random: a part of the wait, so that retries do not come together.</span>
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
        label="Time-out"
        hint="Longest time of one attempt. Empty: the default."
        value={draft.timeout}
        onChange={(timeout) => set({ timeout })}
        error={errors.timeout}
      />
      <SpanField
        label="Expires after"
        hint="A task expires if it has not begun this long after its time. Empty: never."
        value={draft.expiresAfter}
        onChange={(expiresAfter) => set({ expiresAfter })}
        error={errors.expiresAfter}
      />
      <TextField
        label="Tags"
        hint="With commas between them."
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
        label="Keep the completed task for"
        hint="0: the next sweep of a janitor removes it. Empty: as the queue does."
        value={keep.completed}
        onChange={(completed) => setKeep({ completed })}
        error={errors.keepCompleted}
      />
      <TextField
        label="Keep at most"
        hint="How many of the newest completed tasks of this type are kept. Only tasks with this option count. Empty: no limit by type."
        value={keep.count}
        onChange={(count) => setKeep({ count })}
        error={errors.keepCount}
        inputMode="numeric"
      />
      <SpanField
        label="Keep the dead letter for"
        hint="After this time it is dropped for good. Empty: only the caps of the queue apply."
        value={keep.dead}
        onChange={(dead) => setKeep({ dead })}
        error={errors.keepDead}
      />
    </div>
  );
}

const SCOPE_TEXT: Record<UniqueScope, string> = {
  unfinished: "Until it has ended",
  waiting: "Until it runs",
  window: "For a time",
};

/** Shows the fields for the unique key of the tasks, and for what a run does while another task holds the key. */
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
        label="Unique key"
        hint="A run enqueues its task only if no other task holds this key. Empty: no unique key."
        value={unique.key}
        onChange={(key) => setUnique({ key })}
        error={errors.uniqueKey}
        mono
      />
      {unique.key === "" ? null : (
        <div className="form-row">
          <div className="field">
            <span>While another task holds the key</span>
            <Segments<UniqueDraft["onConflict"]>
              label="While another task holds the key"
              value={unique.onConflict}
              onChange={(onConflict) => setUnique({ onConflict })}
              options={[
                { value: "existing", text: "Skip" },
                { value: "replace", text: "Replace" },
                { value: "keepLatest", text: "Keep latest" },
              ]}
            />
            <span className="hint">
              Replace: a waiting task gets this payload. Keep latest: the same, and while a task runs, one
              more may wait.
            </span>
          </div>
          <div className="field">
            <span>A task holds the key</span>
            <Segments<UniqueScope>
              label="A task holds the key"
              value={unique.scope}
              onChange={(scope) => setUnique({ scope })}
              options={scopesOf(unique.onConflict).map((value) => ({ value, text: SCOPE_TEXT[value] }))}
            />
          </div>
          {unique.scope === "window" ? (
            <SpanField
              label="Window"
              hint="The time begins with the enqueue of the task."
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

/** Shows the fields for what happens to runs that were missed or that overlap. */
export function PolicyFields({ draft, set }: Pick<FieldsProps, "draft" | "set">) {
  return (
    <div className="form-row">
      <div className="field">
        <span>Missed runs</span>
        <Segments<MissedPolicy>
          label="Missed runs"
          value={draft.missed}
          onChange={(missed) => set({ missed })}
          options={[
            { value: "skip", text: "Skip" },
            { value: "once", text: "Run one" },
            { value: "all", text: "Run each" },
          ]}
        />
        <span className="hint">Applies to runs that were due while no janitor was running.</span>
      </div>
      <div className="field">
        <span>If the previous run has not ended</span>
        <Segments<OverlapPolicy>
          label="If the previous run has not ended"
          value={draft.overlap}
          onChange={(overlap) => set({ overlap })}
          options={[
            { value: "allow", text: "Enqueue" },
            { value: "skip", text: "Skip" },
          ]}
        />
      </div>
    </div>
  );
}
