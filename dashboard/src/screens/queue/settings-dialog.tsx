import { DURABILITIES, type Durability, LIMITS, type QueueStats } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { useState } from "react";
import { configureQueue, type SettingsBody } from "../../api/queues.ts";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { Segments } from "../../ui/segments.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { useToasts } from "../../ui/toast.tsx";

const HOUR_MS = 3_600_000;
const YEAR_HOURS = 8_760;

const DURABILITY_TEXT: Record<Durability, () => string> = {
  memory: () => t`Memory`,
  fsynced: () => t`On disk`,
  replicated: () => t`Replicated`,
};

function hoursError(text: string): string | null {
  const value = Number(text);
  return text.trim() !== "" && Number.isFinite(value) && value >= 0 && value <= YEAR_HOURS
    ? null
    : t`Hours, 0 to 8,760.`;
}

function countError(text: string, most: number): string | null {
  const value = Number(text);
  return text.trim() !== "" && Number.isInteger(value) && value >= 0 && value <= most
    ? null
    : t`A whole number, 0 or more.`;
}

const hours = (ms: number): string => String(Math.round((ms / HOUR_MS) * 1_000) / 1_000);
const ms = (text: string): number => Math.round(Number(text) * HOUR_MS);

/**
 * Changes the settings of a queue. The form sends only changed fields, because another operator may have changed
 * other settings in the meantime.
 */
export function SettingsDialog({ stats, onClose }: { stats: QueueStats; onClose(): void }) {
  const { say } = useToasts();
  // The form keeps the settings that it was opened with, because live data would replace what the user has typed.
  const [before] = useState(stats.settings);
  const [draft, setDraft] = useState({
    maxWaiting: String(before.maxWaiting),
    retention: hours(before.retentionMs),
    retentionCount: String(before.retentionCount),
    idempotency: hours(before.idempotencyMs),
    durability: before.durability,
    maxDead: String(before.maxDead),
    maxDeadAge: hours(before.maxDeadAgeMs),
    maxEvents: String(before.maxEvents),
  });
  const set = (part: Partial<typeof draft>) => setDraft((old) => ({ ...old, ...part }));
  const errors = {
    maxWaiting: countError(draft.maxWaiting, 1_000_000_000),
    retention: hoursError(draft.retention),
    retentionCount: countError(draft.retentionCount, 10_000_000),
    idempotency: hoursError(draft.idempotency),
    maxDead: countError(draft.maxDead, 1_000_000_000),
    maxDeadAge: hoursError(draft.maxDeadAge),
    maxEvents: countError(draft.maxEvents, LIMITS.events),
  };
  const changes: SettingsBody = {
    ...(Number(draft.maxWaiting) === before.maxWaiting ? {} : { maxWaiting: Number(draft.maxWaiting) }),
    ...(draft.retention === hours(before.retentionMs) ? {} : { retentionMs: ms(draft.retention) }),
    ...(Number(draft.retentionCount) === before.retentionCount
      ? {}
      : { retentionCount: Number(draft.retentionCount) }),
    ...(draft.idempotency === hours(before.idempotencyMs) ? {} : { idempotencyMs: ms(draft.idempotency) }),
    ...(draft.durability === before.durability ? {} : { durability: draft.durability }),
    ...(Number(draft.maxDead) === before.maxDead ? {} : { maxDead: Number(draft.maxDead) }),
    ...(draft.maxDeadAge === hours(before.maxDeadAgeMs) ? {} : { maxDeadAgeMs: ms(draft.maxDeadAge) }),
    ...(Number(draft.maxEvents) === before.maxEvents ? {} : { maxEvents: Number(draft.maxEvents) }),
  };
  const refused = Object.values(errors).some((error) => error !== null) || Object.keys(changes).length === 0;
  return (
    <FormDialog
      title={t`Settings of ${stats.queue}`}
      refused={refused}
      save={() => configureQueue(stats.queue, changes)}
      onSaved={() => say(() => t`Settings of ${stats.queue} changed`)}
      onClose={onClose}
    >
      <TextField
        label={t`Most tasks waiting`}
        hint={t`Further enqueues are refused with 429; workers continue. 0 means no cap.`}
        value={draft.maxWaiting}
        onChange={(maxWaiting) => set({ maxWaiting })}
        error={errors.maxWaiting}
        inputMode="numeric"
        autoFocus
      />
      <div className="form-row">
        <TextField
          label={t`Ended tasks are kept, hours`}
          value={draft.retention}
          onChange={(retention) => set({ retention })}
          error={errors.retention}
        />
        <TextField
          label={t`Ended tasks kept per state, at most`}
          value={draft.retentionCount}
          onChange={(retentionCount) => set({ retentionCount })}
          error={errors.retentionCount}
          inputMode="numeric"
        />
      </div>
      <div className="form-row">
        <TextField
          label={t`Dead letters are kept, hours`}
          hint={t`Older ones are deleted for good, and counted. 0 means no cap.`}
          value={draft.maxDeadAge}
          onChange={(maxDeadAge) => set({ maxDeadAge })}
          error={errors.maxDeadAge}
        />
        <TextField
          label={t`Most dead letters`}
          hint={t`Above this number, the oldest ones are deleted. 0 means no cap.`}
          value={draft.maxDead}
          onChange={(maxDead) => set({ maxDead })}
          error={errors.maxDead}
          inputMode="numeric"
        />
      </div>
      <TextField
        label={t`Ids are remembered after the end, hours`}
        hint={t`Until then, another enqueue with the id is a duplicate.`}
        value={draft.idempotency}
        onChange={(idempotency) => set({ idempotency })}
        error={errors.idempotency}
      />
      <div className="field">
        <span>{t`An enqueue is answered once it is`}</span>
        <Segments<Durability>
          label={t`Durability`}
          value={draft.durability}
          onChange={(durability) => set({ durability })}
          options={DURABILITIES.map((value) => ({ value, text: DURABILITY_TEXT[value]() }))}
        />
      </div>
      <TextField
        label={t`Events kept for readers`}
        hint={t`For programs that follow what happens to tasks. 0 means none. An event takes about 30 bytes.`}
        value={draft.maxEvents}
        onChange={(maxEvents) => set({ maxEvents })}
        error={errors.maxEvents}
        inputMode="numeric"
      />
    </FormDialog>
  );
}
