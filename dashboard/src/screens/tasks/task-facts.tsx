import type { ChangesView, Keep, TaskView, UniqueView } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { Plural, Trans } from "@lingui/react/macro";
import { Link } from "@tanstack/react-router";
import { bytes, count } from "../../format/number.ts";
import { duration } from "../../format/time.ts";
import { FactList } from "../../ui/fact-list.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { PRIORITY_TEXT } from "../../ui/priority-field.tsx";
import { Time } from "../../ui/time.tsx";
import { originOf } from "./lineage.ts";
import { LineageValue } from "./lineage-value.tsx";
import { TraceValue } from "./trace-value.tsx";

const SCOPE_TEXT = {
  unfinished: () => t`unfinished`,
  waiting: () => t({ message: "waiting", context: "unique scope" }),
} as const;

function UniqueKey({ task, unique }: { task: TaskView; unique: UniqueView }) {
  const { key, scope, windowMs, holder, replaced } = unique;
  const holds = scope === "window" ? t`window of ${duration(windowMs ?? 0)}` : SCOPE_TEXT[scope]();
  return (
    <>
      <span className="key-text">
        <ForeignText text={key} />
      </span>{" "}
      ({holds}){" "}
      {replaced !== null && t`· replaced ${plural(replaced.count, { one: "# time", other: "# times" })} `}
      {holder === task.id && t`· this task was the last to take it`}
      {holder !== null && holder !== task.id && (
        <Trans>
          · last taken by{" "}
          <Link className="mono" to="/queues/$queue/tasks/$id" params={{ queue: task.queue, id: holder }}>
            {holder}
          </Link>
        </Trans>
      )}
    </>
  );
}

function ScheduleValue({ schedule }: { schedule: NonNullable<TaskView["schedule"]> }) {
  const { id, run, dueAt } = schedule;
  return (
    <>
      <Link to="/schedules" search={{ q: id }}>
        {id}
      </Link>{" "}
      · {run === null ? t`run by hand` : t`run ${count(run)}`} · <Time at={dueAt} />
    </>
  );
}

/** Shows the flow of a task, how many nodes the task waits for, and the task because of which it was skipped. */
function FlowValue({ task: { queue }, flow }: { task: TaskView; flow: NonNullable<TaskView["flow"]> }) {
  const { id, name, waitsFor, skippedBy } = flow;
  return (
    <>
      <Link className="mono" to="/queues/$queue/flows/$id" params={{ queue, id }}>
        {id}
      </Link>{" "}
      · {name}
      {waitsFor === 0 ? null : t` · waits for ${plural(waitsFor, { one: "# node", other: "# nodes" })}`}
      {skippedBy === null ? null : (
        <>
          {t` · skipped by `}
          <Link className="mono" to="/queues/$queue/tasks/$id" params={{ queue, id: skippedBy }}>
            {skippedBy}
          </Link>
        </>
      )}
    </>
  );
}

const FIELD_TEXT = {
  runAt: () => t`time`,
  priority: () => t`priority`,
  key: () => t`key`,
  payload: () => t`payload`,
} as const;

function Changes({ changes: { count: times, lastAt, fields } }: { changes: ChangesView }) {
  return (
    <Trans>
      {fields.map((field) => FIELD_TEXT[field]()).join(", ")} ·{" "}
      <Plural value={times} one="# time" other="# times" />, last <Time at={lastAt} />
    </Trans>
  );
}

function keepText({ completedMs, deadMs, count: most }: Keep): string {
  const parts = [
    completedMs === undefined ? null : t`completed for ${duration(completedMs)}`,
    most === undefined ? null : t`the newest ${count(most)} of its type`,
    deadMs === undefined ? null : t`dead for ${duration(deadMs)}`,
  ];
  return parts.filter((part) => part !== null).join(", ");
}

/** Shows what is known about a task besides its times, payload and result. */
export function TaskFacts({ task }: { task: TaskView }) {
  const rows: [string, React.ReactNode][] = [
    [t`Queue`, task.queue],
    [
      t`Type`,
      <span key="type" className="mono">
        {task.type}
      </span>,
    ],
    [t`Priority`, PRIORITY_TEXT[task.priority]()],
    [
      t`Key`,
      task.key === null ? null : (
        <Link
          key="key"
          className="key-text"
          to="/queues/$queue/limits"
          params={{ queue: task.queue }}
          search={{ key: task.key }}
        >
          <ForeignText text={task.key} />
        </Link>
      ),
    ],
    [
      t`Unique key`,
      task.unique === null ? null : <UniqueKey key="unique" task={task} unique={task.unique} />,
    ],
    [t`Schedule`, task.schedule === null ? null : <ScheduleValue key="schedule" schedule={task.schedule} />],
    [t`Cost`, task.cost === 1 ? null : count(task.cost)],
    [t`Enqueued`, <Time key="enqueued" at={task.enqueuedAt} />],
    [t`Due`, task.runAt === null ? null : <Time key="due" at={task.runAt} />],
    [t`Lease ends`, task.leaseExpiresAt === null ? null : <Time key="lease" at={task.leaseExpiresAt} />],
    [t`Ended`, task.endedAt === null ? null : <Time key="ended" at={task.endedAt} />],
    [t`Kept until`, task.keptUntil === null ? null : <Time key="kept" at={task.keptUntil} />],
    [t`Keep`, task.keep === null ? null : keepText(task.keep)],
    [t`Expires`, task.expiresAt === null ? null : <Time key="expires" at={task.expiresAt} />],
    [
      t`Attempts`,
      `${count(task.attempts)}${task.maxRetries === null ? "" : t` of ${count(task.maxRetries + 1)}`}`,
    ],
    [t`Flow`, task.flow === null ? null : <FlowValue key="flow" task={task} flow={task.flow} />],
    [
      t`Lineage`,
      task.generation === 0 && originOf(task.id) === null ? null : <LineageValue key="lineage" task={task} />,
    ],
    [
      t`Worker`,
      task.workerId === null ? null : (
        <span key="worker" className="mono">
          <ForeignText text={task.workerId} />
        </span>
      ),
    ],
    [
      t`Token`,
      task.fence === null ? null : (
        <span key="fence" className="mono">
          {task.fence}
        </span>
      ),
    ],
    [t`Trace`, task.traceId === null ? null : <TraceValue key="trace" traceId={task.traceId} />],
    [t`Time-out`, task.timeoutMs === null ? null : duration(task.timeoutMs)],
    [
      t`Backoff`,
      task.backoff === null ? null : (
        <span key="backoff" className="mono">
          {JSON.stringify(task.backoff)}
        </span>
      ),
    ],
    [t`Tags`, task.tags.length === 0 ? null : <ForeignText key="tags" text={task.tags.join(", ")} />],
    [t`Runs alone`, task.solo ? t`yes: it crashed its worker twice` : null],
    [t`Cancel`, task.cancelRequested ? t`requested` : null],
    [t`Changed`, task.changes === null ? null : <Changes key="changes" changes={task.changes} />],
    [t`Checkpoint`, task.checkpointBytes === null ? null : bytes(task.checkpointBytes)],
    [
      t`No handler since`,
      task.unroutedSince === null ? null : <Time key="unrouted" at={task.unroutedSince} />,
    ],
  ];
  return <FactList rows={rows} />;
}
