import {
  FAIR_BY,
  isQueueName,
  isTaskType,
  type KeyLimits,
  LIMITS,
  type Limit,
  ON_DEAD,
  type QueueLimits,
  type TypeLimit,
  WHEN_FULL,
} from "@holdfast/contracts";
import { taskKinds } from "../engine/task-options.ts";
import { listOf, nested, oneOf, pattern, recordOf, whole, yesNo } from "../options/kinds.ts";
import { type Kind, shapeOf } from "../options/shape.ts";
import { KEY_ORDERS, type KeyOrder } from "./heaviest-keys.ts";

const MOST = 1_000_000;
/** How long a hold lasts, ms. */
export const holdMs = whole(0, LIMITS.delayMs);

export const sharedName = pattern("1 to 64 of A-Z a-z 0-9 _ . -, the first a letter or digit", isQueueName);
export const sharedQueues = listOf(
  pattern("the name of a queue", isQueueName),
  "an array of 1 to 100 names of queues",
  1,
  100,
);

const TYPES_MAX = 100;
const typeName = pattern(
  "the type of a task (1 to 128 of A-Z a-z 0-9 _ . : / -, the first a letter or digit)",
  isTaskType,
);

const weight: Kind = {
  wants: "a number from 0.001 to 1,000",
  is: (value) => typeof value === "number" && value >= 0.001 && value <= 1_000,
};

export const rateShape = shapeOf<NonNullable<Limit["rate"]>>({
  what: "a rate",
  title: "Rate",
  example: "{ limit: 10, periodMs: 1_000 }",
  kinds: { limit: whole(1, MOST), periodMs: whole(1, LIMITS.delayMs), burst: whole(1, MOST) },
  hints: { max: "limit", duration: "periodMs", period: "periodMs", allowed: "limit" },
  required: ["limit", "periodMs"],
});

const limitKinds = { rate: nested(rateShape), concurrency: whole(1, MOST), weight };
const limitHints = { max: "concurrency", limit: "rate: { limit, periodMs }" };

export const limitShape = shapeOf<Limit>({
  what: "a limit",
  title: "Limit",
  example: "{ rate: { limit: 10, periodMs: 1_000 }, concurrency: 5 }",
  kinds: limitKinds,
  hints: limitHints,
});

export const typeLimitShape = shapeOf<TypeLimit>({
  what: "the limit of a type",
  title: "Limit of a type",
  example: "{ concurrency: 5 }",
  kinds: { rate: limitKinds.rate, concurrency: limitKinds.concurrency },
  hints: { ...limitHints, weight: "types do not take turns, so they have no weight" },
});

export const keyLimitsShape = shapeOf<KeyLimits>({
  what: "the limit of keys",
  title: "Limit of keys",
  example: "{ concurrency: 1, ordered: true }",
  kinds: {
    ...limitKinds,
    ordered: yesNo,
    onDead: oneOf(...ON_DEAD),
    whenFull: oneOf(...WHEN_FULL),
    maxWaiting: whole(1, MOST),
  },
  hints: { ...limitHints, maxSize: "maxWaiting", fifo: "ordered", strategy: "whenFull", policy: "whenFull" },
  rule: ({ ordered = false, concurrency, onDead, whenFull = "wait" }) =>
    ordered && concurrency !== 1
      ? "key.ordered needs key.concurrency: 1, because tasks that run at the same time have no order"
      : onDead !== undefined && !ordered
        ? "key.onDead needs key.ordered: true"
        : whenFull !== "wait" && concurrency === undefined
          ? `key.whenFull: "${whenFull}" needs key.concurrency, which says when a key is full`
          : undefined,
});

export const queueLimitsShape = shapeOf<QueueLimits>({
  what: "the limits of a queue",
  title: "Limits of a queue",
  example: "{ key: { concurrency: 1 } }",
  kinds: {
    queue: nested(limitShape),
    key: nested(keyLimitsShape),
    types: recordOf(typeName, typeLimitShape, TYPES_MAX),
    fairBy: oneOf(...FAIR_BY),
  },
  hints: {
    group: "key",
    type: "types",
    global: "queue",
    concurrency: "queue: { concurrency }",
    rate: "queue: { rate }",
  },
});

export interface KeyLimitOptions {
  /** How long the limit lasts, ms, 1 ms to 365 days. @default for ever */
  forMs?: number | undefined;
}

export interface HoldOptions {
  /** The key to hold. @default the whole queue */
  key?: string | undefined;
  /** The task type to hold, in place of a key. */
  type?: string | undefined;
}

export interface ListKeysOptions {
  /** The `cursor` of the previous page. */
  cursor?: string | undefined;
  /** How many keys a page has, 1 to 500. @default 100 */
  limit?: number | undefined;
}

export interface TryLimitsOptions {
  /**
   * How many slots all workers have together, 1 to 1,000,000. @default the slots of the running workers, but at least
   * as many as the recorded tasks that ran at the same time
   */
  slots?: number | undefined;
}

export const tryLimitsShape = shapeOf<TryLimitsOptions>({
  what: "a trial of limits",
  title: "Trial of limits",
  kinds: { slots: whole(1, MOST) },
  hints: { concurrency: "slots", workers: "slots" },
});

export interface HeaviestKeysOptions {
  /** The value by which keys are sorted, highest first. @default "waiting" */
  by?: KeyOrder | undefined;
  /** How many keys are returned, 1 to 500. @default 20 */
  limit?: number | undefined;
}

export const heaviestKeysShape = shapeOf<HeaviestKeysOptions>({
  what: "a question for the heaviest keys",
  title: "Heaviest keys",
  kinds: { by: oneOf(...KEY_ORDERS), limit: whole(1, LIMITS.scriptTasks) },
});

export const keyLimitShape = shapeOf<KeyLimitOptions>({
  what: "the limit of a key",
  title: "Limit of a key",
  kinds: { forMs: whole(1, LIMITS.delayMs) },
});

export const holdShape = shapeOf<HoldOptions>({
  what: "a hold",
  title: "Hold",
  kinds: { key: taskKinds.key, type: typeName },
  rule: ({ key, type }) =>
    key !== undefined && type !== undefined ? "a hold has a key or a type, not both" : undefined,
});

export const listKeysShape = shapeOf<ListKeysOptions>({
  what: "a page of keys",
  title: "Page of keys",
  kinds: { cursor: taskKinds.key, limit: whole(1, LIMITS.scriptTasks) },
});
