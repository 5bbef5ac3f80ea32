import type { QueueStats } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { Plural } from "@lingui/react/macro";
import { useQuery } from "@tanstack/react-query";
import { getRouteApi, Link } from "@tanstack/react-router";
import { CirclePause, TriangleAlert } from "lucide-react";
import { SERVICE_URL } from "../api/base.ts";
import { errorsQuery } from "../api/error-list.ts";
import { count, percent, rate } from "../format/number.ts";
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
    return error === null ? <Loading what={t`queues`} /> : <Failed error={error} page />;
  }
  const running = (workers ?? []).filter((worker) => worker.state === "running");
  const sum = (of: (stats: QueueStats) => number) => queues.reduce((total, stats) => total + of(stats), 0);
  const completedRate = sum((stats) => figures.rates[stats.queue]?.completedPerSecond ?? 0);
  const dead = figures.deadTotal;
  return (
    <>
      <div className="page-head">
        <h1>{t`Overview`}</h1>
        <p className="soft small">
          <Plural value={figures.queuesTotal} one="# queue" other="# queues" />
          {figures.queuesTotal > queues.length ? t`, the worst ${queues.length} shown` : ""}
        </p>
        <div className="actions">
          <NewErrors />
        </div>
      </div>
      <TroublePanel />
      <Tiles label={t`All queues`}>
        <Tile state="pending" value={count(sum((stats) => stats.pending))} />
        <Tile state="processing" value={count(sum((stats) => stats.processing))} />
        <Tile state="scheduled" value={count(sum((stats) => stats.scheduled))} />
        <Tile
          state="completed"
          name={t`Completed`}
          value={`${rate(completedRate)}/s`}
          sub={t`${count(sum((stats) => stats.totals.acked))} in all`}
        />
        <Tile state="dead" value={count(dead)} alarm={dead > 0} />
        <Tile
          name={t`Workers`}
          value={count(running.length)}
          sub={t`${count(running.reduce((total, { busy }) => total + busy, 0))} of ${count(running.reduce((total, { slots }) => total + slots, 0))} slots busy`}
        />
      </Tiles>
      {queues.length === 0 ? <FirstTask /> : <QueueTable sort={sort} />}
    </>
  );
}

/** Shows a link to the errors, with the number of errors that are new since the last deployment. */
function NewErrors() {
  const { paused } = useLive();
  const { data } = useQuery({
    ...errorsQuery(undefined, { kind: "new", limit: 1 }),
    refetchInterval: paused ? false : 10_000,
  });
  const total = data?.total ?? 0;
  return (
    <Link className="button" to="/errors" search={total === 0 ? {} : { kind: "new" }}>
      {total === 0
        ? t`All errors`
        : plural(total, {
            one: "# new error since the last deploy",
            other: "# new errors since the last deploy",
          })}
    </Link>
  );
}

const COLUMNS: readonly { text: () => string; sort?: Sort; num?: boolean }[] = [
  { text: () => t`Queue`, sort: "name" },
  { text: () => t`Oldest waiting`, sort: "age", num: true },
  { text: () => t`Pending`, sort: "pending", num: true },
  { text: () => t`Processing`, sort: "processing", num: true },
  { text: () => t`Failing`, sort: "failures", num: true },
  { text: () => t`Dead`, sort: "dead", num: true },
  { text: () => t`Done/s`, num: true },
  { text: () => t`Drains in`, num: true },
  { text: () => t`Workers`, num: true },
  { text: () => t`Pending, lately` },
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
    <section className="panel" aria-label={t`Queues`}>
      <div className="grid-table queues" role="table" aria-label={t`Queues, worst first`}>
        <div role="rowgroup">
          <div className="grid-row grid-head" role="row">
            {COLUMNS.map(({ text, sort: by, num }) => (
              <div key={text()} role="columnheader" className={num === true ? "cell num" : "cell"}>
                {by === undefined ? (
                  text()
                ) : (
                  <button
                    type="button"
                    className="sort"
                    aria-pressed={sort === by}
                    onClick={() => choose(by)}
                  >
                    {text()}
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
        <span className="label">{t`Oldest waiting`}</span>
        {stats.pending === 0 ? (
          <span className="zero">{t`none`}</span>
        ) : tone === "none" ? (
          duration(stats.oldestPendingAgeMs)
        ) : (
          <span className={`tone-${tone} alarm`}>{duration(stats.oldestPendingAgeMs)}</span>
        )}
      </div>
      <Figure label={t`Pending`} value={stats.pending} strong />
      <Figure label={t`Processing`} value={stats.processing} />
      <div className="cell num" role="cell" title={t`Of the attempts that ended in the last minute`}>
        <span className="label">{t`Failing`}</span>
        {failing === null ? (
          <span className="zero">{t`none`}</span>
        ) : (
          <span className={failing >= 0.1 ? "tone-dead alarm" : failing === 0 ? "zero" : undefined}>
            {percent(failing)}
          </span>
        )}
      </div>
      <div className="cell num" role="cell">
        <span className="label">{t`Dead`}</span>
        {stats.dead === 0 ? (
          <span className="zero">0</span>
        ) : (
          <Link
            to="/queues/$queue/dead-letters"
            params={{ queue: stats.queue }}
            style={{ color: "var(--dead)", fontWeight: 600 }}
            aria-label={t`${plural(stats.dead, { one: "# dead letter", other: "# dead letters" })} of ${stats.queue}`}
          >
            {count(stats.dead)}
          </Link>
        )}
      </div>
      <div className="cell num" role="cell">
        <span className="label">{t`Done/s`}</span>
        {rates === undefined ? <span className="zero">–</span> : rate(rates.completedPerSecond)}
      </div>
      <div className="cell num" role="cell">
        <span className="label">{t`Drains in`}</span>
        <span className={DRAIN_CLASS[drain.look]}>{drain.text}</span>
      </div>
      <Figure label={t`Workers`} value={workers?.length ?? 0} />
      <div className="cell cell-wide" role="cell">
        <Sparkline
          values={samples.slice(-120).map((sample) => sample.pending)}
          label={t`Pending tasks of ${stats.queue} lately, now ${count(stats.pending)}`}
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
          {t`Paused`}
        </Badge>
      ) : null}
      {unworked ? (
        <Badge icon={TriangleAlert} tone="dead">
          {t`No workers`}
        </Badge>
      ) : null}
    </>
  );
}

function FirstTask() {
  const command = `curl -X POST ${SERVICE_URL}/v1/queues/default/tasks -H 'content-type: application/json' -d '{"type":"demo.echo","payload":{"hello":"world"}}'`;
  return (
    <section className="panel">
      <NoneYet title={t`No queues yet`}>
        <p>{t`The first task creates its queue. Enqueue one:`}</p>
        <pre className="text-block">{command}</pre>
        <div className="actions">
          <CopyButton text={command} label={t`Copy`} />
          <Link className="button" to="/load">
            {t`Open Load`}
          </Link>
        </div>
      </NoneYet>
    </section>
  );
}
