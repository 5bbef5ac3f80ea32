import type { QueueFlow, QueueSettings, QueueStats, QueueTotals } from "@holdfast/contracts";
import { queueOfPartition } from "../engine/names.ts";

const sum = <Part>(parts: readonly Part[], of: (part: Part) => number) =>
  parts.reduce((total, part) => total + of(part), 0);

/**
 * Joins the settings of the partitions of a queue. Each partition has its part of a limit, so limits are added up; 0
 * means no limit.
 */
export function mergeSettings(parts: readonly QueueSettings[]): QueueSettings {
  const [first] = parts as [QueueSettings];
  const total = (of: (settings: QueueSettings) => number) =>
    parts.reduce((all, settings) => all + of(settings), 0);
  const cap = (name: "maxWaiting" | "maxDead") =>
    parts.some((settings) => settings[name] === 0) ? 0 : total((settings) => settings[name]);
  return {
    ...first,
    ...{ maxWaiting: cap("maxWaiting"), maxDead: cap("maxDead") },
    retentionCount: total(({ retentionCount }) => retentionCount),
    maxEvents: total(({ maxEvents }) => maxEvents),
  };
}

/**
 * Returns the settings of each of `count` partitions. Limits are divided and rounded up, so that their sum is not below
 * the limit of the queue.
 */
export function splitSettings(settings: Partial<QueueSettings>, count: number): Partial<QueueSettings> {
  const split = { ...settings };
  for (const name of ["maxWaiting", "retentionCount", "maxDead", "maxEvents"] as const)
    if (split[name] !== undefined) split[name] = Math.ceil(split[name] / count);
  return split;
}

function mergeFlow(parts: readonly QueueFlow[]): QueueFlow {
  const total = (of: (flow: QueueFlow) => number) => parts.reduce((all, flow) => all + of(flow), 0);
  const heldUntil = Math.max(...parts.map((flow) => flow.heldUntil ?? 0));
  return {
    runnable: total(({ runnable }) => runnable),
    concurrency: parts.some(({ concurrency }) => concurrency === null)
      ? null
      : total(({ concurrency }) => concurrency ?? 0),
    keysReady: total(({ keysReady }) => keysReady),
    keysResting: total(({ keysResting }) => keysResting),
    keysHeld: total(({ keysHeld }) => keysHeld),
    heldUntil: heldUntil > 0 ? heldUntil : null,
  };
}

/**
 * Adds up the statistics of the partitions of a queue, which were read at slightly different times. @param partitions
 * how many there are; null for a queue without partitions
 */
export function mergeStats(
  queue: string,
  parts: readonly QueueStats[],
  partitions: number | null,
): QueueStats {
  const paused = parts.find((part) => part.paused);
  const [first] = parts as [QueueStats];
  const totals = Object.fromEntries(
    (Object.keys(first.totals) as (keyof QueueTotals)[]).map((name) => [
      name,
      sum(parts, (stats) => stats.totals[name]),
    ]),
  ) as unknown as QueueTotals;
  return {
    queue,
    at: Math.max(...parts.map(({ at }) => at)),
    waiting: sum(parts, ({ waiting }) => waiting),
    pending: sum(parts, ({ pending }) => pending),
    pendingByPriority: {
      high: sum(parts, ({ pendingByPriority }) => pendingByPriority.high),
      normal: sum(parts, ({ pendingByPriority }) => pendingByPriority.normal),
      low: sum(parts, ({ pendingByPriority }) => pendingByPriority.low),
    },
    pendingSolo: sum(parts, ({ pendingSolo }) => pendingSolo),
    pendingTyped: sum(parts, ({ pendingTyped }) => pendingTyped),
    pendingKeyed: sum(parts, ({ pendingKeyed }) => pendingKeyed),
    processing: sum(parts, ({ processing }) => processing),
    scheduled: sum(parts, ({ scheduled }) => scheduled),
    completed: sum(parts, ({ completed }) => completed),
    dead: sum(parts, ({ dead }) => dead),
    cancelled: sum(parts, ({ cancelled }) => cancelled),
    expired: sum(parts, ({ expired }) => expired),
    paused: paused !== undefined,
    pauseReason: paused?.pauseReason ?? null,
    pausedAt: paused?.pausedAt ?? null,
    pausedBy: paused?.pausedBy ?? null,
    partitions,
    oldestPendingAgeMs: Math.max(...parts.map(({ oldestPendingAgeMs }) => oldestPendingAgeMs)),
    suspended: sum(parts, ({ suspended }) => suspended),
    flows: sum(parts, ({ flows }) => flows),
    oldestFlowAgeMs: Math.max(...parts.map(({ oldestFlowAgeMs }) => oldestFlowAgeMs)),
    flow: mergeFlow(parts.map(({ flow }) => flow)),
    totals,
    settings: mergeSettings(parts.map(({ settings }) => settings)),
  };
}

/** Adds up the statistics of partitions by their queue, and sorts the queues by name. */
export function mergeByQueue(all: readonly QueueStats[]): QueueStats[] {
  const byQueue = new Map<string, QueueStats[]>();
  for (const stats of all) {
    const queue = queueOfPartition(stats.queue) ?? stats.queue;
    byQueue.set(queue, [...(byQueue.get(queue) ?? []), stats]);
  }
  return [...byQueue]
    .map(([queue, parts]) => mergeStats(queue, parts, parts[0]?.queue === queue ? null : parts.length))
    .sort((a, b) => (a.queue < b.queue ? -1 : 1));
}
