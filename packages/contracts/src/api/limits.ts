import { Type } from "typebox";
import type { Limit, LimitsView, QueueLimits, TaskKeyView } from "../flow-control.ts";
import { LIMITS, QUEUE_NAME_PATTERN } from "../limits.ts";
import { type Assert, Count, nullable, oneOf, Reason, type Same, Timestamp } from "./common.ts";

const MOST = 1_000_000;
const closed = { additionalProperties: false };
const BLOCKS = ["hold", "rate", "concurrency"] as const;

export const RateSchema = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: MOST, description: "Tasks that may start in each period" }),
    periodMs: Type.Integer({ minimum: 1, maximum: LIMITS.delayMs }),
    burst: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MOST,
        default: 1,
        description: "How many of them may start at once after a rest; 1: evenly spaced",
      }),
    ),
  },
  closed,
);

const limitFields = {
  rate: Type.Optional(RateSchema),
  concurrency: Type.Optional(
    Type.Integer({ minimum: 1, maximum: MOST, description: "How many tasks may run at one time" }),
  ),
  weight: Type.Optional(
    Type.Number({
      minimum: 0.001,
      maximum: 1_000,
      default: 1,
      description: "The share of turns, compared with the other keys",
    }),
  ),
};
export const LimitSchema = Type.Unsafe<Limit>(Type.Object(limitFields, closed));

export const LimitsBody = Type.Unsafe<QueueLimits>(
  Type.Object(
    { queue: Type.Optional(LimitSchema), key: Type.Optional(LimitSchema) },
    {
      ...closed,
      description: "Of all tasks together, and of the tasks of each key. A limit that is left out ends.",
    },
  ),
);

const blocked = {
  heldUntil: nullable(Timestamp("Until when no task is granted")),
  blockedBy: nullable(oneOf(BLOCKS, { description: "Why no task may start now" })),
  nextAt: nullable(Timestamp("When the next one may start by hold and rate")),
};

export const LimitsReply = Type.Object({
  queue: Type.String(),
  at: Timestamp("Redis time"),
  limits: LimitsBody,
  running: Count("Tasks that run now"),
  ...blocked,
});
export type LimitsSchemaMatches = Assert<Same<typeof LimitsReply, LimitsView>>;

export const TaskKeySchema = Type.Object({
  key: Type.String(),
  waiting: Count(),
  running: Count(),
  limit: nullable(LimitSchema),
  limitUntil: nullable(Timestamp("Until when its own limit holds")),
  ...blocked,
});
export type TaskKeySchemaMatches = Assert<Same<typeof TaskKeySchema, TaskKeyView>>;

export const KeysQuery = Type.Object(
  {
    cursor: Type.Optional(
      Type.String({ minLength: 1, maxLength: LIMITS.keyBytes, description: "`cursor` of the last page" }),
    ),
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIMITS.scriptTasks, default: 100 })),
  },
  closed,
);
export const KeysReply = Type.Object({
  queue: Type.String(),
  keys: Type.Array(TaskKeySchema, {
    description: "The keys with waiting tasks, in the order of their bytes",
  }),
  cursor: nullable(Type.String({ description: "Cursor of the next page; null on the last page" })),
});

export const KeyParams = Type.Object({
  queue: Type.String({ pattern: QUEUE_NAME_PATTERN }),
  key: Type.String({ minLength: 1, maxLength: 3 * LIMITS.keyBytes }),
});

export const KeyLimitBody = Type.Unsafe<Limit & { forMs?: number | undefined }>(
  Type.Object(
    {
      ...limitFields,
      forMs: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: LIMITS.delayMs,
          description: "For how long; for ever if absent",
        }),
      ),
    },
    closed,
  ),
);

export const HoldBody = Type.Object(
  {
    holdMs: Type.Integer({ minimum: 0, maximum: LIMITS.delayMs, description: "0 lets it go on" }),
    key: Type.Optional(
      Type.String({ minLength: 1, maxLength: LIMITS.keyBytes, description: "The whole queue if absent" }),
    ),
    reason: Type.Optional(Reason),
  },
  closed,
);
