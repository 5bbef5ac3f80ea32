import { PRIORITIES } from "@holdfast/contracts";
import { plural, t } from "@lingui/core/macro";
import { getRouteApi } from "@tanstack/react-router";
import { count, percent, rate } from "../../format/number.ts";
import { duration } from "../../format/time.ts";
import { failureShareOf } from "../../live/history.ts";
import { useLive } from "../../live/live-context.tsx";
import { useQueueStats } from "../../live/use-queue-stats.ts";
import { spanMs, WINDOWS, type Window } from "../../search.ts";
import { PRIORITY_TEXT } from "../../ui/priority-field.tsx";
import { Segments } from "../../ui/segments.tsx";
import { ageTone, workersOf } from "../rank.ts";
import { Tile, Tiles } from "../tiles.tsx";
import { WorkerTable } from "../workers/worker-table.tsx";
import { drainOf } from "./drain.ts";
import { QueueCharts } from "./queue-charts.tsx";
import { RemovalPanel } from "./removal-panel.tsx";
import { SettingsPanel } from "./settings-panel.tsx";
import { TypePanel } from "./type-panel.tsx";

const route = getRouteApi("/queues/$queue/");

const WINDOW_TEXT: Record<Window, string> = {
  "5m": "5 min",
  "15m": "15 min",
  "1h": "1 h",
  "6h": "6 h",
  "24h": "24 h",
  "7d": "7 d",
  "30d": "30 d",
};

export function QueueOverview() {
  const { queue } = route.useParams();
  const search = route.useSearch();
  const { span = "5m", type, by = "run" } = search;
  const navigate = route.useNavigate();
  const { figures } = useLive();
  const { stats } = useQueueStats(queue);
  if (stats === undefined) return null;

  const show = (next: typeof search) => void navigate({ search: next, replace: true, resetScroll: false });
  const samples = figures.history[queue] ?? [];
  const rates = figures.rates[queue];
  const failing = failureShareOf(samples);
  const workers = figures.workers === null ? null : workersOf(queue, figures.workers);
  const { pendingByPriority: bands, totals } = stats;
  return (
    <>
      <Tiles label={t`Counts by state`}>
        <Tile
          state="pending"
          value={count(stats.pending)}
          sub={[
            ...PRIORITIES.map((band) => `${PRIORITY_TEXT[band]()}\u00a0${count(bands[band])}`),
            ...(stats.pendingKeyed > 0 ? [t`with a key\u00a0${count(stats.pendingKeyed)}`] : []),
          ].join(", ")}
        />
        <Tile
          state="processing"
          value={count(stats.processing)}
          sub={plural(workers?.length ?? 0, { one: "# worker", other: "# workers" })}
        />
        <Tile state="scheduled" value={count(stats.scheduled)} sub={t`retries and delays`} />
        <Tile
          state="completed"
          value={count(totals.acked)}
          sub={stats.completed === totals.acked ? t`in all` : t`in all, ${count(stats.completed)} kept`}
        />
        <Tile
          state="dead"
          value={count(stats.dead)}
          alarm={stats.dead > 0}
          sub={failing === null ? t`no attempt lately` : t`${percent(failing)} of attempts fail`}
        />
        <Tile
          name={t`Oldest waiting`}
          value={stats.pending === 0 ? t`none` : duration(stats.oldestPendingAgeMs)}
          alarm={ageTone(stats.oldestPendingAgeMs) === "dead"}
        />
        <Tile
          name={t`Time to drain`}
          value={drainOf(stats, rates).text}
          sub={rates === undefined ? t`no rate yet` : t`${rate(rates.completedPerSecond)}/s done`}
        />
      </Tiles>
      <div className="section-head">
        <h2>{t`Over time`}</h2>
        <Segments
          label={t`Time span`}
          value={span}
          onChange={(next) => {
            const { span: _, ...rest } = search;
            show(next === "5m" ? rest : { ...rest, span: next });
          }}
          options={WINDOWS.map((value) => ({ value, text: WINDOW_TEXT[value] }))}
        />
      </div>
      <QueueCharts queue={queue} span={span} />
      <TypePanel
        queue={queue}
        spanMs={spanMs(span)}
        type={type}
        by={by}
        onChoose={(choice) =>
          show({
            ...(span === "5m" ? {} : { span }),
            ...(choice.type === undefined ? {} : { type: choice.type }),
            ...(choice.by === "wait" ? { by: "wait" } : {}),
          })
        }
      />
      <div className="columns">
        <section className="panel" aria-label={t`Since the queue began`}>
          <div className="panel-head">
            <h2>{t`Since the queue began`}</h2>
          </div>
          <dl className="panel-body facts facts-two">
            <Fact name={t`Enqueued`} value={totals.enqueued} />
            <Fact name={t`Attempts`} value={totals.attempts} />
            <Fact name={t`Completed`} value={totals.acked} />
            <Fact name={t`Failures`} value={totals.failed} />
            <Fact name={t`Retries`} value={totals.retried} />
            <Fact name={t`Crashes`} value={totals.crashed} />
            <Fact name={t`Dead-lettered`} value={totals.deadLettered} />
            <Fact name={t`Dead letters dropped`} value={totals.dropped} />
            <Fact name={t`Replayed`} value={totals.replayed} />
            <Fact name={t`Cancelled`} value={totals.cancelled} />
            <Fact name={t`Expired`} value={totals.expired} />
            <Fact name={t`Stale settles refused`} value={totals.stale} />
            <Fact name={t`Duplicate enqueues`} value={totals.deduplicated} />
          </dl>
        </section>
        <SettingsPanel stats={stats} />
      </div>
      {workers === null || workers.length === 0 ? null : (
        <section className="panel" aria-label={t`Workers of this queue`}>
          <WorkerTable workers={workers} />
        </section>
      )}
      <RemovalPanel stats={stats} />
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
