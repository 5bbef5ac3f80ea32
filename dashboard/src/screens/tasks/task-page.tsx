import type { ChangesView, Keep, TaskView, UniqueView } from "@holdfast/contracts";
import type { TaskDetail as Detail } from "@holdfast/contracts/api";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { Ghost } from "lucide-react";
import { SERVICE_URL } from "../../api/base.ts";
import { toApiError } from "../../api/errors.ts";
import { taskQuery } from "../../api/tasks.ts";
import { bytes, count, plural } from "../../format/number.ts";
import { duration } from "../../format/time.ts";
import { useLive } from "../../live/live-context.tsx";
import { Banner } from "../../ui/banner.tsx";
import { Failed, Loading } from "../../ui/empty.tsx";
import { CopyButton, ExactText } from "../../ui/exact-text.tsx";
import { FactList } from "../../ui/fact-list.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { ReasonBadge, StateBadge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { asCommand, asCurl } from "./copy-as.ts";
import { originOf } from "./lineage.ts";
import { LineageValue } from "./lineage-value.tsx";
import { StepsPanel } from "./steps-panel.tsx";
import { LIVE_STATES, TaskActions } from "./task-actions.tsx";
import { Timeline } from "./timeline.tsx";
import { WhyPanel } from "./why-panel.tsx";

const route = getRouteApi("/queues/$queue/tasks/$id");

export function TaskPage() {
  const { queue, id } = route.useParams();
  const { paused } = useLive();
  const query = useQuery({
    ...taskQuery(queue, id),
    // A task that has ended is fetched again and again too, because other users can replay, discard or restore it.
    refetchInterval: ({ state }) => {
      if (paused || state.data === undefined) return false;
      return LIVE_STATES.has(state.data.state) ? 1_000 : state.data.state === "dead" ? 2_000 : 5_000;
    },
  });
  if (query.data === undefined) {
    return query.isError ? (
      <Failed error={query.error} onRetry={() => void query.refetch()} page />
    ) : (
      <Loading what="the task" />
    );
  }
  const gone = query.error !== null && toApiError(query.error).code === "task_not_found";
  return <TaskDetail task={query.data} gone={gone} />;
}

function TaskDetail({ task, gone }: { task: Detail; gone: boolean }) {
  const live = LIVE_STATES.has(task.state) && !gone;
  const isSkipped = (task.flow?.skippedBy ?? null) !== null && !gone;
  return (
    <>
      {gone ? (
        <Banner icon={Ghost} tone="warn">
          <strong>This task is gone:</strong> it was discarded, emptied or moved into another queue, or its
          retention is over. The last known state is below.
        </Banner>
      ) : null}
      <div className="page-head">
        <h1 className="mono">{task.id}</h1>
        <StateBadge state={task.state} />
        {task.deadReason === null ? null : <ReasonBadge reason={task.deadReason} />}
        {gone ? null : <TaskActions task={task} />}
      </div>
      <div className="columns columns-wide">
        <div className="form">
          {(live && task.state !== "processing") || isSkipped ? (
            <WhyPanel queue={task.queue} id={task.id} />
          ) : null}
          <section className="panel" aria-label="Attempts">
            <div className="panel-head">
              <h2>Attempts</h2>
              <span className="hint">
                {count(task.failures)} failed, {count(task.crashes)} crashed
                {task.releases === 0 ? "" : `, ${count(task.releases)} released`}
              </span>
            </div>
            <div className="panel-body">
              <Timeline task={task} />
            </div>
          </section>
          {task.steps === null ? null : <StepsPanel steps={task.steps} />}
          {task.payloadKept ? (
            <ExactText title="Payload" text={task.payloadText} byteCount={task.payloadBytes} />
          ) : (
            <section className="panel" aria-label="Payload">
              <div className="panel-head">
                <h2>Payload</h2>
                <span className="hint">Dropped when the task completed (keepPayload: false).</span>
              </div>
            </section>
          )}
          {task.resultText === null ? null : <ExactText title="Result" text={task.resultText} />}
          {task.log.length === 0 ? null : (
            <section className="panel" aria-label="Log">
              <div className="panel-head">
                <h2>Log</h2>
              </div>
              <div className="panel-body">
                <pre className="text-block" tabIndex={0}>
                  <ForeignText text={task.log.join("\n")} />
                </pre>
              </div>
            </section>
          )}
        </div>
        <section className="panel" aria-label="Facts">
          <div className="panel-head">
            <h2>Facts</h2>
            <div className="actions">
              <CopyButton text={asCurl(task, SERVICE_URL)} label="Copy as curl" />
              <CopyButton text={asCommand(task)} label="Copy as CLI" />
            </div>
          </div>
          <Facts task={task} />
        </section>
      </div>
    </>
  );
}

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

function Facts({ task }: { task: TaskView }) {
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
    ["Progress", task.progress === null ? null : <ForeignText key="progress" text={task.progress} />],
    [
      "No handler since",
      task.unroutedSince === null ? null : <Time key="unrouted" at={task.unroutedSince} />,
    ],
  ];
  return <FactList rows={rows} />;
}
