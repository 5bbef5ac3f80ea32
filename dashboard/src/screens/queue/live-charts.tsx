import { useQuery } from "@tanstack/react-query";
import { seriesQuery, seriesStep } from "../../api/queues.ts";
import { useLive } from "../../live/live-context.tsx";
import { chartGrid } from "./chart-points.ts";
import { LivePair } from "./queue-charts.tsx";

/** Draws the depth and throughput of one queue: first the points of the service, and then the live samples. */
export function LiveCharts({ queue, spanMs }: { queue: string; spanMs: number }) {
  const { figures } = useLive();
  const series = useQuery(seriesQuery(queue, spanMs));
  const past = series.data?.points ?? [];
  const samples = figures.history[queue] ?? [];
  return (
    <div className="charts">
      <LivePair
        {...chartGrid(past, samples, spanMs, seriesStep(spanMs))}
        past={past}
        samples={samples}
        ms={spanMs}
      />
    </div>
  );
}
