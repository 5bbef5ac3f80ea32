import { Type } from "typebox";
import {
  FAIR_BY,
  type KeyLimits,
  type Limit,
  type LimitsView,
  ON_DEAD,
  type QueueLimits,
  type SharedLimitView,
  type TaskKeyView,
  type TaskTypeView,
  WHEN_FULL,
} from "../flow-control.ts";
import { LIMITS } from "../limits.ts";
import { QUEUE_NAME_PATTERN, TASK_TYPE_PATTERN } from "../names.ts";
import { type Assert, Count, nullable, oneOf, Reason, type Same, Timestamp } from "./common.ts";

const MOST = 1_000_000;
const closed = { additionalProperties: false };
const TYPES_MAX = 100;
const BLOCKS = ["hold", "stopped", "rate", "concurrency"] as const;

export const RateSchema = Type.Object(
  {
    limit: Type.Integer({ minimum: 1, maximum: MOST, description: "Tasks that may start in each period" }),
    periodMs: Type.Integer({ minimum: 1, maximum: LIMITS.delayMs }),
    burst: Type.Optional(
      Type.Integer({
        minimum: 1,
        maximum: MOST,
        default: 1,
        description:
          "How many of these tasks may start at once after a time without starts; 1: evenly spaced",
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
      description: "How many turns the key gets, compared with the other keys",
    }),
  ),
};
export const LimitSchema = Type.Unsafe<Limit>(Type.Object(limitFields, closed));

export const KeyLimitsSchema = Type.Unsafe<KeyLimits>(
  Type.Object(
    {
      ...limitFields,
      ordered: Type.Optional(
        Type.Boolean({
          default: false,
          description:
            "A task that failed keeps its place, and the tasks behind it wait for its retry; needs concurrency 1",
        }),
      ),
      onDead: Type.Optional(
        oneOf(ON_DEAD, {
          default: "continue",
          description: "Only with `ordered`. stop: after a task died, no other task of its key starts",
        }),
      ),
      whenFull: Type.Optional(
        oneOf(WHEN_FULL, {
          default: "wait",
          description: "What happens to a new task whose key has as many tasks as may run; needs concurrency",
        }),
      ),
      maxWaiting: Type.Optional(
        Type.Integer({
          minimum: 1,
          maximum: MOST,
          description: "A new task is refused if this many tasks of its key wait",
        }),
      ),
    },
    closed,
  ),
);

export const LimitsBody = Type.Unsafe<QueueLimits>(
  Type.Object(
    {
      queue: Type.Optional(LimitSchema),
      key: Type.Optional(KeyLimitsSchema),
      types: Type.Optional(
        Type.Record(
          Type.String({ pattern: TASK_TYPE_PATTERN }),
          Type.Object({ rate: limitFields.rate, concurrency: limitFields.concurrency }, closed),
          {
            ...closed,
            maxProperties: TYPES_MAX,
            description: "The limit of all tasks of a type together, by type",
          },
        ),
      ),
      fairBy: Type.Optional(
        oneOf(FAIR_BY, {
          default: "starts",
          description: "What the keys share: starts of tasks, or the time that they run",
        }),
      ),
    },
    {
      ...closed,
      description:
        "The limits of all tasks together, of the tasks of each key, and of the tasks of some types. A limit that is left out is removed.",
    },
  ),
);

const held = {
  heldUntil: nullable(Timestamp("Until when no task is granted")),
  nextAt: nullable(Timestamp("When hold and rate allow the next task to start")),
};

export const SharedLimitSchema = Type.Object({
  name: Type.String(),
  limit: LimitSchema,
  queues: Type.Array(Type.String()),
  shares: Type.Record(
    Type.String(),
    Type.Object({ concurrency: Type.Optional(Count()), rate: Type.Optional(Count()) }),
    { description: "What each queue, or each partition of a queue, may use now, by name" },
  ),
});
export type SharedLimitSchemaMatches = Assert<Same<typeof SharedLimitSchema, SharedLimitView>>;

export const SharedLimitsReply = Type.Object({ limits: Type.Array(SharedLimitSchema) });

export const SharedLimitParams = Type.Object({ name: Type.String({ pattern: QUEUE_NAME_PATTERN }) });

export const SharedLimitBody = Type.Object(
  {
    limit: LimitSchema,
    queues: Type.Array(Type.String({ pattern: QUEUE_NAME_PATTERN }), { minItems: 1, maxItems: 100 }),
  },
  closed,
);

export const TaskTypeSchema = Type.Object({
  type: Type.String(),
  running: Count("Running tasks that started after the type got its limit"),
  blockedBy: nullable(oneOf(["hold", "rate", "concurrency"], { description: "Why no task may start now" })),
  ...held,
});
export type TaskTypeSchemaMatches = Assert<Same<typeof TaskTypeSchema, TaskTypeView>>;

export const LimitsReply = Type.Object({
  queue: Type.String(),
  at: Timestamp("Redis time"),
  limits: LimitsBody,
  types: Type.Array(TaskTypeSchema, { description: "The types that have a limit, or are held" }),
  shared: Type.Array(SharedLimitSchema, { description: "Limits that the queue shares with other queues" }),
  running: Count("Tasks that run now"),
  blockedBy: nullable(oneOf([...BLOCKS, "shared"], { description: "Why no task may start now" })),
  ...held,
});
export type LimitsSchemaMatches = Assert<Same<typeof LimitsReply, LimitsView>>;

export const TaskKeySchema = Type.Object({
  key: Type.String(),
  waiting: Count(),
  running: Count(),
  limit: nullable(LimitSchema),
  limitUntil: nullable(Timestamp("Until when its own limit holds")),
  blockedBy: nullable(oneOf(BLOCKS, { description: "Why no task may start now" })),
  ...held,
});
export type TaskKeySchemaMatches = Assert<Same<typeof TaskKeySchema, TaskKeyView>>;

export const KeysQuery = Type.Object(
  {
    cursor: Type.Optional(
      Type.String({ minLength: 1, maxLength: LIMITS.keyBytes, description: "`cursor` of the previous page" }),
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
          description: "How long this limit is valid. If it is left out, the limit has no end.",
        }),
      ),
    },
    closed,
  ),
);

export const HoldBody = Type.Object(
  {
    holdMs: Type.Integer({
      minimum: 0,
      maximum: LIMITS.delayMs,
      description: "How long no task is granted; 0 ends the hold",
    }),
    key: Type.Optional(
      Type.String({ minLength: 1, maxLength: LIMITS.keyBytes, description: "One key of the queue" }),
    ),
    type: Type.Optional(
      Type.String({
        pattern: TASK_TYPE_PATTERN,
        description: "One type. Without key and type: the whole queue",
      }),
    ),
    reason: Type.Optional(Reason),
  },
  closed,
);
