import { DURABILITIES, LIMITS, type QueueSettings } from "@holdfast/contracts";
import { clientKind, type Holdfast } from "../client.ts";
import { ownerProblem, prefixKind, redisHints, redisKind } from "../client-options.ts";
import { abortSignal, callback, isText, listOf, oneOf, text, whole, yesNo } from "../options/kinds.ts";
import { type Kind, type Merged, shapeOf } from "../options/shape.ts";
import type { ConnectionOptions } from "../redis/connection.ts";
import type { RedisOption } from "../redis/settings.ts";
import { EMPTIED_STATES } from "./emptied.ts";
import type { MuteOptions } from "./errors.ts";

/** Options of an `Observer`: either a client to share, or a Redis to connect to. */
export type ObserverOptions =
  | {
      /** A client that is shared. The observer does not close it. */
      client: Holdfast;
    }
  | {
      /** Where Redis is: a URL, fields, or a client of ioredis, whose settings are then used. */
      redis: RedisOption;
      /** The first part of every Redis key. @default "queue" */
      prefix?: string | undefined;
      /**
       * Called after each script call, with the name of the script and the time in seconds, for metrics. @default none
       */
      onScript?: ConnectionOptions["onScript"];
    };

/** Options of an action on all tasks that match a filter. */
export interface BulkOptions {
  /** The other queue into which the tasks are replayed. @default their own queue */
  to?: string | undefined;
  /** Only for `replayAll`: whether to replay a task even if another task holds its unique key. @default false */
  force?: boolean | undefined;
  /** The most tasks per second, more than 0. @default no limit */
  ratePerSecond?: number | undefined;
  /** Aborting this signal cancels the operation after the present batch. */
  signal?: AbortSignal | undefined;
  /** The person or program that starts the operation, which lists of operations show. @default "library" */
  by?: string | undefined;
  /** Called after each batch, with the numbers of tasks so far. */
  onProgress?: ((progress: { done: number; total: number }) => void) | undefined;
}

export interface ReplayOptions {
  /** The other queue into which the tasks are replayed. @default their own queue */
  to?: string | undefined;
  /** A new payload as JSON text. Needs exactly one id. @default the old payload */
  payloadText?: string | undefined;
  /**
   * Whether to replay a task even if another task holds its unique key. The replayed task does not get the key, so both
   * may run. @default false
   */
  force?: boolean | undefined;
}

export interface MatchBounds {
  /** The count ends when more than this many tasks match. */
  matched?: number | undefined;
  /** The count ends after this many tasks were read. */
  scanned?: number | undefined;
  signal?: AbortSignal | undefined;
}

/** Only the type is checked here; the name is checked when it is used. */
const queueName: Kind = { wants: "the name of a queue", is: isText, code: "invalid_queue_name" };
export const emptiedStates = listOf(
  oneOf(...EMPTIED_STATES),
  `a list of ${EMPTIED_STATES.join(", ")}`,
  0,
  EMPTIED_STATES.length,
);
const rate: Kind = {
  wants: "a number above 0",
  is: (value) => typeof value === "number" && value > 0 && value < Number.POSITIVE_INFINITY,
};
const count: Kind = {
  wants: "a whole number of 0 or more, or Infinity",
  is: (value) =>
    value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= 0),
};

export const observerShape = shapeOf<Merged<ObserverOptions>>({
  what: "an observer",
  title: "Observer",
  example: '{ redis: "redis://127.0.0.1:6379" }',
  kinds: { client: clientKind, redis: redisKind, prefix: prefixKind, onScript: callback },
  hints: redisHints,
  rule: ownerProblem as (options: Merged<ObserverOptions>) => string | undefined,
});

export const bulkShape = shapeOf<BulkOptions>({
  what: "a replay or discard of many tasks",
  title: "Replay or discard of many tasks",
  example: "{ ratePerSecond: 100 }",
  kinds: {
    ...{ to: queueName, force: yesNo, ratePerSecond: rate, signal: abortSignal },
    ...{ by: text(1, 128), onProgress: callback },
  },
  hints: { rate: "ratePerSecond", queue: "to", count: "a filter or the ids say which: replay(queue, ids)" },
});

export const replayShape = shapeOf<ReplayOptions>({
  what: "a replay",
  title: "Replay by ids",
  example: '{ to: "other-queue" }',
  kinds: { to: queueName, payloadText: { wants: "JSON text", is: isText }, force: yesNo },
  hints: { queue: "to", payload: "did you mean payloadText? It is JSON text: JSON.stringify(payload)" },
});

export const muteShape = shapeOf<MuteOptions>({
  what: "the mute of an error",
  title: "Mute of an error",
  example: "{ forMs: 3_600_000 }",
  kinds: { by: text(1, 128), forMs: whole(1, LIMITS.delayMs), failures: whole(1, 1_000_000_000) },
  hints: { until: "forMs", durationMs: "forMs" },
});

export const matchShape = shapeOf<MatchBounds>({
  what: "a count of dead letters",
  title: "Count of dead letters",
  kinds: { matched: count, scanned: count, signal: abortSignal },
});

export const settingsShape = shapeOf<Partial<QueueSettings>>({
  what: "the settings of a queue",
  title: "Settings of a queue",
  example: "{ retentionMs: 86_400_000 }",
  kinds: {
    maxWaiting: whole(0, Number.MAX_SAFE_INTEGER),
    retentionMs: whole(0, Number.MAX_SAFE_INTEGER),
    retentionCount: whole(0, Number.MAX_SAFE_INTEGER),
    idempotencyMs: whole(0, Number.MAX_SAFE_INTEGER),
    durability: oneOf(...DURABILITIES),
    maxDead: whole(0, Number.MAX_SAFE_INTEGER),
    maxDeadAgeMs: whole(0, Number.MAX_SAFE_INTEGER),
    maxEvents: whole(0, LIMITS.events),
  },
  hints: {
    removeOnFail: "maxDead or maxDeadAgeMs",
    maxDeadLetters: "maxDead",
    events: "maxEvents",
    removeOnComplete: "retentionMs or retentionCount",
    age: "retentionMs",
    count: "retentionCount",
    maxSize: "maxWaiting",
    limit: "maxWaiting",
  },
});

export const workersShape = shapeOf<{ tasks?: boolean }>({
  what: "a list of workers",
  title: "List of workers",
  kinds: { tasks: yesNo },
});

export const auditShape = shapeOf<{ repair?: boolean }>({
  what: "an audit",
  title: "Audit",
  kinds: { repair: yesNo },
  hints: { fix: "repair" },
});

export const staleLimit = whole(1, LIMITS.pageTasks);
