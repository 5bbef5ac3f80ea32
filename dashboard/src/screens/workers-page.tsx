import type { WorkerView } from "@holdfast/contracts";
import { CircleCheck, CirclePause, CircleStop, Unplug } from "lucide-react";
import { count, plural } from "../format/number.ts";
import { duration } from "../format/time.ts";
import { useLive } from "../live/live-context.tsx";
import { Failed, Loading, NoneYet } from "../ui/empty.tsx";
import { Badge } from "../ui/status.tsx";
import { Time } from "../ui/time.tsx";

const LOOK = {
  running: { icon: CircleCheck, tone: "completed", text: "Running" },
  draining: { icon: CirclePause, tone: "warn", text: "Draining" },
  drained: { icon: CirclePause, tone: "quiet", text: "Drained" },
  stopped: { icon: CircleStop, tone: "quiet", text: "Stopped" },
  lost: { icon: Unplug, tone: "dead", text: "Lost" },
} as const;

const ORDER = { lost: 0, draining: 1, drained: 2, running: 3, stopped: 4 } as const;

export function WorkersPage() {
  const { figures, error } = useLive();
  const { workers } = figures;
  if (workers === null) return error === null ? <Loading what="workers" /> : <Failed error={error} />;
  return (
    <>
      <div className="page-head">
        <h1>Workers</h1>
        <p className="soft small">
          {plural(workers.filter(({ state }) => state === "running").length, "worker")} running
        </p>
      </div>
      <section className="panel">
        {workers.length === 0 ? (
          <NoneYet title="No workers yet">
            <p>Start one:</p>
            <pre className="text-block">QUEUES=default pnpm run worker</pre>
          </NoneYet>
        ) : (
          <WorkerTable
            workers={[...workers].sort((a, b) => ORDER[a.state] - ORDER[b.state] || a.id.localeCompare(b.id))}
          />
        )}
      </section>
    </>
  );
}

export function WorkerTable({ workers }: { workers: WorkerView[] }) {
  return (
    <div className="grid-table workers" role="table" aria-label="Workers">
      <div role="rowgroup">
        <div className="grid-row grid-head" role="row">
          {["Worker", "State", "Slots busy", "Queues", "Started", "Heartbeat"].map((text) => (
            <div key={text} role="columnheader" className="cell">
              {text}
            </div>
          ))}
        </div>
      </div>
      <div role="rowgroup" className="grid-body">
        {workers.map((worker) => (
          <WorkerRow key={worker.id} worker={worker} />
        ))}
      </div>
    </div>
  );
}

function WorkerRow({ worker }: { worker: WorkerView }) {
  const look = LOOK[worker.state];
  const late = worker.heartbeatAgeMs > 15_000 && worker.state !== "stopped";
  return (
    <div className="grid-row" role="row" style={{ paddingBlock: "0.5rem" }}>
      <div className="cell cell-wide" role="cell">
        <div className="mono clip">{worker.id}</div>
        <div className="hint clip">
          {worker.host}, pid {worker.pid}, {worker.version}
        </div>
      </div>
      <div className="cell" role="cell">
        <Badge icon={look.icon} tone={look.tone}>
          {look.text}
        </Badge>
      </div>
      <div className="cell tone-processing" role="cell">
        <span className="label">Slots busy</span>
        <div>
          {count(worker.busy)} <span className="soft">of {count(worker.slots)}</span>
        </div>
        <div className="bar" aria-hidden="true" style={{ maxWidth: "9rem" }}>
          <div style={{ width: `${worker.slots === 0 ? 0 : (worker.busy / worker.slots) * 100}%` }} />
        </div>
      </div>
      <div className="cell clip" role="cell" title={worker.queues.join(", ")}>
        <span className="label">Queues</span>
        {worker.queues.join(", ")}
      </div>
      <div className="cell" role="cell">
        <span className="label">Started</span>
        <Time at={worker.startedAt} />
      </div>
      <div className="cell" role="cell">
        <span className="label">Heartbeat</span>
        <span style={late ? { color: "var(--dead)", fontWeight: 600 } : undefined}>
          {duration(worker.heartbeatAgeMs)} ago
        </span>
      </div>
    </div>
  );
}
