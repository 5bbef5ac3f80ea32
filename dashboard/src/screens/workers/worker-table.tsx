import { t } from "@lingui/core/macro";
import { Trans } from "@lingui/react/macro";
import { Link } from "@tanstack/react-router";
import {
  ChevronDown,
  ChevronRight,
  CircleCheck,
  CirclePause,
  CircleSlash,
  CircleStop,
  Unplug,
} from "lucide-react";
import type { WorkerView } from "../../api/workers.ts";
import { plainText } from "../../format/foreign-text.ts";
import { count } from "../../format/number.ts";
import { duration } from "../../format/time.ts";
import { useNow } from "../../live/live-context.tsx";
import { Button } from "../../ui/button.tsx";
import { ForeignText } from "../../ui/foreign-text.tsx";
import { GridHead } from "../../ui/grid-head.tsx";
import { Badge } from "../../ui/status.tsx";
import { Time } from "../../ui/time.tsx";
import { DrainButton } from "./drain-button.tsx";

const LOOK = {
  running: { icon: CircleCheck, tone: "completed", text: () => t`Running` },
  paused: { icon: CirclePause, tone: "quiet", text: () => t`Paused by its program` },
  draining: { icon: CirclePause, tone: "warn", text: () => t`Draining` },
  drained: { icon: CircleSlash, tone: "warn", text: () => t`Drained` },
  stopped: { icon: CircleStop, tone: "quiet", text: () => t`Stopped` },
  lost: { icon: Unplug, tone: "dead", text: () => t`Lost` },
} as const;

/** A worker whose last heartbeat is older than this, ms, is highlighted. Heartbeats come every few seconds. */
const LATE_MS = 15_000;

interface WorkerTableProps {
  workers: WorkerView[];
  /** The id of the worker whose tasks are shown; null if there is none. */
  open?: string | null;
  onOpen?(id: string | null): void;
}

export function WorkerTable({ workers, open = null, onOpen }: WorkerTableProps) {
  return (
    <div className="grid-table workers" role="table" aria-label={t`Workers`}>
      <GridHead columns={[t`Worker`, t`State`, t`Slots busy`, t`Queues`, t`Started`, t`Heartbeat`]} />
      <div role="rowgroup" className="grid-body">
        {workers.map((worker) => (
          <WorkerRow key={worker.id} worker={worker} open={open === worker.id} onOpen={onOpen} />
        ))}
      </div>
    </div>
  );
}

interface WorkerRowProps {
  worker: WorkerView;
  open: boolean;
  onOpen: ((id: string | null) => void) | undefined;
}

function WorkerRow({ worker, open, onOpen }: WorkerRowProps) {
  const look = LOOK[worker.state];
  const late = worker.heartbeatAgeMs > LATE_MS && worker.state !== "stopped";
  return (
    <>
      <div className="grid-row worker-row" role="row">
        <div className="cell cell-wide" role="cell">
          <div className="mono clip" title={plainText(worker.id)}>
            <ForeignText text={worker.id} />
          </div>
          <div className="hint clip">
            <ForeignText text={t`${worker.host}, pid ${worker.pid}, version ${worker.version}`} />
          </div>
        </div>
        <div className="cell cell-half" role="cell">
          <Badge icon={look.icon} tone={look.tone}>
            {look.text()}
          </Badge>
        </div>
        <div className="cell cell-half tone-processing" role="cell">
          <span className="label">{t`Slots busy`}</span>
          <div>
            {count(worker.busy)}{" "}
            <span className="soft">
              <Trans>of {count(worker.slots)}</Trans>
            </span>
          </div>
          <div className="bar bar-slots" aria-hidden="true">
            <div style={{ width: `${worker.slots === 0 ? 0 : (worker.busy / worker.slots) * 100}%` }} />
          </div>
        </div>
        <div className="cell cell-half clip" role="cell" title={worker.queues.join(", ")}>
          <span className="label">{t`Queues`}</span>
          {worker.queues.join(", ")}
        </div>
        <div className="cell cell-half" role="cell">
          <span className="label">{t`Started`}</span>
          <Time at={worker.startedAt} />
        </div>
        <div className="cell cell-half" role="cell">
          <span className="label">{t`Heartbeat`}</span>
          <span className={late ? "late" : undefined}>
            <Trans>{duration(worker.heartbeatAgeMs)} ago</Trans>
          </span>
        </div>
        <div className="cell cell-half actions" role="cell">
          {onOpen === undefined ? null : (
            <Button
              small
              look="quiet"
              aria-expanded={open}
              aria-label={t`Current tasks of ${worker.id}`}
              onPress={() => onOpen(open ? null : worker.id)}
            >
              {open ? (
                <ChevronDown size={14} aria-hidden="true" />
              ) : (
                <ChevronRight size={14} aria-hidden="true" />
              )}
              {t`Tasks`}
            </Button>
          )}
          <DrainButton worker={worker} />
        </div>
      </div>
      {open ? <CurrentTasks worker={worker} /> : null}
    </>
  );
}

function CurrentTasks({ worker }: { worker: WorkerView }) {
  const now = useNow();
  const tasks = worker.tasks ?? [];
  return (
    <div className="worker-tasks" role="row">
      <div role="cell">
        {tasks.length === 0 ? (
          <p className="soft small">{t`This worker has no tasks now.`}</p>
        ) : (
          <ul aria-label={t`Current tasks of ${worker.id}`}>
            {tasks.map((task) => (
              <li key={`${task.queue} ${task.id}`}>
                <Link
                  className="mono clip"
                  to="/queues/$queue/tasks/$id"
                  params={{ queue: task.queue, id: task.id }}
                >
                  {task.id}
                </Link>
                <span className="clip">{task.type}</span>
                <span className="soft clip">{task.queue}</span>
                <span className="soft">
                  <Trans>for {duration(now - task.startedAt)}</Trans>
                </span>
              </li>
            ))}
          </ul>
        )}
        {tasks.length < worker.busy && tasks.length > 0 ? (
          <p className="hint">
            <Trans>
              {count(tasks.length)} of {count(worker.busy)} shown.
            </Trans>
          </p>
        ) : null}
      </div>
    </div>
  );
}
