import { hostname } from "node:os";
import { type Backoff, HoldfastError, isWorkerId, LIMITS } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import { prefixKind, redisHints, redisKind, tracingKind } from "../client-options.ts";
import { checkQueueName } from "../engine/names.ts";
import { backoffShape, taskHints } from "../engine/task-options.ts";
import { callback, nestedOr, oneOf, pattern, text, whole, yesNo } from "../options/kinds.ts";
import { checkArgument, checkShape, type Kinds, shapeOf, shown } from "../options/shape.ts";
import type { ConnectionOptions } from "../redis/connection.ts";
import type { RedisOption } from "../redis/settings.ts";
import type { Tracing } from "../tracing/tracing.ts";
import type { BackoffFunction, IsFailure } from "./handler.ts";

/** Options of a `Worker`. */
export interface WorkerOptions {
  /** Where Redis is: a URL, fields, or a client of ioredis, whose settings are then used. */
  redis: RedisOption;
  /** The first part of every Redis key. @default "queue" */
  prefix?: string | undefined;
  /**
   * How many tasks run at once, 1 to 5_000; each one of a batch counts. @default 50, or the largest `max` of a batch
   */
  concurrency?: number | undefined;
  /** The most that `setConcurrency` accepts, 1 to 5_000. @default 500, or `concurrency` if that is more */
  maxConcurrency?: number | undefined;
  /**
   * How several queues share the slots while more than one has waiting tasks. `weighted`: by their weights. `strict`:
   * in the order in which they are listed; a queue gets slots only while no queue before it has waiting tasks, so the
   * last queues may wait very long. Running tasks are not interrupted. @default "weighted"
   */
  queueOrder?: "weighted" | "strict" | undefined;
  /**
   * How long an acquired task stays invisible to other workers without a heartbeat. Milliseconds, 300 to 3_600_000.
   * @default 30_000
   */
  leaseMs?: number | undefined;
  /** How often a task without its own maxRetries is retried, 0 to 100. @default 3 */
  maxRetries?: number | undefined;
  /**
   * The wait before a retry, for tasks without a backoff of their own: an object, or a function of attempt, error and
   * task.
   * @default exponential from 1 s to 1 h, full jitter
   */
  backoff?: Backoff | BackoffFunction | undefined;
  /**
   * Whether `expiresAt` ends running attempts too. With true, an attempt that runs at that time is aborted and fails as
   * timed out. @default false: the attempt continues, but no other attempt begins
   */
  abortAtExpiry?: boolean | undefined;
  /** Decides whether an error costs the task an attempt. @default every error does */
  isFailure?: IsFailure | undefined;
  /**
   * How many tasks the worker may acquire before it has free slots for them: as many as its handlers lately ended
   * within this time, and up to four times as many while there is a backlog. Tasks that do not begin soon are handed
   * back. Milliseconds, 0 to 100; 0: only as many tasks as there are free slots. @default 5
   */
  aheadMs?: number | undefined;
  /**
   * Whether the worker also does the work of a `Janitor` with default settings, from `start` to `stop`: it takes back
   * expired leases, enforces retention and enqueues the tasks of schedules. Use it if no separate janitor runs. Errors
   * of the janitor are `error` events of the worker. @default false
   */
  janitor?: boolean | undefined;
  /** How often an empty queue is polled, in case a wake-up was lost. Milliseconds, 10 to 3_600_000. @default 1_000 */
  pollMs?: number | undefined;
  /** How often to look for new partitions of the queues. Milliseconds, 10 to 3_600_000. @default 2_000 */
  watchMs?: number | undefined;
  /**
   * A task becomes a dead letter if no worker has had a handler for its type for this long. Milliseconds.
   * @default 86_400_000
   */
  noHandlerAfterMs?: number | undefined;
  /**
   * The id of the worker, which has to be unique. 1 to 128 of A-Z a-z 0-9 _ . : @ -.
   * @default host, process id and a random part
   */
  id?: string | undefined;
  /** The version of your code, shown in the list of workers. @default "0.1.0" */
  version?: string | undefined;
  /** Called after each script call, with the name of the script and the time in seconds, for metrics. @default none */
  onScript?: ConnectionOptions["onScript"];
  /** Receives a trace span for each attempt. @default no spans are made */
  tracing?: Tracing | undefined;
}

const { removeOnComplete, removeOnFail } = taskHints;
const oneTask =
  "it is an option of a handler, { handler, timeoutMs }, or of a task, enqueue(type, payload, { timeoutMs })";
const janitor = "a Janitor takes back the tasks of a dead worker as soon as their leases end";

export const workerKinds: Kinds<WorkerOptions> = {
  redis: redisKind,
  prefix: prefixKind,
  concurrency: whole(1, 5_000),
  maxConcurrency: whole(1, 5_000),
  queueOrder: oneOf("weighted", "strict"),
  leaseMs: whole(300, 3_600_000),
  maxRetries: whole(0, LIMITS.maxRetries),
  backoff: nestedOr(backoffShape, callback),
  abortAtExpiry: yesNo,
  isFailure: callback,
  aheadMs: whole(0, 100),
  janitor: yesNo,
  pollMs: whole(10, 3_600_000),
  watchMs: whole(10, 3_600_000),
  noHandlerAfterMs: whole(0, LIMITS.delayMs),
  id: pattern("1 to 128 of A-Z a-z 0-9 _ . : @ -", isWorkerId),
  version: text(0, 128),
  onScript: callback,
  tracing: tracingKind,
};

export const workerShape = shapeOf<WorkerOptions>({
  what: "a worker",
  title: "Worker",
  example: '{ redis: "redis://127.0.0.1:6379", concurrency: 10 }',
  kinds: workerKinds,
  hints: {
    ...redisHints,
    ...{ removeOnComplete, removeOnFail },
    lockDuration: "leaseMs",
    lockRenewTime: "a lease is renewed after a third of leaseMs",
    stalledInterval: janitor,
    maxStalledCount: janitor,
    skipStalledCheck: janitor,
    limiter:
      "a worker has no rate limit of its own: queue.setLimits({ queue: { rate } }) holds for all workers",
    autorun: "a worker begins with start(): await new Worker(…).start()",
    drainDelay: "pollMs",
    attempts: taskHints.attempts,
    retries: "maxRetries",
    backoffStrategy: "backoff",
    settings: "backoff, or RetryAfter thrown by the handler",
    timeout: oneTask,
    timeoutMs: oneTask,
    useWorkerThreads: "isolated(module) runs handlers in child processes",
    name: "id",
    workerId: "id",
    strictPriority: 'did you mean queueOrder: "strict"?',
    client:
      "give `redis`, and `prefix` if the client has one: everything in a process that has the same `redis` shares its connections",
  },
  required: ["redis"],
  rule: ({ concurrency = 50, maxConcurrency = concurrency }) =>
    maxConcurrency < concurrency ? "maxConcurrency has to be at least concurrency" : undefined,
});

function newWorkerId(): string {
  const host = hostname()
    .slice(0, 40)
    .replaceAll(/[^A-Za-z0-9_.-]/g, "-");
  return `${host}-${process.pid}-${nanoid(6)}`;
}

const DEFAULT_MAX_CONCURRENCY = 500;

/**
 * Returns the options of a worker with their defaults.
 * @param batchSlots how many slots the largest batch needs
 * @throws HoldfastError invalid_argument, invalid_queue_name
 */
export function workerSettings(queues: WorkedQueues, options: WorkerOptions, batchSlots = 0) {
  checkShape(workerShape, options);
  const { concurrency = Math.max(50, batchSlots), id = newWorkerId(), version = "0.1.0" } = options;
  const { leaseMs = 30_000, maxRetries = 3 } = options;
  const weights = weightsOf(queues, options.queueOrder);
  const names = weights.map(([name]) => name);
  return {
    ...{ id, weights, concurrency, leaseMs, maxRetries },
    isStrict: options.queueOrder === "strict",
    maxConcurrency: options.maxConcurrency ?? Math.max(concurrency, DEFAULT_MAX_CONCURRENCY),
    prefix: options.prefix ?? "queue",
    watchMs: options.watchMs ?? 2_000,
    /** The settings that the runners of all queues and partitions get. */
    runner: {
      ...{ workerId: id, leaseMs, maxRetries },
      aheadMs: options.aheadMs ?? 5,
      pollMs: options.pollMs ?? 1_000,
      noHandlerAfterMs: options.noHandlerAfterMs ?? 86_400_000,
    },
    /** The entry of the worker in the registry, without its task types. */
    entry: { id, queues: names, host: hostname(), pid: process.pid, version, startedAt: Date.now() },
  };
}

type WorkedQueues = string | readonly string[] | Readonly<Record<string, number>>;

export const weightKind = whole(1, 1_000);

/** Returns the queues of a worker with their weights. @throws HoldfastError invalid_argument, invalid_queue_name */
function weightsOf(
  queues: WorkedQueues,
  order: WorkerOptions["queueOrder"] = "weighted",
): [string, number][] {
  const pairs: [string, number][] =
    typeof queues === "string"
      ? [[queues, 1]]
      : Array.isArray(queues)
        ? queues.map((name) => [name, 1])
        : Object.entries((isPlainObject(queues) ? queues : refuseQueues(queues)) as Record<string, number>);
  if (order === "strict" && typeof queues !== "string" && !Array.isArray(queues))
    throw new HoldfastError(
      "invalid_argument",
      'queueOrder "strict" needs a list of queues, the first one first: it does not use weights',
    );
  if (pairs.length === 0) throw new HoldfastError("invalid_argument", "a worker needs at least one queue");
  const seen = new Set<string>();
  for (const [name, value] of pairs) {
    checkQueueName(name);
    checkArgument(`the weight of queue "${name}"`, weightKind, value);
    if (seen.has(name))
      throw new HoldfastError(
        "invalid_argument",
        `queue "${name}" is named twice: give it a larger weight instead, { "${name}": 2 }`,
      );
    seen.add(name);
  }
  return pairs;
}

const isPlainObject = (value: unknown): boolean =>
  typeof value === "object" &&
  value !== null &&
  [Object.prototype, null].includes(Object.getPrototypeOf(value));

function refuseQueues(queues: unknown): never {
  throw new HoldfastError(
    "invalid_argument",
    `the queues of a worker have to be a name, a list of names, or names with weights such as { mail: 2, reports: 1 }, got ${shown(queues)}`,
  );
}
