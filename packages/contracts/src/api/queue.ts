import { Type } from "typebox";
import { LIMITS } from "../limits.ts";
import { QUEUE_NAME_PATTERN } from "../names.ts";
import { DURABILITIES, type QueueStats, type StaleVerdict } from "../task.ts";
import { type Assert, Count, nullable, oneOf, Reason, type Same, Timestamp } from "./common.ts";

export const QueueSettingsSchema = Type.Object({
  maxWaiting: Count("How many tasks may wait before enqueues are refused; 0: no limit"),
  retentionMs: Count("How long completed, cancelled and expired tasks are kept, ms"),
  retentionCount: Count("How many tasks of each of these states are kept at most"),
  idempotencyMs: Count("How long an id given by a caller is remembered after the task ended, ms"),
  durability: oneOf(DURABILITIES),
  maxDead: Count(
    "How many dead letters are kept at most; if there are more, the oldest ones are dropped; 0: no cap",
  ),
  maxDeadAgeMs: Count("How long dead letters are kept at most, ms; 0: no cap"),
  maxEvents: Count("How many events of tasks are kept for readers, at least; 0: none"),
});

const total = Count();
export const QueueTotalsSchema = Type.Object({
  enqueued: total,
  deduplicated: total,
  attempts: total,
  acked: total,
  failed: total,
  retried: total,
  crashed: total,
  released: total,
  deadLettered: total,
  replayed: total,
  promoted: total,
  cancelled: total,
  expired: total,
  stale: total,
  purged: total,
  dropped: Count("Dead letters that a cap of the queue dropped. They are counted as purged too"),
});

const QueueFlowSchema = Type.Object(
  {
    runnable: Count("Pending tasks that workers could start now; 0 while the queue is paused"),
    concurrency: nullable(Count("How many tasks of the queue may run at one time")),
    keysReady: Count("Keys that have a task that may start now"),
    keysResting: Count("Keys that may run again at a known time"),
    keysHeld: Count("Held keys among the 100 resting keys with the latest times"),
    heldUntil: nullable(Timestamp("The end of the last hold of the queue or of one of these keys")),
  },
  { description: "What the limits of the queue allow now" },
);

/** JSON Schema of `QueueStats`; `Assert` keeps the two equal. */
export const QueueStatsSchema = Type.Object({
  queue: Type.String(),
  at: Timestamp("Redis time of the counts"),
  waiting: Count("Nodes of flows that wait for other nodes"),
  pending: Count(),
  pendingByPriority: Type.Object({ high: Count(), normal: Count(), low: Count() }),
  pendingSolo: Count("Pending tasks that have to run alone"),
  pendingTyped: Count("Pending tasks that are put aside for a worker with a handler for their type"),
  pendingKeyed: Count("Pending tasks with a key"),
  processing: Count(),
  scheduled: Count(),
  completed: Count("Kept records; totals.acked counts all that ever completed"),
  dead: Count(),
  cancelled: Count(),
  expired: Count(),
  paused: Type.Boolean(),
  pauseReason: nullable(Type.String()),
  pausedAt: nullable(Timestamp("Paused since")),
  pausedBy: nullable(Type.String({ description: "Who paused the queue" })),
  partitions: nullable(Count("How many partitions the queue has")),
  oldestPendingAgeMs: Type.Number({ minimum: 0 }),
  suspended: Count(
    "Scheduled tasks whose handler sleeps or waits for a signal; an estimate if more than 500 tasks are scheduled",
  ),
  flows: Count("Flows that have not ended"),
  oldestFlowAgeMs: Count("Age of the oldest flow that is sealed and has not ended, ms; 0 without one"),
  flow: QueueFlowSchema,
  totals: QueueTotalsSchema,
  settings: QueueSettingsSchema,
});
export type QueueStatsSchemaMatches = Assert<Same<typeof QueueStatsSchema, QueueStats>>;

/** Rates per second, measured over the last few seconds. */
export const QueueRates = Type.Object({
  enqueuedPerSecond: Type.Number(),
  attemptsPerSecond: Type.Number(),
  completedPerSecond: Type.Number(),
  failedPerSecond: Type.Number(),
  retriedPerSecond: Type.Number(),
  deadLetteredPerSecond: Type.Number(),
  drainSeconds: nullable(
    Type.Number({
      description: "pending / (completion rate - enqueue rate); null while the queue does not shrink",
    }),
  ),
});
export type QueueRates = Type.Static<typeof QueueRates>;

export const RatesByQueue = Type.Record(Type.String({ pattern: QUEUE_NAME_PATTERN }), QueueRates, {
  description: "By queue; missing until two samples exist",
});

export const QueueList = Type.Object({ queues: Type.Array(QueueStatsSchema), rates: RatesByQueue });
export type QueueList = Type.Static<typeof QueueList>;

export const StaleVerdictSchema = Type.Object({
  id: Type.String(),
  queue: Type.String(),
  type: Type.String(),
  token: Type.String({ description: "Token of the refused verdict" }),
  currentFence: nullable(Type.String({ description: "Fence of the present lease" })),
  attempt: Count(),
  workerId: Type.String(),
  at: Timestamp("When it was refused"),
  lateMs: nullable(Type.Number({ description: "How long the attempt continued after the end of its lease" })),
  overlapMs: Type.Number({ description: "How long the next attempt ran at the same time" }),
});
export type StaleVerdictSchemaMatches = Assert<Same<typeof StaleVerdictSchema, StaleVerdict>>;

export const StaleVerdictsQuery = Type.Object(
  { limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 100 })) },
  { additionalProperties: false },
);
export const StaleVerdictsReply = Type.Object({
  queue: Type.String(),
  verdicts: Type.Array(StaleVerdictSchema, { description: "Newest first; the last 1,000 are kept" }),
});

export const SettingsBody = Type.Object(
  {
    maxWaiting: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000 })),
    retentionMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 31_536_000_000 })),
    retentionCount: Type.Optional(Type.Integer({ minimum: 0, maximum: 10_000_000 })),
    idempotencyMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 31_536_000_000 })),
    durability: Type.Optional(oneOf(DURABILITIES)),
    maxDead: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000 })),
    maxDeadAgeMs: Type.Optional(Type.Integer({ minimum: 0, maximum: 31_536_000_000 })),
    maxEvents: Type.Optional(Type.Integer({ minimum: 0, maximum: LIMITS.events })),
  },
  { additionalProperties: false, minProperties: 1 },
);
export type SettingsBody = Type.Static<typeof SettingsBody>;

export const PartitionsBody = Type.Object(
  { partitions: Type.Integer({ minimum: 1, maximum: LIMITS.partitions }) },
  { additionalProperties: false },
);
export const PartitionsReply = Type.Object({ queue: Type.String(), partitions: Count() });

export const PauseBody = Type.Object({ reason: Type.Optional(Reason) }, { additionalProperties: false });
export const PauseReply = Type.Object({ queue: Type.String(), paused: Type.Boolean() });

/** The states that an operator can empty. `processing` is not one of them, because workers hold those tasks. */
export const EMPTY_STATES = ["pending", "scheduled", "dead", "completed", "cancelled", "expired"] as const;
export const EmptyBody = Type.Object(
  {
    states: Type.Array(oneOf(EMPTY_STATES), {
      minItems: 1,
      uniqueItems: true,
      maxItems: EMPTY_STATES.length,
    }),
    confirm: Type.String({ description: "The name of the queue, typed again" }),
    reason: Type.Optional(Reason),
  },
  { additionalProperties: false },
);
export type EmptyBody = Type.Static<typeof EmptyBody>;
export const DeleteQueueQuery = Type.Object(
  {
    confirm: Type.String({ description: "The name of the queue, typed again" }),
    reason: Type.Optional(Reason),
  },
  { additionalProperties: false },
);
export const RemovedReply = Type.Object({ queue: Type.String(), removed: Count() });
export type RemovedReply = Type.Static<typeof RemovedReply>;

const nullableNumber = (description: string) => nullable(Type.Number({ minimum: 0, description }));

/** One point of a chart of a queue. Counts are those at its end. */
export const SeriesPoint = Type.Object({
  at: Timestamp("Redis time of the end of the step"),
  spanMs: Type.Integer({ description: "Length of the step" }),
  pending: Count(),
  processing: Count(),
  scheduled: Count(),
  completed: Count(),
  dead: Count(),
  cancelled: Count(),
  expired: Count(),
  oldestPendingAgeMs: Type.Number(),
  enqueuedPerSecond: Type.Number(),
  attemptsPerSecond: Type.Number(),
  completedPerSecond: Type.Number(),
  failedPerSecond: Type.Number(),
  retriedPerSecond: Type.Number(),
  deadLetteredPerSecond: Type.Number(),
  crashedPerSecond: Type.Number(),
  releasedPerSecond: Type.Number(),
  cancelledPerSecond: Type.Number(),
  expiredPerSecond: Type.Number(),
  utilisation: nullableNumber(
    "Busy slots / slots of the workers of this queue, 0 to 1; null without workers",
  ),
  waitP50Ms: nullableNumber("From enqueue (or due time) to the first start; null if nothing started"),
  waitP95Ms: nullableNumber("As waitP50Ms"),
  waitP99Ms: nullableNumber("As waitP50Ms"),
  runP50Ms: nullableNumber("From start to end of an attempt; null if none ended"),
  runP95Ms: nullableNumber("As runP50Ms"),
  runP99Ms: nullableNumber("As runP50Ms"),
});
export type SeriesPoint = Type.Static<typeof SeriesPoint>;

/**
 * How much history of a queue is kept. In the memory of the process: 15 minutes in points of 1 s. In Redis: three hours
 * in points of 10 s, and 30 days in points of 5 minutes.
 */
export const SERIES = {
  stepMs: 1_000,
  windowMs: 900_000,
  bucketMs: 10_000,
  bucketWindowMs: 10_800_000,
  longBucketMs: 300_000,
  longBucketWindowMs: 2_592_000_000,
  /** The most points in one reply. If there would be more, the points become longer. */
  points: 1_000,
} as const;

export const SeriesQuery = Type.Object(
  {
    windowMs: Type.Optional(
      Type.Integer({
        minimum: SERIES.stepMs,
        maximum: SERIES.longBucketWindowMs,
        default: SERIES.windowMs,
        description: "How far the series goes back, ms",
      }),
    ),
    stepMs: Type.Optional(
      Type.Integer({
        minimum: SERIES.stepMs,
        maximum: 86_400_000,
        description: `Time between two points, ms; increased if there would be more than ${SERIES.points} points. Default: the finest`,
      }),
    ),
  },
  { additionalProperties: false },
);
export const SeriesReply = Type.Object(
  {
    queue: Type.String(),
    stepMs: Type.Integer({ description: "The step of the answer" }),
    windowMs: Type.Integer({ description: "The requested span; a new queue has fewer points" }),
    source: oneOf(["memory", "redis", "both"], { description: "Where the points come from" }),
    points: Type.Array(SeriesPoint, { description: "Oldest first" }),
    deploys: Type.Array(
      Type.Object({
        at: Timestamp("When the first worker of this version started"),
        version: Type.String(),
      }),
      {
        description: "When workers of another version started within the span: the newest 20, oldest first",
      },
    ),
  },
  {
    description:
      "This process has the last 15 minutes in steps of 1 s; Redis keeps 3 hours in steps of 10 s and 30 days in steps of 5 minutes. Points whose kept step is longer than the requested one come unchanged: see `spanMs`.",
  },
);
export type SeriesReply = Type.Static<typeof SeriesReply>;

const HOUR_MS = 3_600_000;

export const TypesQuery = Type.Object(
  {
    windowMs: Type.Optional(
      Type.Integer({
        minimum: HOUR_MS,
        maximum: 24 * HOUR_MS,
        default: HOUR_MS,
        description: "How far the counts go back, ms",
      }),
    ),
    type: Type.Optional(
      Type.String({ minLength: 1, maxLength: 128, description: "The type whose heat map is returned" }),
    ),
  },
  { additionalProperties: false },
);
export type TypesQuery = Type.Static<typeof TypesQuery>;

const quantile = (text: string) => nullable(Type.Number({ description: text }));
const TypeStatsSchema = Type.Object(
  {
    type: Type.String({ description: "`__other__` for all types beyond the first 64" }),
    ended: Count("Attempts that completed or failed"),
    failed: Count("Attempts that failed"),
    waitP50Ms: quantile("From the enqueue, or the due time, to the first start; null if unknown"),
    waitP95Ms: quantile("As `waitP50Ms`"),
    waitP99Ms: quantile("As `waitP50Ms`"),
    runP50Ms: quantile("From the start to the end of an attempt; null if unknown"),
    runP95Ms: quantile("As `runP50Ms`"),
    runP99Ms: quantile("As `runP50Ms`"),
  },
  {
    description: "Above 512 attempts a second, workers measure one in eight, so these figures are estimates",
  },
);
export type TypeStats = Type.Static<typeof TypeStatsSchema>;
const HeatColumnSchema = Type.Object({
  at: Timestamp("The end of the span"),
  spanMs: Type.Number(),
  wait: Type.Array(Count(), { description: "First attempts by how long they waited, see `boundsMs`" }),
  run: Type.Array(Count(), { description: "Attempts by how long they ran, see `boundsMs`" }),
});
export type HeatColumn = Type.Static<typeof HeatColumnSchema>;

export const TypesReply = Type.Object({
  queue: Type.String(),
  windowMs: Type.Integer({ description: "The requested span" }),
  at: Timestamp("The end of the span, by the clock of Redis"),
  types: Type.Array(TypeStatsSchema, { description: "Most attempts first" }),
  boundsMs: Type.Array(Type.Number(), { description: "The longest time of each row of the heat map" }),
  heat: Type.Array(HeatColumnSchema, { description: "The heat map of the given type, oldest first" }),
});
export type TypesReply = Type.Static<typeof TypesReply>;

export const BurstBody = Type.Object(
  {
    tasks: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 10_000 })),
    failRate: Type.Optional(Type.Number({ minimum: 0, maximum: 1, default: 0.2 })),
    type: Type.Optional(Type.String({ pattern: "^demo\\.[a-z]+$", default: "demo.flaky" })),
  },
  { additionalProperties: false },
);
export type BurstBody = Type.Static<typeof BurstBody>;
