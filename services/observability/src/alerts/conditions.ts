import type { AlertCondition } from "@holdfast/contracts";
import type { SeriesPoint } from "@holdfast/contracts/api";
import type { QueueStats, WorkerView } from "holdfast";

/** The figures of one queue, as they were last sampled. */
export interface Figures {
  stats: Pick<QueueStats, "queue" | "dead" | "pending" | "paused" | "oldestPendingAgeMs">;
  workers: readonly Pick<WorkerView, "state" | "queues">[];
  /** Returns the points of the last `windowMs`, oldest first. */
  points(windowMs: number): readonly SeriesPoint[];
}

export interface Measure {
  /** The measured value: dead letters, milliseconds, waiting tasks or a ratio, depending on the condition. */
  value: number;
  /** Whether the condition holds. */
  holds: boolean;
}

/** How much later than the window the first point may begin, ms. The points still count as the whole window. */
const SLACK_MS = 3_000;

/** Measures a condition for one queue. Returns null if there are too few samples to tell. */
export function measure(when: AlertCondition, { stats, workers, points }: Figures): Measure | null {
  switch (when.kind) {
    case "dead_letters":
      return { value: stats.dead, holds: stats.dead > when.above };
    case "oldest_pending": {
      const value = stats.oldestPendingAgeMs;
      return { value, holds: !stats.paused && value > when.aboveMs };
    }
    case "no_workers":
      return {
        value: stats.pending,
        holds: stats.pending > 0 && !stats.paused && !isWorkedOn(stats.queue, workers),
      };
    default:
      return failureRatio(when, points(when.windowMs));
  }
}

function isWorkedOn(queue: string, workers: Figures["workers"]): boolean {
  return workers.some(
    ({ state, queues }) =>
      state === "running" && queues.some((name) => name === queue || name.startsWith(`${queue}/`)),
  );
}

function failureRatio(
  { above, windowMs, minTasks }: Extract<AlertCondition, { kind: "failure_ratio" }>,
  points: readonly SeriesPoint[],
): Measure | null {
  let failed = 0;
  let ended = 0;
  let beforeAt: number | undefined;
  for (const point of points) {
    // Usually a point covers one step. After a gap, it covers the whole time since the point before it.
    const seconds = (beforeAt === undefined ? point.spanMs : point.at - beforeAt) / 1_000;
    failed += point.failedPerSecond * seconds;
    ended += (point.completedPerSecond + point.failedPerSecond) * seconds;
    beforeAt = point.at;
  }
  // The rates are rounded, so their sums are not exact and are rounded too.
  if (Math.round(ended) >= minTasks) {
    const value = failed / ended;
    return { value, holds: value > above };
  }
  const [first] = points;
  const last = points.at(-1);
  const isWhole = first && last && last.at - first.at + first.spanMs >= windowMs - SLACK_MS;
  return isWhole ? { value: ended === 0 ? 0 : failed / ended, holds: false } : null;
}
