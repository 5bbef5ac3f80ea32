import type { TaskView } from "@holdfast/contracts";
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { getRouteApi } from "@tanstack/react-router";
import { useState } from "react";
import { discardDeadLetters, replayDeadLetters } from "../../api/dead-letters.ts";
import { queueKey } from "../../api/queues.ts";
import { cancelTask, injectBody, taskQuery } from "../../api/tasks.ts";
import { count } from "../../format/number.ts";
import { duration } from "../../format/time.ts";
import { useLive } from "../../live/live-context.tsx";
import { Button } from "../../ui/button.tsx";
import { ConfirmDialog } from "../../ui/confirm-dialog.tsx";
import { Failed, Loading } from "../../ui/empty.tsx";
import { CopyButton, ExactText } from "../../ui/exact-text.tsx";
import { ReasonBadge, StateBadge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { useToasts } from "../../ui/toast.tsx";
import { Timeline } from "./timeline.tsx";
import { WhyPanel } from "./why-panel.tsx";

const route = getRouteApi("/queues/$queue/tasks/$id");

const LIVE_STATES = new Set(["scheduled", "pending", "processing"]);

export function TaskPage() {
  const { queue, id } = route.useParams();
  const { paused } = useLive();
  const query = useQuery({
    ...taskQuery(queue, id),
    refetchInterval: ({ state }) =>
      !paused && state.data !== undefined && LIVE_STATES.has(state.data.state) ? 1_000 : false,
  });
  if (query.data === undefined) {
    return query.isError ? (
      <Failed error={query.error} onRetry={() => void query.refetch()} />
    ) : (
      <Loading what="the task" />
    );
  }
  return <TaskDetail task={query.data} />;
}

function TaskDetail({ task }: { task: TaskView }) {
  const live = LIVE_STATES.has(task.state);
  return (
    <>
      <div className="page-head">
        <h1 className="mono">{task.id}</h1>
        <StateBadge state={task.state} />
        {task.deadReason === null ? null : <ReasonBadge reason={task.deadReason} />}
        <TaskActions task={task} />
      </div>
      <div className="columns columns-wide">
        <div className="form">
          {live && task.state !== "processing" ? <WhyPanel queue={task.queue} id={task.id} /> : null}
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
          <ExactText title="Payload" text={task.payloadText} byteCount={task.payloadBytes} />
          {task.resultText === null ? null : <ExactText title="Result" text={task.resultText} />}
          {task.log.length === 0 ? null : (
            <section className="panel" aria-label="Log">
              <div className="panel-head">
                <h2>Log</h2>
              </div>
              <div className="panel-body">
                <pre className="text-block">{task.log.join("\n")}</pre>
              </div>
            </section>
          )}
        </div>
        <section className="panel" aria-label="Facts">
          <div className="panel-head">
            <h2>Facts</h2>
            <CopyButton text={asCurl(task)} label="Copy as curl" />
          </div>
          <Facts task={task} />
        </section>
      </div>
    </>
  );
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
    ["Enqueued", <Time key="enqueued" at={task.enqueuedAt} />],
    ["Due", task.runAt === null ? null : <Time key="due" at={task.runAt} />],
    ["Lease ends", task.leaseExpiresAt === null ? null : <Time key="lease" at={task.leaseExpiresAt} />],
    ["Ended", task.endedAt === null ? null : <Time key="ended" at={task.endedAt} />],
    ["Expires", task.expiresAt === null ? null : <Time key="expires" at={task.expiresAt} />],
    [
      "Attempts",
      `${count(task.attempts)}${task.maxRetries === null ? "" : ` of ${count(task.maxRetries + 1)}`}`,
    ],
    ["Replays", task.generation === 0 ? null : count(task.generation)],
    [
      "Worker",
      task.workerId === null ? null : (
        <span key="worker" className="mono">
          {task.workerId}
        </span>
      ),
    ],
    [
      "Token",
      task.token === null ? null : (
        <span key="token" className="mono">
          {task.token}
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
    ["Tags", task.tags.length === 0 ? null : task.tags.join(", ")],
    ["Runs alone", task.solo ? "yes: it crashed its worker twice" : null],
    ["Cancel", task.cancelRequested ? "requested" : null],
    ["Progress", task.progress],
    [
      "No handler since",
      task.unroutedSince === null ? null : <Time key="unrouted" at={task.unroutedSince} />,
    ],
  ];
  return (
    <dl className="panel-body facts">
      {rows
        .filter(([, value]) => value !== null)
        .map(([name, value]) => (
          <div key={name} style={{ display: "contents" }}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
    </dl>
  );
}

function TaskActions({ task }: { task: TaskView }) {
  const client = useQueryClient();
  const { say, fail } = useToasts();
  const [discarding, setDiscarding] = useState(false);
  const [busy, setBusy] = useState(false);
  const refresh = () => client.invalidateQueries({ queryKey: queueKey(task.queue) });

  const run = async (title: string, action: () => Promise<string>) => {
    setBusy(true);
    try {
      say(await action());
      await refresh();
    } catch (error) {
      fail(title, error);
    } finally {
      setBusy(false);
    }
  };
  const cancel = () =>
    run("The task was not cancelled", async () => {
      const { outcome } = await cancelTask(task.queue, task.id);
      return outcome === "requested" ? "Cancel requested: the worker will be told" : "Task cancelled";
    });
  const replay = () =>
    run("The task was not replayed", async () => {
      const answer = await replayDeadLetters(task.queue, { ids: [task.id] });
      return "done" in answer && answer.done === 0 ? "It was not dead any more" : "Task replayed";
    });

  if (task.state === "dead") {
    return (
      <div className="actions">
        <Button look="primary" isDisabled={busy} onPress={() => void replay()}>
          Replay
        </Button>
        <Button look="danger" isDisabled={busy} onPress={() => setDiscarding(true)}>
          Discard
        </Button>
        {discarding ? (
          <ConfirmDialog
            title="Discard this dead letter"
            action="Discard"
            danger
            phrase="discard 1"
            onClose={() => setDiscarding(false)}
            onConfirm={async () => {
              await discardDeadLetters(task.queue, { ids: [task.id] });
              say("Dead letter discarded");
              await refresh();
            }}
          >
            The task, its payload and its history are deleted.
          </ConfirmDialog>
        ) : null}
      </div>
    );
  }
  if (!LIVE_STATES.has(task.state)) return null;
  return (
    <div className="actions">
      <Button look="danger" isDisabled={busy || task.cancelRequested} onPress={() => void cancel()}>
        {task.cancelRequested ? "Cancel requested" : "Cancel task"}
      </Button>
    </div>
  );
}

/** The same enqueue again; the payload goes in as the exact text, with shell quotes escaped. */
function asCurl(task: TaskView): string {
  let body: string;
  try {
    body = injectBody({ type: task.type, payloadText: task.payloadText, priority: task.priority });
  } catch {
    return `curl ${location.origin}/v1/queues/${task.queue}/tasks/${task.id}`;
  }
  return `curl -X POST ${location.origin}/v1/queues/${task.queue}/tasks -H 'content-type: application/json' -d '${body.replaceAll("'", "'\\''")}'`;
}
