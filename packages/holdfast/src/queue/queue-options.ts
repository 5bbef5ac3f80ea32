import { clientKind, type Holdfast } from "../client.ts";
import { ownerProblem, prefixKind, redisHints, redisKind, tracingKind } from "../client-options.ts";
import { abortSignal, callback, MAX_TIMER_MS, nested, pattern, whole } from "../options/kinds.ts";
import { type Merged, type ShapeSpec, shapeOf } from "../options/shape.ts";
import { partitionsKind } from "../partitions/partition-names.ts";
import type { RedisOption } from "../redis/settings.ts";
import { isTraceparent, isTracestate, type TraceContext } from "../tracing/trace-context.ts";
import type { Tracing } from "../tracing/tracing.ts";

/** Options of a `Queue`: either a client to share, or a Redis to connect to. */
export type QueueOptions = {
  /**
   * How long an enqueue may wait for others that are sent with it. Milliseconds, 0 to 1_000. @default 0: until the end
   * of the turn of the event loop
   */
  lingerMs?: number | undefined;
  /** Returns a new id for a task without one. @default 14 random characters of A-Z a-z 0-9 _ - */
  mintId?: (() => string) | undefined;
  /**
   * The number of partitions, 1 to 256. Each partition has its own Cluster slot, so that one busy queue can use several
   * nodes. A new queue is created with this number. Cannot be combined with `mintId`. @default the number that the
   * queue has; none for a new queue
   */
  partitions?: number | undefined;
} & (
  | {
      /** A client that is shared. The queue does not close it. */
      client: Holdfast;
      redis?: undefined;
    }
  | {
      /** Where Redis is: a URL, fields, or a client of ioredis, whose settings are then used. */
      redis: RedisOption;
      /** The first part of every Redis key. @default "queue" */
      prefix?: string | undefined;
      /** Receives a trace span for each enqueue. @default no spans are made */
      tracing?: Tracing | undefined;
      client?: undefined;
    }
);

/** Options of `enqueueMany`. */
export interface EnqueueManyOptions {
  /** The trace context of the caller, for all tasks without a `traceparent`. */
  trace?: TraceContext | undefined;
}

/** How long `wait` and `result` wait for a task to end. */
export interface WaitOptions {
  /** Milliseconds, 0 to 2_147_483_647. */
  waitMs?: number | undefined;
  /** Aborting this signal ends the wait, and the call rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
}

export const queueShape = shapeOf<Merged<QueueOptions>>({
  what: "a queue",
  title: "Queue",
  example: '{ redis: "redis://127.0.0.1:6379" }',
  kinds: {
    client: clientKind,
    redis: redisKind,
    prefix: prefixKind,
    tracing: tracingKind,
    lingerMs: whole(0, 1_000),
    mintId: callback,
    partitions: partitionsKind,
  },
  hints: {
    ...redisHints,
    defaultJobOptions: "give each task its options, or keep them in your own object (or in defineTask)",
    limiter: "queue.setLimits({ queue: { rate } })",
  },
  rule: ownerProblem as (options: Merged<QueueOptions>) => string | undefined,
});

export const traceContextShape = shapeOf<TraceContext>({
  what: "a trace context",
  title: "Trace context",
  kinds: {
    traceparent: pattern("00-<trace id>-<span id>-<flags> in lower-case hex", isTraceparent),
    tracestate: pattern("1 to 512 visible ASCII characters and spaces", isTracestate),
  },
  required: ["traceparent"],
});

export const enqueueManyShape = shapeOf<EnqueueManyOptions>({
  what: "a batch",
  title: "Batch",
  kinds: { trace: nested(traceContextShape) },
});

const waitSpec = {
  what: "a wait",
  title: "Waiting for a task",
  example: "{ waitMs: 10_000 }",
  kinds: { waitMs: whole(0, MAX_TIMER_MS), signal: abortSignal },
  hints: { timeout: "waitMs", timeoutMs: "waitMs", ttl: "waitMs" },
} satisfies ShapeSpec<WaitOptions>;

/** The options of `Queue.result`, in which `waitMs` is optional. */
export const waitShape = shapeOf<WaitOptions>(waitSpec);
/** The options of `Queue.wait`. */
export const waitForShape = shapeOf<WaitOptions>({ ...waitSpec, required: ["waitMs"] });
