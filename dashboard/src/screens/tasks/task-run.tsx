import type { TaskDetail } from "@holdfast/contracts/api";
import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { Ghost, WifiOff } from "lucide-react";
import type { ReactNode } from "react";
import { SERVICE_URL } from "../../api/base.ts";
import { toApiError } from "../../api/errors.ts";
import { taskQuery } from "../../api/tasks.ts";
import { count } from "../../format/number.ts";
import { useLive } from "../../live/live-context.tsx";
import { Banner } from "../../ui/banner.tsx";
import { CopyButton } from "../../ui/copy-button.tsx";
import { Failed, Loading } from "../../ui/empty.tsx";
import { ExactText } from "../../ui/exact-text.tsx";
import { ReasonBadge, StateBadge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { asCommand, asCurl } from "./copy-as.ts";
import { LogPanel } from "./log-panel.tsx";
import { ProgressPanel } from "./progress-panel.tsx";
import { StepsPanel } from "./steps-panel.tsx";
import { LIVE_STATES, TaskActions } from "./task-actions.tsx";
import { TaskFacts } from "./task-facts.tsx";
import { TaskFlowPanel } from "./task-flow-panel.tsx";
import { TimeLinePanel } from "./time-line-panel.tsx";
import { Timeline } from "./timeline.tsx";
import { WhyPanel } from "./why-panel.tsx";

interface TaskRunProps {
  queue: string;
  id: string;
  /** Whether the task has a screen of its own, whose heading is an `h1`. It is false in the panel beside a list. */
  isPage?: boolean;
  /** The content above the heading. */
  children?: ReactNode;
}

/** Shows one task with live updates, on a screen of its own or in a panel beside a list. */
export function TaskRun({ queue, id, isPage = false, children }: TaskRunProps) {
  const { paused } = useLive();
  const query = useQuery({
    ...taskQuery(queue, id),
    // A task that has ended is fetched again too, because other users can replay, discard or restore it.
    refetchInterval: ({ state }) => {
      if (paused || state.data === undefined) return false;
      return LIVE_STATES.has(state.data.state) ? 1_000 : state.data.state === "dead" ? 2_000 : 5_000;
    },
  });
  if (query.data === undefined) {
    return (
      <>
        {children}
        {query.isError ? (
          <Failed error={query.error} onRetry={() => void query.refetch()} page={isPage} />
        ) : (
          <Loading what={t`the task`} />
        )}
      </>
    );
  }
  const gone = query.error !== null && toApiError(query.error).code === "task_not_found";
  return (
    <div className="run">
      {children}
      {gone ? (
        <Banner icon={Ghost} tone="warn">
          <Trans>
            <strong>This task is gone:</strong> it was discarded, emptied or moved into another queue, or its
            retention is over. The last known state is below.
          </Trans>
        </Banner>
      ) : query.isError ? (
        <StateAsOf at={query.dataUpdatedAt} error={query.error} />
      ) : null}
      <Head task={query.data} gone={gone} isPage={isPage} />
      <Parts task={query.data} gone={gone} />
    </div>
  );
}

/** Shows how old the shown state is, while the service does not answer. */
function StateAsOf({ at, error }: { at: number; error: unknown }) {
  const { figures } = useLive();
  return (
    <Banner icon={WifiOff} tone="warn">
      <Trans>
        <strong>This is the state as of</strong> <Time at={at + figures.clockOffsetMs} />: the task cannot be
        read now. {toApiError(error).detail}
      </Trans>
    </Banner>
  );
}

function Head({ task, gone, isPage }: { task: TaskDetail; gone: boolean; isPage: boolean }) {
  const Heading = isPage ? "h1" : "h2";
  return (
    <div className="page-head">
      <Heading className="mono">{task.id}</Heading>
      <CopyButton text={task.id} label={t`Copy id`} />
      <StateBadge state={task.state} />
      {task.deadReason === null ? null : <ReasonBadge reason={task.deadReason} />}
      {gone ? null : <TaskActions task={task} />}
    </div>
  );
}

function Parts({ task, gone }: { task: TaskDetail; gone: boolean }) {
  const live = LIVE_STATES.has(task.state) && !gone;
  const isSkipped = (task.flow?.skippedBy ?? null) !== null && !gone;
  return (
    <>
      {(live && task.state !== "processing") || isSkipped ? (
        <WhyPanel queue={task.queue} id={task.id} />
      ) : null}
      <TimeLinePanel task={task} />
      {task.progress === null ? null : <ProgressPanel task={task} json={task.progress} />}
      {task.flow === null ? null : <TaskFlowPanel task={task} flow={task.flow} />}
      <div className="run-columns">
        <div className="form">
          {task.payloadKept ? (
            <ExactText
              title={t`Payload`}
              name="payload"
              text={task.payloadText}
              byteCount={task.payloadBytes}
            />
          ) : (
            <section className="panel" aria-label={t`Payload`}>
              <div className="panel-head">
                <h2>{t`Payload`}</h2>
                <span className="hint">{t`Dropped when the task completed (keepPayload: false).`}</span>
              </div>
            </section>
          )}
          {task.resultText === null ? null : (
            <ExactText title={t`Result`} name="result" text={task.resultText} />
          )}
          {task.log.length === 0 ? null : <LogPanel task={task} />}
          {task.steps === null ? null : <StepsPanel steps={task.steps} />}
          <section className="panel" aria-label={t`Attempts`}>
            <div className="panel-head">
              <h2>{t`Attempts`}</h2>
              <span className="hint">
                <Trans>
                  {count(task.failures)} failed, {count(task.crashes)} crashed
                  {task.releases === 0 ? "" : t`, ${count(task.releases)} released`}
                </Trans>
              </span>
            </div>
            <div className="panel-body">
              <Timeline task={task} />
            </div>
          </section>
        </div>
        <section className="panel" aria-label={t`Facts`}>
          <div className="panel-head">
            <h2>{t`Facts`}</h2>
            <div className="actions">
              <CopyButton text={asCurl(task, SERVICE_URL)} label={t`Copy as curl`} />
              <CopyButton text={asCommand(task)} label={t`Copy as CLI`} />
            </div>
          </div>
          <TaskFacts task={task} />
        </section>
      </div>
    </>
  );
}
