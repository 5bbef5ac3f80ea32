import type { AttemptView, TaskView } from "@holdfast/contracts";
import { Inbox, RotateCcw } from "lucide-react";
import { duration } from "../../format/time.ts";
import { useNow } from "../../live/live-context.tsx";
import { OUTCOME_LOOK } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";

/** Every attempt, oldest first: how long it waited, ran, and what became of it. */
export function Timeline({ task }: { task: TaskView }) {
  const now = useNow();
  return (
    <ol className="timeline">
      <li className="attempt">
        <div className="attempt-mark">
          <Inbox size={16} aria-hidden="true" />
        </div>
        <div className="attempt-body">
          <div className="attempt-title">
            <strong>Enqueued</strong>
            <span className="hint">
              <Time at={task.enqueuedAt} />
            </span>
          </div>
        </div>
      </li>
      {task.history.map((attempt, index) => {
        const before = task.history[index - 1];
        const replayed = attempt.generation > (before?.generation ?? 0);
        return (
          <Attempt
            key={attempt.token}
            attempt={attempt}
            replayed={replayed}
            waitMs={attempt.startedAt - (before?.endedAt ?? task.enqueuedAt)}
            wait={
              before === undefined ? "waited" : before.outcome === "failed" ? "backoff and wait" : "waited"
            }
            runMs={(attempt.endedAt ?? now) - attempt.startedAt}
          />
        );
      })}
      {task.history.length === 0 ? (
        <li className="attempt">
          <div className="attempt-mark" />
          <p className="soft small">No attempt yet.</p>
        </li>
      ) : null}
    </ol>
  );
}

interface AttemptProps {
  attempt: AttemptView;
  replayed: boolean;
  waitMs: number;
  /** What the time before it was spent with. */
  wait: string;
  runMs: number;
}

function Attempt({ attempt, replayed, waitMs, wait, runMs }: AttemptProps) {
  const look = OUTCOME_LOOK[attempt.outcome];
  return (
    <>
      {replayed ? (
        <li className="attempt">
          <div className="attempt-mark">
            <RotateCcw size={16} aria-hidden="true" />
          </div>
          <div className="attempt-body">
            <div className="attempt-title">
              <strong>Replayed</strong>
              <span className="hint">replay {attempt.generation}, attempts counted anew</span>
            </div>
          </div>
        </li>
      ) : null}
      <li className={`attempt tone-${look.tone}`}>
        <div className="attempt-mark">
          <look.icon size={16} aria-hidden="true" />
        </div>
        <div className="attempt-body">
          <div className="attempt-title">
            <strong>
              Attempt {attempt.attempt}: {look.text}
            </strong>
            <span className="hint">
              <Time at={attempt.startedAt} />
            </span>
          </div>
          <p className="hint">
            {wait} {duration(waitMs)}, {attempt.endedAt === null ? "running for" : "ran"} {duration(runMs)}
            <br />
            <span className="mono">
              {attempt.workerId} · {attempt.token}
            </span>
          </p>
          {attempt.error === null ? null : (
            <pre className="text-block" tabIndex={0}>
              {attempt.error}
            </pre>
          )}
        </div>
      </li>
    </>
  );
}
