import { useQuery } from "@tanstack/react-query";
import { seriesQuery } from "../../api/queues.ts";
import { LivePair } from "./queue-charts.tsx";

/** Draws the depth and throughput of one queue: first the points of the service, and then the live samples. */
export function LiveCharts({ queue, spanMs }: { queue: string; spanMs: number }) {
  const past = useQuery(seriesQuery(queue, spanMs));
  return (
    <div className="charts">
      <LivePair queue={queue} past={past.data?.points ?? []} ms={spanMs} />
    </div>
  );
}
