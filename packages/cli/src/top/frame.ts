import type { QueueStats, WorkerView } from "holdfast";
import { WORKER_COLUMNS } from "../commands/worker.ts";
import { type Column, printable, tableLines } from "../output.ts";
import { duration } from "../values.ts";
import type { Rates } from "./rates.ts";

/** One reading of the system's state. */
export interface Sight {
  /** The address of Redis as "host:port". */
  where: string;
  /** Milliseconds since the epoch, by the clock of this machine. */
  at: number;
  queues: QueueStats[];
  rates: ReadonlyMap<string, Rates | null>;
  workers: WorkerView[];
  /** Why the last reading failed; null if it succeeded. */
  error: string | null;
}

const rate = (value: number | undefined) =>
  value === undefined ? "" : value >= 100 ? String(Math.round(value)) : value.toFixed(1);

/** Returns the lines of one screen: at most `rows` lines of at most `columns` characters. */
export function frameLines(sight: Sight, columns: number, rows: number): string[] {
  const { queues, workers, rates } = sight;
  const live = workers.filter(({ state }) => state !== "stopped");
  const sum = (of: (worker: WorkerView) => number) => live.reduce((total, worker) => total + of(worker), 0);
  const lost = live.filter(({ state }) => state === "lost").length;
  const head = [
    `holdfast top  ${sight.where}  ${new Date(sight.at).toISOString().slice(11, 19)}  ` +
      `queues ${queues.length}  workers ${live.length}${lost > 0 ? ` (${lost} lost)` : ""}  ` +
      `slots ${sum(({ busy }) => busy)}/${sum(({ slots }) => slots)}`,
    sight.error === null ? "" : `! ${printable(sight.error)}`,
  ];
  const queueColumns: Column<QueueStats>[] = [
    { title: "QUEUE", cell: ({ queue }) => queue },
    { title: "STATE", cell: ({ paused }) => (paused ? "paused" : "running") },
    { title: "PENDING", cell: ({ pending }) => pending, right: true },
    {
      title: "OLDEST",
      cell: (stats) => (stats.pending > 0 ? duration(stats.oldestPendingAgeMs) : ""),
      right: true,
    },
    { title: "PROCESSING", cell: ({ processing }) => processing, right: true },
    { title: "SCHEDULED", cell: ({ scheduled }) => scheduled, right: true },
    { title: "DEAD", cell: ({ dead }) => dead, right: true },
    { title: "IN/S", cell: ({ queue }) => rate(rates.get(queue)?.enqueued), right: true },
    { title: "DONE/S", cell: ({ queue }) => rate(rates.get(queue)?.acked), right: true },
    { title: "FAILED/S", cell: ({ queue }) => rate(rates.get(queue)?.failed), right: true },
  ];
  const foot = "q quits";
  // The header, two titles, the line between the tables, and the last line also need rows.
  const room = Math.max(2, rows - head.length - 4);
  const queueRows = Math.min(queues.length, Math.max(1, room - Math.min(live.length, Math.floor(room / 3))));
  const workerRows = Math.max(0, Math.min(live.length, room - queueRows));
  const lines = [
    ...head,
    ...tableLines(byUrgency(queues).slice(0, queueRows), queueColumns),
    "",
    ...tableLines(live.slice(0, workerRows), WORKER_COLUMNS),
  ].slice(0, Math.max(1, rows - 1));
  const hidden = [
    queues.length > queueRows ? `${queues.length - queueRows} more queues` : "",
    live.length > workerRows ? `${live.length - workerRows} more workers` : "",
  ].filter((text) => text !== "");
  return [...lines, [foot, ...hidden].join("  ")].map((line) => line.slice(0, columns));
}

/** Sorts queues by the number of their waiting and running tasks, most tasks first, then by name. */
function byUrgency(queues: readonly QueueStats[]): QueueStats[] {
  const load = ({ pending, processing }: QueueStats) => pending + processing;
  return [...queues].sort((a, b) => load(b) - load(a) || (a.queue < b.queue ? -1 : 1));
}

/** One line per queue, for a file or a pipe. */
export function plainLines({ at, queues, rates, workers, error }: Sight): string[] {
  const stamp = new Date(at).toISOString();
  if (error !== null) return [`${stamp} error=${JSON.stringify(printable(error))}`];
  const live = workers.filter(({ state }) => state === "running").length;
  if (queues.length === 0) return [`${stamp} queues=0 workers=${live}`];
  return queues.map((stats) => {
    const own = rates.get(stats.queue);
    const seen = own
      ? ` in/s=${rate(own.enqueued)} done/s=${rate(own.acked)} failed/s=${rate(own.failed)}`
      : "";
    return (
      `${stamp} queue=${stats.queue} state=${stats.paused ? "paused" : "running"} pending=${stats.pending} ` +
      `oldest=${duration(stats.oldestPendingAgeMs)} processing=${stats.processing} scheduled=${stats.scheduled} ` +
      `dead=${stats.dead} workers=${live}${seen}`
    );
  });
}
