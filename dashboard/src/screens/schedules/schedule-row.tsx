import { plural, t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { CalendarClock, CirclePause } from "lucide-react";
import { useState } from "react";
import {
  deleteSchedule,
  runSchedule,
  type ScheduleView,
  schedulesKey,
  switchSchedule,
} from "../../api/schedules.ts";
import { count } from "../../format/number.ts";
import { useSession } from "../../session/session-context.tsx";
import { Button } from "../../ui/button.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Badge, StateBadge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { zoned } from "./zoned.ts";

export function ScheduleRow({ schedule, onEdit }: { schedule: ScheduleView; onEdit(): void }) {
  const { id, queue, timeZone } = schedule;
  const [all, setAll] = useState(false);
  const shown = all ? schedule.nextRuns : schedule.nextRuns.slice(0, 1);
  return (
    <div className="grid-row schedule-row" role="row">
      <div className="cell cell-wide" role="cell">
        <div className="schedule-name">
          <strong className="wrap">{id}</strong>
          {schedule.paused ? (
            <Badge icon={CirclePause} tone="warn">
              {t`Paused`}
            </Badge>
          ) : null}
        </div>
        <div className="hint clip">
          <Trans>
            {schedule.type} in{" "}
            <Link to="/queues/$queue" params={{ queue }}>
              {queue}
            </Link>
          </Trans>
        </div>
      </div>
      <div className="cell cell-wide" role="cell">
        <div className="wrap">{schedule.words}</div>
        <div className="hint">
          <code>{schedule.cron}</code> · {timeZone}
        </div>
        <Bounds schedule={schedule} />
      </div>
      <div className="cell cell-wide" role="cell">
        <span className="label">{t`Next runs`}</span>
        {schedule.nextRuns.length === 0 ? (
          <span className="zero">{schedule.paused ? t`none while paused` : t`none`}</span>
        ) : (
          <>
            <ul className="next-runs" aria-label={t`Next runs of ${id}`}>
              {shown.map((at) => (
                <li key={at}>
                  <span>{zoned(at, timeZone)}</span>
                  <span className="hint">
                    <Time at={at} />
                  </span>
                </li>
              ))}
            </ul>
            {schedule.nextRuns.length > 1 ? (
              <button type="button" className="link" aria-expanded={all} onClick={() => setAll(!all)}>
                {all ? t`Show only the next run` : t`Show the next ${schedule.nextRuns.length} runs`}
              </button>
            ) : null}
          </>
        )}
      </div>
      <div className="cell cell-half" role="cell">
        <span className="label">{t`Last run`}</span>
        <LastRun schedule={schedule} />
      </div>
      <div className="cell cell-wide actions" role="cell">
        <ScheduleActions schedule={schedule} onEdit={onEdit} />
      </div>
    </div>
  );
}

/** Shows the start, end, limit and unique key of a schedule, or nothing if it has none of them. */
function Bounds({ schedule }: { schedule: ScheduleView }) {
  const { startAt, endAt, limit, count: runs, timeZone, options } = schedule;
  const parts = [
    startAt === null ? null : t`from ${zoned(startAt, timeZone)}`,
    endAt === null ? null : t`until ${zoned(endAt, timeZone)}`,
    limit === null ? null : t`${count(runs)} of ${plural(limit, { one: "# run", other: "# runs" })}`,
  ].filter((part) => part !== null);
  return (
    <>
      {parts.length === 0 ? null : <div className="hint">{parts.join(" · ")}</div>}
      {options.unique === undefined ? null : (
        <div className="hint">
          <Trans>
            unique key{" "}
            <span className="key-text">
              <ForeignText text={options.unique.key} />
            </span>
          </Trans>
        </div>
      )}
    </>
  );
}

const OUTCOME_TEXT = {
  enqueued: () => t`enqueued`,
  missed: () => t`missed: no janitor ran`,
  overlapped: () => t`skipped: the last task had not ended`,
  deduplicated: () => t`skipped: this task holds the unique key`,
  replaced: () => t`this task holds the unique key and got the payload`,
} as const;

function LastRun({ schedule }: { schedule: ScheduleView }) {
  const { lastRun, queue } = schedule;
  if (lastRun === null) return <span className="zero">{t`never`}</span>;
  return (
    <div className="last-run">
      {lastRun.state === null ? (
        <span>{OUTCOME_TEXT[lastRun.outcome]()}</span>
      ) : (
        <StateBadge state={lastRun.state} />
      )}
      <span className="hint">
        {lastRun.taskId === null ? (
          <Time at={lastRun.at} />
        ) : (
          <Link to="/queues/$queue/tasks/$id" params={{ queue, id: lastRun.taskId }}>
            <Time at={lastRun.at} />
          </Link>
        )}
        {lastRun.manual ? t`, by hand` : ""}
        {lastRun.outcome === "deduplicated" || lastRun.outcome === "replaced"
          ? `, ${OUTCOME_TEXT[lastRun.outcome]()}`
          : ""}
      </span>
    </div>
  );
}

function ScheduleActions({ schedule, onEdit }: { schedule: ScheduleView; onEdit(): void }) {
  const { id, queue, paused } = schedule;
  const client = useQueryClient();
  const { say, fail } = useToasts();
  const { denied } = useSession();
  const [deleting, setDeleting] = useState(false);
  const why = denied("control", queue);
  const refresh = () => client.invalidateQueries({ queryKey: schedulesKey });
  const run = useMutation({
    mutationFn: () => runSchedule(id),
    onSuccess: async ({ taskId }) => {
      say(
        () => t`${id} runs now`,
        () => t`Task ${taskId}`,
      );
      await refresh();
    },
    onError: (error) => fail(() => t`The schedule was not run`, error),
  });
  const toggle = useMutation({
    mutationFn: () => switchSchedule(id, paused ? "resume" : "pause"),
    onSuccess: async () => {
      say(() => (paused ? t`${id} resumed` : t`${id} paused`));
      await refresh();
    },
    onError: (error) => fail(() => t`The schedule was not changed`, error),
  });
  return (
    <>
      <Button
        small
        denied={why}
        isDisabled={run.isPending}
        aria-label={t`Run now: ${id}`}
        onPress={() => run.mutate()}
      >
        <CalendarClock size={13} aria-hidden="true" />
        {t`Run now`}
      </Button>
      <Button
        small
        denied={why}
        isDisabled={toggle.isPending}
        aria-label={paused ? t`Resume ${id}` : t`Pause ${id}`}
        onPress={() => toggle.mutate()}
      >
        {paused ? t`Resume` : t`Pause`}
      </Button>
      <Button small denied={why} aria-label={t`Edit ${id}`} onPress={onEdit}>
        {t`Edit`}
      </Button>
      <Button small look="danger" denied={why} aria-label={t`Delete ${id}`} onPress={() => setDeleting(true)}>
        {t`Delete`}
      </Button>
      {deleting ? (
        <ConfirmDialog
          title={t`Delete the schedule ${id}`}
          action={t`Delete`}
          danger
          phrase={id}
          onConfirm={async () => {
            await deleteSchedule(id);
            say(() => t`${id} deleted`);
            await refresh();
          }}
          onClose={() => setDeleting(false)}
        >
          {t`This cannot be undone. Tasks that the schedule has enqueued stay.`}
        </ConfirmDialog>
      ) : null}
    </>
  );
}
