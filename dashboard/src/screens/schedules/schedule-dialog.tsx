import { t } from "@lingui/core/macro";
import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { putSchedule, type ScheduleView, schedulesKey } from "../../api/schedules.ts";
import { useSession } from "../../session/session-context.tsx";
import { FormDialog } from "../../ui/form-dialog.tsx";
import { PriorityField } from "../../ui/priority-field.tsx";
import { QueueField } from "../../ui/queue-field.tsx";
import { TextField } from "../../ui/text-field.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { type CronErrors, CronPreview, NO_CRON_ERRORS } from "./cron-preview.tsx";
import { bodyOf, draftOf, errorsOf, type ScheduleDraft } from "./schedule-draft.ts";
import {
  BackoffFields,
  KeepFields,
  PolicyFields,
  SpanOfSchedule,
  TaskTimes,
  UniqueFields,
} from "./schedule-fields.tsx";
import { timeZones } from "./zoned.ts";

export function ScheduleDialog({ schedule, onClose }: { schedule: ScheduleView | null; onClose(): void }) {
  const client = useQueryClient();
  const { session } = useSession();
  const { say } = useToasts();
  const [draft, setDraft] = useState(() => draftOf(schedule, session.demoLoad));
  const [previewErrors, setPreviewErrors] = useState<CronErrors>(NO_CRON_ERRORS);
  const set = (part: Partial<ScheduleDraft>) => setDraft((before) => ({ ...before, ...part }));
  const own = errorsOf(draft, schedule === null);
  const errors = {
    ...own,
    cron: draft.cron.trim() === "" ? t`Such as 0 3 * * *: every day at three.` : previewErrors.cron,
    timeZone: draft.timeZone.trim() === "" ? "Such as UTC or Europe/Berlin." : previewErrors.timeZone,
  };
  const refused = Object.values(errors).some((error) => error !== null);
  const save = () => putSchedule(draft.id, bodyOf(draft, schedule === null));
  return (
    <FormDialog
      title={schedule === null ? t`New schedule` : t`Edit ${schedule.id}`}
      isWide
      refused={refused}
      saveText={schedule === null ? t`Create schedule` : t`Save`}
      save={save}
      onSaved={async () => {
        say(() => (schedule === null ? t`${draft.id} created` : t`${draft.id} changed`));
        await client.invalidateQueries({ queryKey: schedulesKey });
      }}
      onClose={onClose}
    >
      <div className="form-row">
        {schedule === null ? (
          <TextField
            label={t`Id`}
            placeholder="nightly-report"
            value={draft.id}
            onChange={(id) => set({ id })}
            error={draft.id === "" ? null : errors.id}
            mono
            autoFocus
          />
        ) : null}
        <QueueField
          label={t`Queue`}
          value={draft.queue}
          onChange={(queue) => set({ queue })}
          maker={t`the first run`}
        />
      </div>
      <div className="form-row">
        <TextField
          label={t`Cron expression`}
          hint={t`Minute, hour, day, month, weekday; six fields begin with seconds. Or an interval: @every 30s.`}
          value={draft.cron}
          onChange={(cron) => set({ cron })}
          error={errors.cron}
          mono
        />
        <TextField
          label={t`Time zone`}
          hint={t`IANA name, such as Europe/Berlin.`}
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
      <SpanOfSchedule draft={draft} errors={own} set={set} isNew={schedule === null} />
      <TextField
        label={t`Task type`}
        value={draft.type}
        onChange={(type) => set({ type })}
        error={draft.type === "" ? null : errors.type}
        mono
      />
      <TextField
        label={t`Payload`}
        hint={t`JSON, sent and stored character for character.`}
        value={draft.payloadText}
        onChange={(payloadText) => set({ payloadText })}
        rows={4}
        error={errors.payload}
      />
      <div className="form-row">
        <PriorityField value={draft.priority} onChange={(priority) => set({ priority })} />
        <TextField
          label={t`Retries`}
          placeholder={t`default`}
          value={draft.maxRetries}
          onChange={(maxRetries) => set({ maxRetries })}
          error={errors.maxRetries}
          inputMode="numeric"
        />
      </div>
      <BackoffFields draft={draft} errors={own} set={set} />
      <TaskTimes draft={draft} errors={own} set={set} />
      <KeepFields draft={draft} errors={own} set={set} />
      <UniqueFields draft={draft} errors={own} set={set} />
      <PolicyFields draft={draft} set={set} />
    </FormDialog>
  );
}
