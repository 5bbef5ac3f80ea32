import type { QueueStats } from "@holdfast/contracts";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { CirclePause, TriangleAlert } from "lucide-react";
import { SERVICE_URL } from "../api/base.ts";
import { errorsQuery } from "../api/error-list.ts";
import { count, percent, plural, rate } from "../format/number.ts";
import { duration } from "../format/time.ts";
import { failureShareOf } from "../live/history.ts";
import { useLive } from "../live/live-context.tsx";
import type { Sort } from "../search.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { Failed, Loading, NoneYet } from "../ui/empty.tsx";
import { Sparkline } from "../ui/sparkline.tsx";
import { Badge } from "../ui/status.tsx";
import { drainOf } from "./queue/drain.ts";
import { ageTone, sortQueues, waitingWithoutWorkers, workersOf } from "./rank.ts";
import { Tile, Tiles } from "./tiles.tsx";
import { TroublePanel } from "./trouble-panel.tsx";

const route = getRouteApi("/");

export function OverviewPage() {
  const { figures, error } = useLive();
  const { sort = "worst" } = route.useSearch();
  const { queues, workers } = figures;
  if (queues === null) {
    return error === null ? <Loading what="queues" /> : <Failed error={error} page />;
  }
  const running = (workers ?? []).filter((worker) => worker.state === "running");
  const sum = (of: (stats: QueueStats) => number) => queues.reduce((total, stats) => total + of(stats), 0);
  const completedRate = sum((stats) => figures.rates[stats.queue]?.completedPerSecond ?? 0);
  const dead = figures.deadTotal;
  return (
    <>
      <div className="page-head">
        <h1>Overview</h1>
        <p className="soft small">
          {plural(figures.queuesTotal, "queue")}
          {figures.queuesTotal > queues.length ? `, the worst ${queues.length} shown` : ""}
        </p>
        <div className="actions">
          <NewErrors />
        </div>
      </div>
      <TroublePanel />
      <Tiles label="All queues">
        <Tile state="pending" value={count(sum((stats) => stats.pending))} />
        <Tile state="processing" value={count(sum((stats) => stats.processing))} />
        <Tile state="scheduled" value={count(sum((stats) => stats.scheduled))} />
        <Tile
          state="completed"
          name="Completed"
          value={`${rate(completedRate)}/s`}
          sub={`${count(sum((stats) => stats.totals.acked))} in all`}
        />
        <Tile state="dead" value={count(dead)} alarm={dead > 0} />
        <Tile
          name="Workers"
          value={count(running.length)}
          sub={`${count(running.reduce((total, { busy }) => total + busy, 0))} of ${count(running.reduce((total, { slots }) => total + slots, 0))} slots busy`}
        />
      </Tiles>
      {queues.length === 0 ? <FirstTask /> : <QueueTable sort={sort} />}
    </>
  );
}

/** The way to the errors. It says how many began with the last deploy. */
function NewErrors() {
  const { paused } = useLive();
  const { data } = useQuery({
    ...errorsQuery(undefined, { kind: "new", limit: 1 }),
    refetchInterval: paused ? false : 10_000,
  });
  const total = data?.total ?? 0;
  return (
    <Link className="button" to="/errors" search={total === 0 ? {} : { kind: "new" }}>
      {total === 0 ? "All errors" : `${plural(total, "new error")} since the last deploy`}
    </Link>
  );
}

const COLUMNS: readonly { text: string; sort?: Sort; num?: boolean }[] = [
  { text: "Queue", sort: "name" },
  { text: "Oldest waiting", sort: "age", num: true },
  { text: "Pending", sort: "pending", num: true },
  { text: "Processing", sort: "processing", num: true },
  { text: "Failing", sort: "failures", num: true },
  { text: "Dead", sort: "dead", num: true },
  { text: "Done/s", num: true },
  { text: "Drains in", num: true },
  { text: "Workers", num: true },
  { text: "Pending, lately" },
];

function QueueTable({ sort }: { sort: Sort }) {
  const { figures } = useLive();
  const navigate = route.useNavigate();
  const rows = sortQueues(figures.queues ?? [], figures.workers, sort, (queue) =>
    failureShareOf(figures.history[queue] ?? []),
  );
  const choose = (next: Sort) =>
    void navigate({ search: next === sort || next === "worst" ? {} : { sort: next }, replace: true });
  return (
    <section className="panel" aria-label="Queues">
      <div className="grid-table queues" role="table" aria-label="Queues, worst first">
        <div role="rowgroup">
          <div className="grid-row grid-head" role="row">
            {COLUMNS.map(({ text, sort: by, num }) => (
              <div key={text} role="columnheader" className={num === true ? "cell num" : "cell"}>
                {by === undefined ? (
                  text
                ) : (
                  <button
                    type="button"
                    className="sort"
                    aria-pressed={sort === by}
                    onClick={() => choose(by)}
                  >
                    {text}
                  </button>
                )}
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup" className="grid-body">
          {rows.map((stats) => (
            <QueueRow key={stats.queue} stats={stats} />
          ))}
        </div>
      </div>
    </section>
  );
}

function QueueRow({ stats }: { stats: QueueStats }) {
  const { figures } = useLive();
  const samples = figures.history[stats.queue] ?? [];
  const workers = figures.workers === null ? null : workersOf(stats.queue, figures.workers);
  const tone = ageTone(stats.oldestPendingAgeMs);
  const rates = figures.rates[stats.queue];
  const drain = drainOf(stats, rates);
  const failing = failureShareOf(samples);
  return (
    <div className="grid-row" role="row">
      <div className="cell cell-wide queue-name" role="cell">
        <Link to="/queues/$queue" params={{ queue: stats.queue }} data-row-link="">
          {stats.queue}
        </Link>
        <QueueBadges stats={stats} />
      </div>
      <div className="cell num" role="cell">
        <span className="label">Oldest waiting</span>
        {stats.pending === 0 ? (
          <span className="zero">none</span>
        ) : tone === "none" ? (
          duration(stats.oldestPendingAgeMs)
        ) : (
          <span className={`tone-${tone} alarm`}>{duration(stats.oldestPendingAgeMs)}</span>
        )}
      </div>
      <Figure label="Pending" value={stats.pending} strong />
      <Figure label="Processing" value={stats.processing} />
      <div className="cell num" role="cell" title="Of the attempts that ended in the last minute">
        <span className="label">Failing</span>
        {failing === null ? (
          <span className="zero">none</span>
        ) : (
          <span className={failing >= 0.1 ? "tone-dead alarm" : failing === 0 ? "zero" : undefined}>
            {percent(failing)}
          </span>
        )}
      </div>
      <div className="cell num" role="cell">
        <span className="label">Dead</span>
        {stats.dead === 0 ? (
          <span className="zero">0</span>
        ) : (
          <Link
            to="/queues/$queue/dead-letters"
            params={{ queue: stats.queue }}
            style={{ color: "var(--dead)", fontWeight: 600 }}
            aria-label={`${plural(stats.dead, "dead letter")} of ${stats.queue}`}
          >
            {count(stats.dead)}
          </Link>
        )}
      </div>
      <div className="cell num" role="cell">
        <span className="label">Done/s</span>
        {rates === undefined ? <span className="zero">–</span> : rate(rates.completedPerSecond)}
      </div>
      <div className="cell num" role="cell">
        <span className="label">Drains in</span>
        <span className={DRAIN_CLASS[drain.look]}>{drain.text}</span>
      </div>
      <Figure label="Workers" value={workers?.length ?? 0} />
      <div className="cell cell-wide" role="cell">
        <Sparkline
          values={samples.slice(-120).map((sample) => sample.pending)}
          label={`Pending tasks of ${stats.queue} lately, now ${count(stats.pending)}`}
        />
      </div>
    </div>
  );
}

const DRAIN_CLASS = { plain: undefined, quiet: "zero", alarm: "tone-warn alarm" } as const;

function Figure({ label, value, strong = false }: { label: string; value: number; strong?: boolean }) {
  return (
    <div className="cell num" role="cell">
      <span className="label">{label}</span>
      <span
        className={value === 0 ? "zero" : undefined}
        style={strong && value > 0 ? { fontWeight: 600 } : undefined}
      >
        {count(value)}
      </span>
    </div>
  );
}

export function QueueBadges({ stats }: { stats: QueueStats }) {
  const { figures } = useLive();
  const unworked = waitingWithoutWorkers([stats], figures.workers).length > 0;
  return (
    <>
      {stats.paused ? (
        <Badge icon={CirclePause} tone="warn">
          Paused
        </Badge>
      ) : null}
      {unworked ? (
        <Badge icon={TriangleAlert} tone="dead">
          No workers
        </Badge>
      ) : null}
    </>
  );
}

function FirstTask() {
  const command = `curl -X POST ${SERVICE_URL}/v1/queues/default/tasks -H 'content-type: application/json' -d '{"type":"demo.echo","payload":{"hello":"world"}}'`;
  return (
    <section className="panel">
      <NoneYet title="No queues yet">
        <p>The first task creates its queue. Enqueue one:</p>
        <pre className="text-block">{command}</pre>
        <div className="actions">
          <CopyButton text={command} label="Copy" />
          <Link className="button" to="/load">
            Open Load
          </Link>
        </div>
      </NoneYet>
    </section>
  );
}
