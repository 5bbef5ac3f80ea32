import type { TaskView } from "@holdfast/contracts";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Ellipsis, Inbox, type LucideIcon, RotateCcw } from "lucide-react";
import type { ReactNode } from "react";
import { duration } from "../../format/time.ts";
import { useNow } from "../../live/live-context.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { OUTCOME_LOOK } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { entryIdOf } from "./bars.ts";
import { type TimelineEntry, timelineOf } from "./timeline-entries.ts";

/** Shows every attempt with its wait, run time and outcome, oldest first. */
export function Timeline({ task }: { task: TaskView }) {
  const now = useNow();
  return (
    <ol className="timeline">
      {timelineOf(task, now).map((entry) => (
        <Entry key={keyOf(entry)} entry={entry} />
      ))}
      {task.history.length === 0 ? (
        <li className="attempt">
          <div className="attempt-mark" />
          <p className="soft small">{t`No attempt yet.`}</p>
        </li>
      ) : null}
    </ol>
  );
}

function keyOf(entry: TimelineEntry): string {
  if (entry.kind === "attempt")
    return `${entry.attempt.generation}.${entry.attempt.attempt} ${entry.attempt.fence}`;
  return entry.kind === "replayed" ? `replay ${entry.generation}` : entry.kind;
}

function Entry({ entry }: { entry: TimelineEntry }) {
  if (entry.kind === "attempt") return <Attempt {...entry} />;
  if (entry.kind === "enqueued")
    return (
      <Moment icon={Inbox} title={t`Enqueued`}>
        <Time at={entry.at} />
      </Moment>
    );
  if (entry.kind === "missing")
    return (
      <Moment icon={Ellipsis} title={t`Earlier attempts`}>
        {t`not kept any more`}
      </Moment>
    );
  return (
    <Moment icon={RotateCcw} title={t`Replayed`}>
      {entry.at === null ? t`at an unknown time` : <Time at={entry.at} />}
      {t`, replay ${entry.generation}: attempts start again at 1`}
    </Moment>
  );
}

function Moment({ icon: Icon, title, children }: { icon: LucideIcon; title: string; children: ReactNode }) {
  return (
    <li className="attempt">
      <div className="attempt-mark">
        <Icon size={16} aria-hidden="true" />
      </div>
      <div className="attempt-body">
        <div className="attempt-title">
          <strong>{title}</strong>
          <span className="hint">{children}</span>
        </div>
      </div>
    </li>
  );
}

const WAIT_TEXT = {
  waited: (time: string) => t`waited ${time}`,
  "backoff and wait": (time: string) => t`backoff and wait ${time}`,
  "waited since the replay": (time: string) => t`waited since the replay ${time}`,
} as const;

function Attempt({ attempt, wait, runMs }: Extract<TimelineEntry, { kind: "attempt" }>) {
  const look = OUTCOME_LOOK[attempt.outcome];
  return (
    <li className={`attempt tone-${look.tone}`} id={entryIdOf(attempt)} tabIndex={-1}>
      <div className="attempt-mark">
        <look.icon size={16} aria-hidden="true" />
      </div>
      <div className="attempt-body">
        <div className="attempt-title">
          <strong>
            <Trans>
              Attempt {attempt.attempt}: {look.text()}
            </Trans>
          </strong>
          <span className="hint">
            <Time at={attempt.startedAt} />
          </span>
        </div>
        <p className="hint">
          {wait === null ? "" : `${WAIT_TEXT[wait.what](duration(wait.ms))}, `}
          {attempt.endedAt === null ? t`running for ${duration(runMs)}` : t`ran ${duration(runMs)}`}
          <br />
          <span className="mono">
            <ForeignText text={attempt.workerId} /> · {attempt.fence}
          </span>
        </p>
        {attempt.error === null ? null : (
          <pre className="text-block" tabIndex={0}>
            <ForeignText text={attempt.error} />
          </pre>
        )}
      </div>
    </li>
  );
}
