import {
  isTaskType,
  type MissedPolicy,
  type OverlapPolicy,
  PRIORITIES,
  type Priority,
} from "@holdfast/contracts";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { putSchedule, type ScheduleView, schedulesKey } from "../../api/schedules.ts";
import { useSession } from "../../session/session-context.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { QueueField, queueNameError } from "../../ui/queue-field.tsx";
import { Segments } from "../../ui/segments.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { payloadError } from "../task-fields.ts";
import { type CronErrors, CronPreview, NO_CRON_ERRORS } from "./cron-preview.tsx";
import { timeZones } from "./zoned.ts";

const SCHEDULE_ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

const PRIORITY_TEXT: Record<Priority, string> = { high: "High", normal: "Normal", low: "Low" };

/** @param demo whether demo tasks may be proposed */
function draftOf(schedule: ScheduleView | null, demo: boolean) {
  return {
    id: schedule?.id ?? "",
    queue: schedule?.queue ?? (demo ? "default" : ""),
    cron: schedule?.cron ?? "0 3 * * *",
    timeZone: schedule?.timeZone ?? Intl.DateTimeFormat().resolvedOptions().timeZone ?? "UTC",
    type: schedule?.type ?? (demo ? "demo.echo" : ""),
    payloadText: schedule?.payloadText ?? "null",
    priority: schedule?.options.priority ?? ("normal" as Priority),
    maxRetries: schedule?.options.maxRetries?.toString() ?? "",
    missed: schedule?.missed ?? ("once" as MissedPolicy),
    overlap: schedule?.overlap ?? ("allow" as OverlapPolicy),
  };
}

export function ScheduleDialog({ schedule, onClose }: { schedule: ScheduleView | null; onClose(): void }) {
  const client = useQueryClient();
  const { session } = useSession();
  const { say } = useToasts();
  const [draft, setDraft] = useState(() => draftOf(schedule, session.demoLoad));
  const [previewErrors, setPreviewErrors] = useState<CronErrors>(NO_CRON_ERRORS);
  const set = (part: Partial<typeof draft>) => setDraft((before) => ({ ...before, ...part }));
  const errors = {
    id: SCHEDULE_ID.test(draft.id)
      ? null
      : "Letters, digits, - _ and . after the first; at most 64 characters.",
    queue: queueNameError(draft.queue),
    type: isTaskType(draft.type) ? null : "Letters, digits and _ . : / - after the first.",
    payload: payloadError(draft.payloadText),
    maxRetries: /^\d{0,4}$/.test(draft.maxRetries.trim())
      ? null
      : "A whole number, or nothing for the default.",
    cron: draft.cron.trim() === "" ? "Such as 0 3 * * *: every day at three." : previewErrors.cron,
    timeZone: draft.timeZone.trim() === "" ? "Such as UTC or Europe/Berlin." : previewErrors.timeZone,
  };
  const refused = Object.values(errors).some((error) => error !== null);
  const save = () => {
    const { priority: _p, maxRetries: _m, ...kept } = schedule?.options ?? {};
    return putSchedule(draft.id, {
      queue: draft.queue,
      cron: draft.cron.trim(),
      timeZone: draft.timeZone,
      ...(schedule?.startAt == null ? {} : { startAt: schedule.startAt }),
      ...(schedule?.endAt == null ? {} : { endAt: schedule.endAt }),
      ...(schedule?.limit == null ? {} : { limit: schedule.limit }),
      type: draft.type,
      payloadText: draft.payloadText,
      missed: draft.missed,
      overlap: draft.overlap,
      options: {
        ...kept,
        ...(draft.priority === "normal" ? {} : { priority: draft.priority }),
        ...(draft.maxRetries.trim() === "" ? {} : { maxRetries: Number(draft.maxRetries) }),
      },
    });
  };
  return (
    <FormDialog
      title={schedule === null ? "New schedule" : `Edit ${schedule.id}`}
      isWide
      refused={refused}
      saveText={schedule === null ? "Create schedule" : "Save"}
      save={save}
      onSaved={async () => {
        say(schedule === null ? `${draft.id} created` : `${draft.id} changed`);
        await client.invalidateQueries({ queryKey: schedulesKey });
      }}
      onClose={onClose}
    >
      <div className="form-row">
        {schedule === null ? (
          <TextField
            label="Id"
            placeholder="nightly-report"
            value={draft.id}
            onChange={(id) => set({ id })}
            error={draft.id === "" ? null : errors.id}
            mono
            autoFocus
          />
        ) : null}
        <QueueField
          label="Queue"
          value={draft.queue}
          onChange={(queue) => set({ queue })}
          maker="the first run"
        />
      </div>
      <div className="form-row">
        <TextField
          label="Cron expression"
          hint="Minute, hour, day, month, weekday; six fields begin with seconds. Or an interval: @every 30s."
          value={draft.cron}
          onChange={(cron) => set({ cron })}
          error={errors.cron}
          mono
        />
        <TextField
          label="Time zone"
          hint="IANA name, such as Europe/Berlin."
          value={draft.timeZone}
          onChange={(timeZone) => set({ timeZone })}
          error={errors.timeZone}
          list="time-zones"
        />
        <datalist id="time-zones">
          {timeZones().map((zone) => (
            <option key={zone} value={zone} />
          ))}
        </datalist>
      </div>
      <CronPreview cron={draft.cron} timeZone={draft.timeZone} onErrors={setPreviewErrors} />
      <TextField
        label="Task type"
        value={draft.type}
        onChange={(type) => set({ type })}
        error={draft.type === "" ? null : errors.type}
        mono
      />
      <TextField
        label="Payload"
        hint="JSON, sent and stored character for character."
        value={draft.payloadText}
        onChange={(payloadText) => set({ payloadText })}
        rows={4}
        error={errors.payload}
      />
      <div className="form-row">
        <div className="field">
          <span>Priority</span>
          <Segments<Priority>
            label="Priority"
            value={draft.priority}
            onChange={(priority) => set({ priority })}
            options={PRIORITIES.map((value) => ({ value, text: PRIORITY_TEXT[value] }))}
          />
        </div>
        <TextField
          label="Retries"
          placeholder="default"
          value={draft.maxRetries}
          onChange={(maxRetries) => set({ maxRetries })}
          error={errors.maxRetries}
          inputMode="numeric"
        />
      </div>
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
          <span>While the last still runs</span>
          <Segments<OverlapPolicy>
            label="While the last still runs"
            value={draft.overlap}
            onChange={(overlap) => set({ overlap })}
            options={[
              { value: "allow", text: "Enqueue" },
              { value: "skip", text: "Skip" },
            ]}
          />
        </div>
      </div>
    </FormDialog>
  );
}
