import type { AuditRecord, OperationView } from "@holdfast/contracts/api";
import { createLogger, createMetrics } from "@holdfast/service";
import {
  HoldfastError,
  type LimitsTrial,
  type LimitsView,
  type QueueLimits,
  type QueueStats,
  type QueueTotals,
  type TaskKeyView,
  type TaskView,
} from "holdfast";
import type { OperationSpec } from "holdfast/operate";
import type { AlertStorePort } from "../src/alerts/evaluator.ts";
import { type App, type AppOptions, createApp } from "../src/app.ts";
import type { ObserverPort, Producer, SchedulesPort } from "../src/routes/context.ts";

export const silent = createLogger({ LOG_LEVEL: "silent" }, "test");

type StatsChanges = Partial<Omit<QueueStats, "totals">> & { totals?: Partial<QueueTotals> };

export function statsOf(queue: string, changes: StatsChanges = {}): QueueStats {
  const totals: QueueTotals = {
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
    dropped: 0,
    ...changes.totals,
  };
  return {
    queue,
    at: 1_000_000,
    waiting: 0,
    pending: 0,
    pendingByPriority: { high: 0, normal: 0, low: 0 },
    pendingSolo: 0,
    pendingTyped: 0,
    pendingKeyed: 0,
    suspended: 0,
    flows: 0,
    oldestFlowAgeMs: 0,
    flow: { runnable: 0, concurrency: null, keysReady: 0, keysResting: 0, keysHeld: 0, heldUntil: null },
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
    partitions: null,
    oldestPendingAgeMs: 0,
    settings: {
      maxWaiting: 0,
      retentionMs: 86_400_000,
      retentionCount: 10_000,
      idempotencyMs: 3_600_000,
      durability: "memory",
      maxDead: 0,
      maxDeadAgeMs: 0,
      maxEvents: 0,
    },
    ...changes,
    totals,
  };
}

function limitsOf(queue: string, changes: Partial<LimitsView> = {}): LimitsView {
  return {
    queue,
    at: 0,
    limits: {},
    types: [],
    shared: [],
    running: 0,
    heldUntil: null,
    blockedBy: null,
    nextAt: null,
    ...changes,
  };
}

function keyOf(key: string, changes: Partial<TaskKeyView> = {}): TaskKeyView {
  const free = { heldUntil: null, blockedBy: null, nextAt: null };
  return { key, waiting: 0, running: 0, limit: null, limitUntil: null, ...free, ...changes };
}

function trialOf(queue: string, limits: QueueLimits, slots: number): LimitsTrial {
  const wait = { p50Ms: 10, p95Ms: 2_000 };
  const run = { wait, largestBacklog: 7, backlogAtEnd: 0, peakRunning: 3, slotsNeeded: 4 };
  return {
    ...{
      queue,
      limits,
      limitsToday: {},
      completed: 100,
      waiting: 2,
      isCut: false,
      firstAt: 1,
      lastAt: 60_001,
    },
    ...{ slots, slotsToKeepUp: 2, recorded: wait, today: run, tried: run },
  };
}

export function taskOf(id: string, changes: Partial<TaskView> = {}): TaskView {
  return {
    id,
    queue: "q",
    type: "demo.echo",
    state: "dead",
    priority: "normal",
    payloadText: '{"n":12345678901234567890}',
    payloadBytes: 26,
    payloadKept: true,
    resultText: null,
    attempts: 4,
    failures: 4,
    crashes: 0,
    releases: 0,
    generation: 0,
    diedAgain: false,
    maxRetries: null,
    timeoutMs: null,
    backoff: null,
    tags: [],
    keep: null,
    keptUntil: null,
    key: null,
    cost: 1,
    unique: null,
    schedule: null,
    flow: null,
    traceId: null,
    enqueuedAt: 1,
    runAt: null,
    expiresAt: null,
    leaseExpiresAt: null,
    endedAt: 2,
    workerId: null,
    fence: null,
    cancelRequested: false,
    solo: false,
    unroutedSince: null,
    waitsFor: null,
    deadReason: "retries_exhausted",
    signature: null,
    lastError: "boom",
    progress: null,
    checkpointBytes: null,
    log: [],
    logMarks: [],
    history: [],
    replays: [],
    changes: null,
    ...changes,
  };
}

/** An observer of a Redis without tasks. A test replaces the methods that it needs. */
function fakeObserver(
  overrides: Partial<ObserverPort> = {},
  limits: Partial<ObserverPort["limits"]> = {},
): ObserverPort {
  return {
    stats: async (queue) => {
      if (queue === "unknown") throw new HoldfastError("queue_not_found", `there is no queue ${queue}`);
      return statsOf(queue);
    },
    snapshot: async () => [],
    task: async () => null,
    steps: async () => null,
    list: async () => ({ tasks: [], cursor: null, scanned: 0, total: 0 }),
    search: async () => ({ tasks: [], cursor: null, scanned: 0, total: 0 }),
    why: async () => null,
    queues: async () => [],
    errors: async () => ({ at: 1, errors: [], other: [] }),
    muteError: async () => null,
    replay: async (_queue, ids) => ids.map((id) => ({ id, outcome: "replayed" as const })),
    matchDead: async () => ({ matched: 0, scanned: 0, total: 0, isWhole: true }),
    matchScheduled: async () => ({ matched: 0, scanned: 0, total: 0, isWhole: true }),
    pause: async () => undefined,
    resume: async () => undefined,
    partition: async (_queue, partitions) => ({ partitions }),
    limits: {
      get: async (queue) => limitsOf(queue),
      check: () => {},
      set: async (queue, limits) => limitsOf(queue, { limits }),
      keys: async () => ({ keys: [], cursor: null }),
      key: async (_queue, key) => keyOf(key),
      setKey: async (_queue, key, limit) => keyOf(key, { limit }),
      hold: async () => {},
      shared: async () => [],
      checkShare: async () => {},
      share: async (name, limit, queues) => ({ name, limit, queues: [...queues], shares: {} }),
      unshare: async () => true,
      heaviest: async () => ({ keys: [keyOf("acme", { waiting: 7 })], lookedAt: 1, isWhole: true }),
      try: async (queue, limits, { slots = 10 } = {}) => trialOf(queue, limits, slots),
      ...limits,
    },
    configure: async (_queue, settings) => ({ ...statsOf("q").settings, ...settings }),
    empty: async () => ({ removed: 0 }),
    deleteQueue: async () => ({ removed: 0 }),
    workers: async () => [],
    drainWorker: async () => undefined,
    resumeWorker: async () => undefined,
    staleVerdicts: async () => [],
    flows: async () => ({ flows: [], cursor: null }),
    getFlow: async () => null,
    flowNodes: async () => ({ nodes: [], cursor: null }),
    flowGraph: async (queue, id) => {
      throw new HoldfastError("not_found", `queue ${queue} has no flow ${id}`);
    },
    ...overrides,
  };
}

function fakeProducer(overrides: Partial<Producer> = {}): Producer {
  const receipt = (id: string) => ({
    id,
    state: "pending" as const,
    duplicate: false,
    willRun: true,
    durability: "memory" as const,
  });
  return {
    enqueueText: async () => receipt("minted"),
    enqueueColumns: async ({ types }) => ({
      ids: null,
      results: types.map((_, index) => ({ ok: true as const, receipt: receipt(`minted-${index}`) })),
    }),
    get: async () => null,
    wait: async () => null,
    cancel: async () => "cancelled",
    change: async (id) => ({ id, outcome: "changed", state: "pending" }),
    signal: async () => "kept",
    events: () => {
      throw new Error("not used");
    },
    flow: async ({ nodes }) => ({ id: "minted", nodes: nodes.length, duplicate: false }),
    openFlow: async () => ({
      id: "minted",
      duplicate: false,
      add: async (nodes) => ({ added: nodes.length, known: 0 }),
      seal: async () => ({ id: "minted", nodes: 0, duplicate: false }),
    }),
    getFlow: async () => null,
    flowNodes: async () => ({ nodes: [], cursor: null }),
    cancelFlow: async () => "cancelled",
    ...overrides,
  };
}

/** Schedules that are always empty. Tests that need some run against Redis. */
export function fakeSchedules(): SchedulesPort {
  const none = async (id: string) => {
    throw new HoldfastError("not_found", `there is no schedule "${id}"`);
  };
  return {
    list: async () => [],
    get: async () => null,
    put: none,
    delete: async () => false,
    run: none,
    pause: none,
    resume: none,
  };
}

/** Operations that no process runs. The test itself ends them. */
export function fakeOperations() {
  const views: OperationView[] = [];
  const specs: OperationSpec[] = [];
  const get = async (id: string) => views.find((view) => view.id === id) ?? null;
  return {
    views,
    specs,
    /** If set, operations that are created afterwards end at once with these fields. */
    ends: undefined as ((spec: OperationSpec) => Partial<OperationView>) | undefined,
    async create(spec: OperationSpec, total: number) {
      const view: OperationView = {
        id: `op_${String(views.length).padStart(16, "0")}`,
        kind: spec.kind,
        queue: spec.queue,
        state: "running",
        done: 0,
        total,
        startedAt: 1,
        endedAt: null,
        error: null,
        result: {},
        actor: spec.by.actor,
        reason: spec.by.reason,
        ratePerSecond: spec.ratePerSecond ?? null,
        to: spec.to ?? null,
        canary: null,
        undoUntil: null,
        undoneAt: null,
        undoes: null,
        failures: 0,
        ...this.ends?.(spec),
      };
      views.unshift(view);
      specs.unshift(spec);
      return view;
    },
    async control(id: string, control: "pause" | "resume" | "cancel") {
      const view = await get(id);
      if (!view) throw new HoldfastError("not_found", "no such operation");
      view.state = control === "cancel" ? "cancelled" : control === "pause" ? "paused" : "running";
      return view;
    },
    async undo(id: string, by: OperationSpec["by"]) {
      const view = await get(id);
      return this.create({ kind: "restore", queue: view?.queue ?? "", by }, view?.result.discarded ?? 0);
    },
    get,
    list: async (options: { isVisible?(queue: string): boolean } = {}) => ({
      operations: views.filter(({ queue }) => options.isVisible?.(queue) !== false),
      cursor: null,
    }),
    failures: async () => ({ failures: [], cursor: null, total: 0 }),
    outcomes: async (_id: string, ids: readonly string[], done: string) =>
      ids.map((id) => ({ id, outcome: done })),
  };
}

/** An audit log in memory, newest record last. */
export function fakeActions() {
  const records: AuditRecord[] = [];
  return {
    records,
    append: async (record: AuditRecord) => void records.push(record),
    page: async (options: { isVisible?(queue: string | null): boolean }) => ({
      records: records.filter(({ queue }) => options.isVisible?.(queue) !== false).reverse(),
      cursor: null,
      scanned: records.length,
      total: records.length,
    }),
    async *all() {
      yield records;
    },
  };
}

export type TestAppOptions = Partial<Omit<AppOptions, "observer" | "queue">> & {
  observer?: Partial<ObserverPort>;
  limits?: Partial<ObserverPort["limits"]>;
  producer?: Partial<Producer>;
};

/** The whole service over fakes. Its server does not listen. */
export function testApp(options: TestAppOptions = {}): Promise<App> {
  const { observer, limits, producer, ...rest } = options;
  return createApp({
    observer: fakeObserver(observer, limits),
    queue: () => fakeProducer(producer),
    schedules: fakeSchedules(),
    operations: fakeOperations(),
    actions: fakeActions(),
    alerts: fakeAlerts(),
    history: {
      keep: async () => false,
      read: async () => [],
      deploys: async () => [],
      types: async () => [],
    },
    ready: async () => ({ ok: true, detail: "fake" }),
    metrics: createMetrics({ service: "observability", version: "0.0.0" }),
    logger: silent,
    version: "0.0.0",
    host: "127.0.0.1",
    allowedHosts: [],
    allowedOrigins: [],
    dashboardDir: "/nonexistent",
    ...rest,
  });
}

/** Alerts without rules and targets. Tests that need some run against Redis. */
function fakeAlerts(): AlertStorePort {
  const none = async (name: string) => {
    throw new HoldfastError("not_found", `there is no alert rule or target "${name}"`);
  };
  return {
    revision: async () => 0,
    read: async () => ({ rules: [], deleted: [], targets: [], waiting: [] }),
    notifications: async () => [],
    notification: async () => null,
    putRule: none,
    deleteRule: async () => false,
    mute: none,
    putTarget: none,
    deleteTarget: async () => false,
    test: none,
    turn: async () => ({ now: 1, isOwner: false, revision: 0, idleMs: 0 }),
    write: async () => false,
  };
}
