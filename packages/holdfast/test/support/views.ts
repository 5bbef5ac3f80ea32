import type { QueueStats, TaskView, WorkerView } from "@holdfast/contracts";

/** A pending task that was never tried, with the given changes. */
export function taskViewOf(change: Partial<TaskView> = {}): TaskView {
  return {
    id: "task-1",
    queue: "q",
    type: "t",
    state: "pending",
    priority: "normal",
    payloadText: "{}",
    payloadBytes: 2,
    payloadKept: true,
    resultText: null,
    attempts: 0,
    failures: 0,
    crashes: 0,
    releases: 0,
    generation: 0,
    diedAgain: false,
    maxRetries: null,
    timeoutMs: null,
    backoff: null,
    tags: [],
    traceId: null,
    enqueuedAt: 1_000,
    runAt: null,
    expiresAt: null,
    leaseExpiresAt: null,
    endedAt: null,
    workerId: null,
    token: null,
    cancelRequested: false,
    solo: false,
    unroutedSince: null,
    deadReason: null,
    lastError: null,
    progress: null,
    log: [],
    history: [],
    replays: [],
    ...change,
  };
}

/** An empty queue, with the given changes. */
export function statsOf(
  change: Partial<QueueStats> = {},
  totals: Partial<QueueStats["totals"]> = {},
): QueueStats {
  return {
    queue: "q",
    at: 100_000,
    pending: 0,
    pendingByPriority: { high: 0, normal: 0, low: 0 },
    pendingSolo: 0,
    processing: 0,
    scheduled: 0,
    completed: 0,
    dead: 0,
    cancelled: 0,
    expired: 0,
    paused: false,
    pauseReason: null,
    pausedAt: null,
    pausedBy: null,
    oldestPendingAgeMs: 0,
    totals: {
      enqueued: 0,
      deduplicated: 0,
      attempts: 0,
      acked: 0,
      failed: 0,
      retried: 0,
      crashed: 0,
      released: 0,
      deadLettered: 0,
      replayed: 0,
      promoted: 0,
      cancelled: 0,
      expired: 0,
      stale: 0,
      purged: 0,
      ...totals,
    },
    settings: {
      maxWaiting: 0,
      retentionMs: 86_400_000,
      retentionCount: 10_000,
      idempotencyMs: 3_600_000,
      durability: "memory",
    },
    ...change,
  };
}

/** A worker that runs queue "q" and type "t", with the given changes. */
export function workerViewOf(change: Partial<WorkerView> = {}): WorkerView {
  return {
    id: "w1",
    queues: ["q"],
    types: ["t"],
    host: "h",
    pid: 1,
    version: "0",
    slots: 10,
    busy: 0,
    startedAt: 0,
    heartbeatAt: 0,
    heartbeatAgeMs: 0,
    state: "running",
    ...change,
  };
}
