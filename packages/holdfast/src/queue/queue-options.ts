import { clientKind, type Holdfast } from "../client.ts";
import { ownerProblem, prefixKind, redisHints, redisKind, tracingKind } from "../client-options.ts";
import { abortSignal, callback, MAX_TIMER_MS, nested, pattern, whole } from "../options/kinds.ts";
import { type Merged, type ShapeSpec, shapeOf } from "../options/shape.ts";
import { partitionsKind } from "../partitions/partition-names.ts";
import type { RedisOption } from "../redis/settings.ts";
import { isTraceparent, isTracestate, type TraceContext } from "../tracing/trace-context.ts";
import type { Tracing } from "../tracing/tracing.ts";

export type QueueOptions = {
  /** How long an enqueue may wait for others, to travel with them. Milliseconds, 0 to 1_000. @default 0: the same event-loop turn */
  lingerMs?: number | undefined;
  /** Makes the ids of tasks that bring none. @default 14 random characters of the alphabet of nanoid */
  mintId?: (() => string) | undefined;
  /**
   * The number of partitions of the queue. Each of them has a Cluster slot of its own, so that one busy queue can use several nodes. A
   * queue that does not exist is created with this number. 1 to 256. Excludes `mintId`. @default those that the queue has; none for a new one
   */
  partitions?: number | undefined;
} & (
  | {
      /** Shared with others; the queue does not close it. */
      client: Holdfast;
    }
  | { redis: RedisOption; prefix?: string | undefined; tracing?: Tracing | undefined }
);

export interface EnqueueManyOptions {
  /** The place of the caller in its trace, for all tasks without a `traceparent` of their own. */
  trace?: TraceContext | undefined;
}

/** How long to wait for a task to end. */
export interface WaitOptions {
  /** Milliseconds, 0 to 2_147_483_647. */
  waitMs?: number | undefined;
  /** Ends the wait; it rejects with the reason of the signal. */
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
    defaultJobOptions: "give each task its options, or keep them in an object of your own (or in defineTask)",
    limiter: "a queue has no rate limit",
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

/** The options of `result`, which has a default. */
export const waitShape = shapeOf<WaitOptions>(waitSpec);
/** The options of `wait`. */
export const waitForShape = shapeOf<WaitOptions>({ ...waitSpec, required: ["waitMs"] });
