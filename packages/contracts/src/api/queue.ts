import { Type } from "typebox";
import { QUEUE_NAME_PATTERN } from "../limits.ts";
import { DURABILITIES, type QueueStats, type StaleVerdict } from "../task.ts";
import { type Assert, Count, nullable, oneOf, Reason, type Same, Timestamp } from "./common.ts";

export const QueueSettingsSchema = Type.Object({
  maxWaiting: Count("Most tasks waiting before enqueues are refused; 0: no cap"),
  retentionMs: Count("How long completed, cancelled and expired tasks are kept, ms"),
  retentionCount: Count("How many of each are kept at most"),
  idempotencyMs: Count("How long an id given by a caller is remembered after the task ended, ms"),
  durability: oneOf(DURABILITIES),
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
});

/** JSON Schema of `QueueStats`; `Assert` holds the two together. */
export const QueueStatsSchema = Type.Object({
  queue: Type.String(),
  at: Timestamp("Redis time of the counts"),
  pending: Count(),
  pendingByPriority: Type.Object({ high: Count(), normal: Count(), low: Count() }),
  pendingSolo: Count("Of the pending ones: tasks that have to run alone"),
  processing: Count(),
  scheduled: Count(),
  completed: Count("Kept records; totals.acked counts all"),
  dead: Count(),
  cancelled: Count(),
  expired: Count(),
  paused: Type.Boolean(),
  pauseReason: nullable(Type.String()),
  oldestPendingAgeMs: Type.Number({ minimum: 0 }),
  totals: QueueTotalsSchema,
  settings: QueueSettingsSchema,
});
export type QueueStatsSchemaMatches = Assert<Same<typeof QueueStatsSchema, QueueStats>>;

/** Per second, over the last few seconds. */
export const QueueRates = Type.Object({
  enqueuedPerSecond: Type.Number(),
  attemptsPerSecond: Type.Number(),
  completedPerSecond: Type.Number(),
  failedPerSecond: Type.Number(),
  retriedPerSecond: Type.Number(),
  deadLetteredPerSecond: Type.Number(),
  drainSeconds: nullable(
    Type.Number({ description: "pending / (completion rate - enqueue rate); null while it does not shrink" }),
  ),
});
export type QueueRates = Type.Static<typeof QueueRates>;

export const RatesByQueue = Type.Record(Type.String({ pattern: QUEUE_NAME_PATTERN }), QueueRates, {
  description: "By name of the queue; missing until two samples exist",
});

export const QueueList = Type.Object({ queues: Type.Array(QueueStatsSchema), rates: RatesByQueue });
export type QueueList = Type.Static<typeof QueueList>;

export const StaleVerdictSchema = Type.Object({
  id: Type.String(),
  queue: Type.String(),
  type: Type.String(),
  token: Type.String({ description: "What the verdict came with" }),
  currentToken: nullable(Type.String({ description: "Of the lease that runs now" })),
  attempt: Count(),
  workerId: Type.String(),
  at: Timestamp("When it was refused"),
  lateMs: nullable(Type.Number({ description: "How long the attempt ran on after its lease had ended" })),
  overlapMs: Type.Number({ description: "How long of it the next attempt ran at the same time" }),
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
  },
  { additionalProperties: false, minProperties: 1 },
);
export type SettingsBody = Type.Static<typeof SettingsBody>;

export const PauseBody = Type.Object({ reason: Type.Optional(Reason) }, { additionalProperties: false });
export const PauseReply = Type.Object({ queue: Type.String(), paused: Type.Boolean() });

/** States that an operator can empty. `processing` is not one: its tasks are leased to workers. */
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
  { confirm: Type.String({ description: "The name of the queue, typed again" }) },
  { additionalProperties: false },
);
export const RemovedReply = Type.Object({ queue: Type.String(), removed: Count() });
export type RemovedReply = Type.Static<typeof RemovedReply>;

/** One second of one queue. */
export const SeriesPoint = Type.Object({
  at: Timestamp("Redis time"),
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
});
export type SeriesPoint = Type.Static<typeof SeriesPoint>;

/** Span and step of the kept series. */
export const SERIES = { stepMs: 1_000, windowMs: 900_000 } as const;

export const SeriesQuery = Type.Object(
  {
    windowMs: Type.Optional(
      Type.Integer({ minimum: SERIES.stepMs, maximum: SERIES.windowMs, default: SERIES.windowMs }),
    ),
  },
  { additionalProperties: false },
);
export const SeriesReply = Type.Object(
  {
    queue: Type.String(),
    stepMs: Type.Integer(),
    windowMs: Type.Integer({ description: "The span that was asked for; fewer points exist after a start" }),
    source: oneOf(["memory"]),
    points: Type.Array(SeriesPoint, { description: "Oldest first" }),
  },
  {
    description:
      "Kept in the memory of this process: one sample a second, the last 15 minutes, begun anew at each start.",
  },
);
export type SeriesReply = Type.Static<typeof SeriesReply>;

export const BurstBody = Type.Object(
  {
    tasks: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, default: 10_000 })),
    failRate: Type.Optional(Type.Number({ minimum: 0, maximum: 1, default: 0.2 })),
    type: Type.Optional(Type.String({ pattern: "^demo\\.[a-z]+$", default: "demo.flaky" })),
  },
  { additionalProperties: false },
);
export type BurstBody = Type.Static<typeof BurstBody>;
