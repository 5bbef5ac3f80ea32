import { useQuery } from "@tanstack/react-query";
import { seriesQuery } from "../../api/queues.ts";
import { LivePair } from "./queue-charts.tsx";

/** Depth and throughput of one queue: first the points of the service, then the live ones. */
export function LiveCharts({ queue, spanMs }: { queue: string; spanMs: number }) {
  const past = useQuery(seriesQuery(queue, spanMs));
  return (
    <div className="charts">
      <LivePair queue={queue} past={past.data?.points ?? []} ms={spanMs} />
    </div>
  );
}
