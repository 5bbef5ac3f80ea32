import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useMemo } from "react";
import { seriesQuery } from "../../api/queues.ts";
import { useLive } from "../../live/live-context.tsx";
import { chartPoints } from "./chart-points.ts";

// Recharts is larger than all the rest: it comes with the first chart, not with the first page.
const DepthChart = lazy(() => import("./charts.tsx").then((module) => ({ default: module.DepthChart })));
const RateChart = lazy(() => import("./charts.tsx").then((module) => ({ default: module.RateChart })));

/** Depth by state and throughput of one queue: what the service remembers, then what streams in. */
export function LiveCharts({ queue, spanMs }: { queue: string; spanMs: number }) {
  const { figures } = useLive();
  const past = useQuery(seriesQuery(queue));
  const samples = figures.history[queue];
  const points = useMemo(
    () => chartPoints(past.data?.points ?? [], samples ?? [], spanMs),
    [past.data, samples, spanMs],
  );
  return (
    <div className="columns">
      <Suspense fallback={<ChartPlace title="Depth by state" />}>
        <DepthChart points={points} spanMs={spanMs} />
      </Suspense>
      <Suspense fallback={<ChartPlace title="Throughput" />}>
        <RateChart points={points} spanMs={spanMs} />
      </Suspense>
    </div>
  );
}

function ChartPlace({ title }: { title: string }) {
  return (
    <section className="panel" aria-busy="true">
      <div className="panel-head">
        <h2>{title}</h2>
      </div>
      <div className="panel-body">
        <div className="chart" />
      </div>
    </section>
  );
}
