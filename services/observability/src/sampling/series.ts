import { type QueueRates, SERIES, type SeriesPoint } from "@holdfast/contracts/api";
import type { QueueStats } from "holdfast";
import { drainSeconds, pointRatesBetween, ratesBetween } from "./rates.ts";

/** A sample may come this much early and still count as the next second. */
const STEP_SLACK_MS = 50;
/** Rates are averages over this time. Over a shorter one they would jump with the batches of workers. */
const RATE_SPAN_MS = 3_000;
/** Limits the memory of the series. Queues above this number have no series. */
const MAX_QUEUES = 200;

/** These fields are null in a point of one second. Only the buckets in Redis have them. */
const NOT_MEASURED = {
  utilisation: null,
  waitP50Ms: null,
  waitP95Ms: null,
  waitP99Ms: null,
  runP50Ms: null,
  runP95Ms: null,
  runP99Ms: null,
} as const;

interface QueueSeries {
  points: SeriesPoint[];
  lastKept: QueueStats;
  /** The samples of the last few seconds, oldest first. The shown rates are computed from them. */
  recent: QueueStats[];
}

export interface SeriesOptions {
  maxQueues?: number;
}

/** The last 15 minutes of each queue in memory, with one point per second. */
export class SeriesStore {
  readonly #series = new Map<string, QueueSeries>();
  readonly #maxQueues: number;

  constructor(options: SeriesOptions = {}) {
    this.#maxQueues = options.maxQueues ?? MAX_QUEUES;
  }

  /** Adds one sample of all queues. Queues that are not in the sample are forgotten. */
  record(snapshot: readonly QueueStats[]): void {
    const present = new Set(snapshot.map((stats) => stats.queue));
    for (const queue of this.#series.keys()) if (!present.has(queue)) this.#series.delete(queue);
    for (const stats of snapshot) this.#recordQueue(stats);
  }

  /** Returns the points of a queue, oldest first. Empty for an unknown queue. */
  points(queue: string, windowMs: number): SeriesPoint[] {
    const series = this.#series.get(queue);
    if (!series) return [];
    const since = series.lastKept.at - windowMs;
    return series.points.filter((point) => point.at > since);
  }

  /** Returns the rates over the last few seconds, by queue. */
  rates(): Record<string, QueueRates> {
    const byQueue: Record<string, QueueRates> = {};
    for (const [queue, { recent }] of this.#series) {
      const first = recent[0];
      const last = recent.at(-1);
      if (!first || !last || last.at <= first.at) continue;
      const rates = ratesBetween(first, last);
      byQueue[queue] = { ...rates, drainSeconds: drainSeconds(last.pending, rates) };
    }
    return byQueue;
  }

  #recordQueue(stats: QueueStats): void {
    const series = this.#series.get(stats.queue);
    // After a failover the clock of Redis may be set back. Rates would then be wrong, so the series starts anew.
    if (!series || stats.at < series.lastKept.at) {
      if (!series && this.#series.size >= this.#maxQueues) return;
      this.#series.set(stats.queue, { points: [], lastKept: stats, recent: [stats] });
      return;
    }
    series.recent.push(stats);
    while ((series.recent[1]?.at ?? Number.POSITIVE_INFINITY) <= stats.at - RATE_SPAN_MS)
      series.recent.shift();
    if (stats.at - series.lastKept.at < SERIES.stepMs - STEP_SLACK_MS) return;
    series.points.push(toPoint(series.lastKept, stats));
    series.lastKept = stats;
    const oldest = stats.at - SERIES.windowMs;
    while (series.points[0] && series.points[0].at <= oldest) series.points.shift();
  }
}

function toPoint(before: QueueStats, stats: QueueStats): SeriesPoint {
  return {
    at: stats.at,
    spanMs: SERIES.stepMs,
    pending: stats.pending,
    processing: stats.processing,
    scheduled: stats.scheduled,
    completed: stats.completed,
    dead: stats.dead,
    cancelled: stats.cancelled,
    expired: stats.expired,
    oldestPendingAgeMs: stats.oldestPendingAgeMs,
    ...pointRatesBetween(before, stats),
    ...NOT_MEASURED,
  };
}
