import { getRouteApi } from "@tanstack/react-router";
import { count, plural, rate } from "../../format/number.ts";
import { duration } from "../../format/time.ts";
import { ratesOf } from "../../live/history.ts";
import { useLive } from "../../live/live-context.tsx";
import { WINDOWS_MINUTES } from "../../search.ts";
import { Segments } from "../../ui/segments.tsx";
import { ageTone, workersOf } from "../rank.ts";
import { Tile, Tiles } from "../tiles.tsx";
import { WorkerTable } from "../workers-page.tsx";
import { LiveCharts } from "./live-charts.tsx";

const route = getRouteApi("/queues/$queue/");

export function QueueOverview() {
  const { queue } = route.useParams();
  const { minutes = "5" } = route.useSearch();
  const navigate = route.useNavigate();
  const { figures } = useLive();
  const stats = figures.queues?.find((candidate) => candidate.queue === queue);
  const samples = figures.history[queue];
  if (stats === undefined) return null;

  const rates = ratesOf(samples ?? []);
  const drainMs =
    rates.completed > rates.enqueued ? (stats.pending / (rates.completed - rates.enqueued)) * 1_000 : null;
  const workers = figures.workers === null ? null : workersOf(queue, figures.workers);
  const { pendingByPriority: bands, totals } = stats;
  return (
    <>
      <Tiles label="Counts by state">
        <Tile
          state="pending"
          value={count(stats.pending)}
          sub={`high ${count(bands.high)}, normal ${count(bands.normal)}, low ${count(bands.low)}`}
        />
        <Tile
          state="processing"
          value={count(stats.processing)}
          sub={plural(workers?.length ?? 0, "worker")}
        />
        <Tile state="scheduled" value={count(stats.scheduled)} sub="retries and delays" />
        <Tile
          state="completed"
          value={count(totals.acked)}
          sub={stats.completed === totals.acked ? "in all" : `in all, ${count(stats.completed)} kept`}
        />
        <Tile state="dead" value={count(stats.dead)} alarm={stats.dead > 0} />
        <Tile
          name="Oldest waiting"
          value={stats.pending === 0 ? "none" : duration(stats.oldestPendingAgeMs)}
          alarm={ageTone(stats.oldestPendingAgeMs) === "dead"}
        />
        <Tile
          name="Time to drain"
          value={stats.pending === 0 ? "empty" : drainMs === null ? "grows" : duration(drainMs)}
          sub={`${rate(rates.completed)}/s done`}
        />
      </Tiles>
      <div className="actions" style={{ justifyContent: "flex-end" }}>
        <Segments
          label="Time span"
          value={minutes}
          onChange={(next) => void navigate({ search: next === "5" ? {} : { minutes: next }, replace: true })}
          options={WINDOWS_MINUTES.map((value) => ({ value, text: `${value} min` }))}
        />
      </div>
      <LiveCharts queue={queue} spanMs={Number(minutes) * 60_000} />
      <div className="columns">
        <section className="panel" aria-label="Since the queue began">
          <div className="panel-head">
            <h2>Since the queue began</h2>
          </div>
          <dl className="panel-body facts facts-two">
            <Fact name="Enqueued" value={totals.enqueued} />
            <Fact name="Attempts" value={totals.attempts} />
            <Fact name="Completed" value={totals.acked} />
            <Fact name="Failures" value={totals.failed} />
            <Fact name="Retries" value={totals.retried} />
            <Fact name="Crashes" value={totals.crashed} />
            <Fact name="Dead-lettered" value={totals.deadLettered} />
            <Fact name="Replayed" value={totals.replayed} />
            <Fact name="Cancelled" value={totals.cancelled} />
            <Fact name="Expired" value={totals.expired} />
            <Fact name="Stale settles refused" value={totals.stale} />
            <Fact name="Duplicate enqueues" value={totals.deduplicated} />
          </dl>
        </section>
        <section className="panel" aria-label="Settings">
          <div className="panel-head">
            <h2>Settings</h2>
          </div>
          <dl className="panel-body facts">
            <dt>Most waiting</dt>
            <dd>{stats.settings.maxWaiting === 0 ? "no cap" : count(stats.settings.maxWaiting)}</dd>
            <dt>Ended tasks kept</dt>
            <dd>
              {duration(stats.settings.retentionMs)}, at most {count(stats.settings.retentionCount)} of each
              state
            </dd>
            <dt>Ids remembered</dt>
            <dd>{duration(stats.settings.idempotencyMs)} after the task ended</dd>
            <dt>Waiting to run alone</dt>
            <dd>{count(stats.pendingSolo)}</dd>
          </dl>
        </section>
      </div>
      {workers === null || workers.length === 0 ? null : (
        <section className="panel" aria-label="Workers of this queue">
          <WorkerTable workers={workers} />
        </section>
      )}
    </>
  );
}

function Fact({ name, value }: { name: string; value: number }) {
  return (
    <>
      <dt>{name}</dt>
      <dd>{count(value)}</dd>
    </>
  );
}
