import { t } from "@lingui/core/macro";
import { useQuery } from "@tanstack/react-query";
import { memo, useMemo } from "react";
import { markedActionsQuery, type SeriesPoint, seriesQuery, seriesStep } from "../../api/queues.ts";
import { count, percent, rate } from "../../format/number.ts";
import { duration, shortDuration } from "../../format/time.ts";
import type { Sample } from "../../live/history.ts";
import { useLive } from "../../live/live-context.tsx";
import { spanMs, type Window } from "../../search.ts";
import { lazyPart } from "../../ui/lazy-part.tsx";
import { type ChartGrid, type ChartPoint, chartGrid, chartPoints, seriesPoints } from "./chart-points.ts";
import { MarkTable } from "./mark-table.tsx";
import { type Mark, marksOf } from "./marks.ts";
import type { ChartSeries, TimeChartProps } from "./time-chart.tsx";

// The chart library is larger than the rest of the page, so it is loaded with the first chart.
const LazyChart = lazyPart<TimeChartProps<{ at: number }>>(
  async () => (await import("./time-chart.tsx")).TimeChart,
  () => t`the chart`,
  ChartPlace,
);
const Chart = LazyChart as unknown as <P extends { at: number }>(props: TimeChartProps<P>) => React.ReactNode;

/** The longest span of charts that also show the samples of the live stream, ms. The page has no older samples. */
const LIVE_SPAN_MS = 900_000;

const DEPTH: readonly ChartSeries<ChartPoint>[] = [
  { name: () => t`Pending`, color: "var(--pending)", value: (point) => point.pending },
  { name: () => t`Processing`, color: "var(--processing)", value: (point) => point.processing },
  { name: () => t`Scheduled`, color: "var(--scheduled)", value: (point) => point.scheduled, dash: "5 3" },
  { name: () => t`Dead`, color: "var(--dead)", value: (point) => point.dead, dash: "2 2" },
];

const RATES: readonly ChartSeries<ChartPoint>[] = [
  { name: () => t`Enqueued`, color: "var(--quiet)", value: (point) => point.enqueued, dash: "5 3" },
  { name: () => t`Completed`, color: "var(--completed)", value: (point) => point.completed },
  { name: () => t`Failed`, color: "var(--dead)", value: (point) => point.failed, dash: "2 2" },
];

const percentiles = (
  p50: (point: SeriesPoint) => number | null,
  p95: (point: SeriesPoint) => number | null,
  p99: (point: SeriesPoint) => number | null,
): readonly ChartSeries<SeriesPoint>[] => [
  { name: () => "p50", color: "var(--completed)", value: p50 },
  { name: () => "p95", color: "var(--pending)", value: p95, dash: "5 3" },
  { name: () => "p99", color: "var(--dead)", value: p99, dash: "2 2" },
];

const WAIT = percentiles(
  (point) => point.waitP50Ms ?? null,
  (point) => point.waitP95Ms ?? null,
  (point) => point.waitP99Ms ?? null,
);
const RUN = percentiles(
  (point) => point.runP50Ms ?? null,
  (point) => point.runP95Ms ?? null,
  (point) => point.runP99Ms ?? null,
);
const OLDEST: readonly ChartSeries<SeriesPoint>[] = [
  { name: () => t`Oldest`, color: "var(--pending)", value: (point) => point.oldestPendingAgeMs },
];
const OUTCOMES: readonly ChartSeries<SeriesPoint>[] = [
  { name: () => t`Completed`, color: "var(--completed)", value: (point) => point.completedPerSecond },
  { name: () => t`Failed`, color: "var(--dead)", value: (point) => point.failedPerSecond, dash: "2 2" },
  {
    name: () => t`Crashed`,
    color: "var(--scheduled)",
    value: (point) => point.crashedPerSecond ?? null,
    dash: "5 3",
  },
  {
    name: () => t`Released`,
    color: "var(--quiet)",
    value: (point) => point.releasedPerSecond ?? null,
    dash: "8 3",
  },
];
const INFLOW: readonly ChartSeries<SeriesPoint>[] = [
  { name: () => t`Dead-lettered`, color: "var(--dead)", value: (point) => point.deadLetteredPerSecond },
];
const UTILISATION: readonly ChartSeries<SeriesPoint>[] = [
  {
    name: () => t`Slots busy`,
    color: "var(--processing)",
    value: (point) => (point.utilisation == null ? null : point.utilisation * 100),
  },
];

export function QueueCharts({ queue, span }: { queue: string; span: Window }) {
  const { figures, paused } = useLive();
  const ms = spanMs(span);
  const series = useQuery({
    ...seriesQuery(queue, ms),
    refetchInterval: paused ? false : ms <= LIVE_SPAN_MS ? 3_000 : 15_000,
  });
  const actions = useQuery({ ...markedActionsQuery(queue, ms), refetchInterval: paused ? false : 30_000 });
  const past = series.data?.points ?? NONE;
  const samples = ms <= LIVE_SPAN_MS ? (figures.history[queue] ?? NO_SAMPLES) : NO_SAMPLES;
  const { stepMs, end } = chartGrid(past, samples, ms, seriesStep(ms));
  const deploys = series.data?.deploys;
  const marks = useMemo(
    () => marksOf(deploys ?? [], actions.data ?? [], { since: end - ms, until: end }),
    [deploys, actions.data, end, ms],
  );
  const shared = { past, ms, stepMs, end, marks };
  return (
    <>
      <MarkTable marks={marks} />
      <div className="charts">
        <LivePair {...shared} samples={samples} />
        <SeriesCharts {...shared} />
      </div>
    </>
  );
}

const NONE: SeriesPoint[] = [];
const NO_SAMPLES: readonly Sample[] = [];
const NO_MARKS: readonly Mark[] = [];

interface ChartsProps extends ChartGrid {
  past: readonly SeriesPoint[];
  ms: number;
  marks?: readonly Mark[];
}

/**
 * The charts of depth and throughput are a component of their own, because only these two change with every message
 * of the stream.
 */
export function LivePair(props: ChartsProps & { samples: readonly Sample[] }) {
  const { past, samples, ms, stepMs, end, marks = NO_MARKS } = props;
  const points = useMemo(
    () => chartPoints(past, samples, ms, { stepMs, end }),
    [past, samples, ms, stepMs, end],
  );
  const shared = { points, end, marks, spanMs: ms };
  return (
    <>
      <Chart {...shared} title={t`Depth by state`} unit={t`tasks`} series={DEPTH} format={count} />
      <Chart {...shared} title={t`Throughput`} unit={t`tasks a second`} series={RATES} format={rate} />
    </>
  );
}

/** These charts do not use the stream. `memo` keeps its messages from drawing them again. */
const SeriesCharts = memo(function SeriesCharts({ past, ms, stepMs, end, marks = NO_MARKS }: ChartsProps) {
  const points = useMemo(() => seriesPoints(past, ms, { stepMs, end }), [past, ms, stepMs, end]);
  const shared = { points, end, marks, spanMs: ms };
  const time = { format: duration, tick: shortDuration };
  return (
    <>
      <Chart {...shared} {...time} title={t`Oldest waiting`} unit={t`age`} series={OLDEST} />
      <Chart {...shared} {...time} title={t`Wait`} unit={t`enqueue to start`} series={WAIT} />
      <Chart {...shared} {...time} title={t`Run`} unit={t`start to end of an attempt`} series={RUN} />
      <Chart {...shared} title={t`Outcomes`} unit={t`attempts a second`} series={OUTCOMES} format={rate} />
      <Chart
        {...shared}
        title={t`Dead-letter inflow`}
        unit={t`tasks a second`}
        series={INFLOW}
        format={rate}
      />
      <Chart
        {...shared}
        title={t`Utilisation`}
        unit={t`of the workers' slots`}
        series={UTILISATION}
        format={(value) => percent(value / 100)}
        tick={(value) => `${value} %`}
        top={100}
      />
    </>
  );
});

/** A placeholder with the size of a chart, so that the page does not move when the chart library has loaded. */
function ChartPlace({ title }: { title: string }) {
  return (
    <section className="panel chart-panel" aria-busy="true">
      <div className="chart-head">
        <h3>{title}</h3>
      </div>
      <div className="chart" />
    </section>
  );
}
