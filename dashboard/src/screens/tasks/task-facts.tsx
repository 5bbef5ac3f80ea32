import type { ChangesView, Keep, TaskView, UniqueView } from "@holdfast/contracts";
import { Link } from "@tanstack/react-router";
import { bytes, count, plural } from "../../format/number.ts";
import { duration } from "../../format/time.ts";
import { FactList } from "../../ui/fact-list.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { Time } from "../../ui/time.tsx";
import { originOf } from "./lineage.ts";
import { LineageValue } from "./lineage-value.tsx";
import { TraceValue } from "./trace-value.tsx";

function UniqueKey({ task, unique }: { task: TaskView; unique: UniqueView }) {
  const { key, scope, windowMs, holder, replaced } = unique;
  const holds = scope === "window" ? `window of ${duration(windowMs ?? 0)}` : scope;
  return (
    <>
      <span className="key-text">
        <ForeignText text={key} />
      </span>{" "}
      ({holds}) {replaced !== null && `· replaced ${plural(replaced.count, "time")} `}
      {holder === task.id && "· this task was the last to take it"}
      {holder !== null && holder !== task.id && (
        <>
          · last taken by{" "}
          <Link className="mono" to="/queues/$queue/tasks/$id" params={{ queue: task.queue, id: holder }}>
            {holder}
          </Link>
        </>
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
      · {run === null ? "run by hand" : `run ${count(run)}`} · <Time at={dueAt} />
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
      {waitsFor === 0 ? null : ` · waits for ${plural(waitsFor, "node")}`}
      {skippedBy === null ? null : (
        <>
          {" · skipped by "}
          <Link className="mono" to="/queues/$queue/tasks/$id" params={{ queue, id: skippedBy }}>
            {skippedBy}
          </Link>
        </>
      )}
    </>
  );
}

const FIELD_TEXT = { runAt: "time", priority: "priority", key: "key", payload: "payload" } as const;

function Changes({ changes: { count: times, lastAt, fields } }: { changes: ChangesView }) {
  return (
    <>
      {fields.map((field) => FIELD_TEXT[field]).join(", ")} · {plural(times, "time")}, last{" "}
      <Time at={lastAt} />
    </>
  );
}

function keepText({ completedMs, deadMs, count: most }: Keep): string {
  const parts = [
    completedMs === undefined ? null : `completed for ${duration(completedMs)}`,
    most === undefined ? null : `the newest ${count(most)} of its type`,
    deadMs === undefined ? null : `dead for ${duration(deadMs)}`,
  ];
  return parts.filter((part) => part !== null).join(", ");
}

/** Shows what is known about a task besides its times, payload and result. */
export function TaskFacts({ task }: { task: TaskView }) {
  const rows: [string, React.ReactNode][] = [
    ["Queue", task.queue],
    [
      "Type",
      <span key="type" className="mono">
        {task.type}
      </span>,
    ],
    ["Priority", task.priority],
    [
      "Key",
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
    ["Unique key", task.unique === null ? null : <UniqueKey key="unique" task={task} unique={task.unique} />],
    ["Schedule", task.schedule === null ? null : <ScheduleValue key="schedule" schedule={task.schedule} />],
    ["Cost", task.cost === 1 ? null : count(task.cost)],
    ["Enqueued", <Time key="enqueued" at={task.enqueuedAt} />],
    ["Due", task.runAt === null ? null : <Time key="due" at={task.runAt} />],
    ["Lease ends", task.leaseExpiresAt === null ? null : <Time key="lease" at={task.leaseExpiresAt} />],
    ["Ended", task.endedAt === null ? null : <Time key="ended" at={task.endedAt} />],
    ["Kept until", task.keptUntil === null ? null : <Time key="kept" at={task.keptUntil} />],
    ["Keep", task.keep === null ? null : keepText(task.keep)],
    ["Expires", task.expiresAt === null ? null : <Time key="expires" at={task.expiresAt} />],
    [
      "Attempts",
      `${count(task.attempts)}${task.maxRetries === null ? "" : ` of ${count(task.maxRetries + 1)}`}`,
    ],
    ["Flow", task.flow === null ? null : <FlowValue key="flow" task={task} flow={task.flow} />],
    [
      "Lineage",
      task.generation === 0 && originOf(task.id) === null ? null : <LineageValue key="lineage" task={task} />,
    ],
    [
      "Worker",
      task.workerId === null ? null : (
        <span key="worker" className="mono">
          <ForeignText text={task.workerId} />
        </span>
      ),
    ],
    [
      "Token",
      task.fence === null ? null : (
        <span key="fence" className="mono">
          {task.fence}
        </span>
      ),
    ],
    ["Trace", task.traceId === null ? null : <TraceValue key="trace" traceId={task.traceId} />],
    ["Time-out", task.timeoutMs === null ? null : duration(task.timeoutMs)],
    [
      "Backoff",
      task.backoff === null ? null : (
        <span key="backoff" className="mono">
          {JSON.stringify(task.backoff)}
        </span>
      ),
    ],
    ["Tags", task.tags.length === 0 ? null : <ForeignText key="tags" text={task.tags.join(", ")} />],
    ["Runs alone", task.solo ? "yes: it crashed its worker twice" : null],
    ["Cancel", task.cancelRequested ? "requested" : null],
    ["Changed", task.changes === null ? null : <Changes key="changes" changes={task.changes} />],
    ["Checkpoint", task.checkpointBytes === null ? null : bytes(task.checkpointBytes)],
    [
      "No handler since",
      task.unroutedSince === null ? null : <Time key="unrouted" at={task.unroutedSince} />,
    ],
  ];
  return <FactList rows={rows} />;
}
