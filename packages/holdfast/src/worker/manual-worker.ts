import { HoldfastError } from "@holdfast/contracts";
import type { VerdictOutcome } from "../engine/engine.ts";
import { isTypeRule } from "../engine/type-rules.ts";
import type { StopOptions } from "../grace.ts";
import { abortSignal, listOf, pattern, whole } from "../options/kinds.ts";
import { checkArgument, checkShape, shapeOf } from "../options/shape.ts";
import { SafeEmitter } from "../safe-emitter.ts";
import { whenAborted } from "../when-aborted.ts";
import type { HandlerContext, HandlerTask } from "./handler.ts";
import { HAND_BACK } from "./running-task.ts";
import { Worker } from "./worker.ts";
import { type WorkerOptions, workerKinds } from "./worker-options.ts";

const MOST = 5_000;
const MOST_PER_CALL = 1_000;
const DEFAULT_WAIT_MS = 1_000;

type SharedOption =
  | ("redis" | "prefix" | "leaseMs" | "pollMs" | "noHandlerAfterMs" | "maxRetries" | "backoff" | "isFailure")
  | ("abortAtExpiry" | "id" | "version" | "onScript" | "tracing");

/** The options that a manual worker shares with a `Worker`. */
export interface ManualWorkerOptions extends Pick<WorkerOptions, SharedOption> {
  /** The task types to acquire. `email.*` stands for every type that begins with `email.`. @default ["*"], all types */
  types?: readonly string[] | undefined;
}

/** Options of `ManualWorker.acquire`. */
export interface AcquireOptions {
  /**
   * How long to wait for the first task if no task is pending. If the time is shorter than a round trip to Redis, no
   * task can arrive within it. Milliseconds, 1 to 3_600_000. @default 1_000
   */
  waitMs?: number | undefined;
  /** Aborting this signal ends the wait, and the call rejects with the reason of the signal. */
  signal?: AbortSignal | undefined;
}

/**
 * An acquired task. Its lease is renewed until the task is settled, times out, or the worker stops. Each method
 * resolves with the outcome when Redis has answered: `stale` if the lease was lost, `retried` or `dead` after a
 * time-out, `unknown` if the worker stopped first. Of several calls the first one counts.
 */
export interface AcquiredTask {
  /** The task as a handler gets it. */
  readonly task: HandlerTask;
  /** The context as a handler gets it: `signal`, `attempt`, `token`, `progress`, `log`. */
  readonly ctx: HandlerContext;
  /** Completes the task. @param result the value that a handler would return */
  complete(result?: unknown): Promise<VerdictOutcome>;
  /** Fails the attempt. @param error what a handler would throw, such as FatalError, RetryAfter or CancelTask */
  fail(error: unknown): Promise<VerdictOutcome>;
  /** Hands the task back to the queue. The attempt is refunded, up to ten times for one task. */
  release(): Promise<VerdictOutcome>;
}

const { redis, prefix, leaseMs, maxRetries, backoff, isFailure, pollMs, noHandlerAfterMs } = workerKinds;
const { abortAtExpiry, id, version, onScript, tracing } = workerKinds;

export const manualWorkerShape = shapeOf<ManualWorkerOptions>({
  what: "a manual worker",
  title: "Manual worker",
  example: '{ redis: "redis://127.0.0.1:6379" }',
  kinds: {
    ...{ redis, prefix, leaseMs, maxRetries, backoff, isFailure, pollMs, noHandlerAfterMs },
    ...{ abortAtExpiry, id, version, onScript, tracing },
    types: listOf(
      pattern("a task type", isTypeRule),
      "a list of task types, or beginnings of types followed by a star",
      1,
      1_000,
    ),
  },
  hints: {
    concurrency: "acquire(count) says how many tasks to take",
    timeoutMs: "it is an option of a task: enqueue(type, payload, { timeoutMs })",
  },
  required: ["redis"],
});

export const acquireShape = shapeOf<AcquireOptions>({
  what: "an acquire",
  title: "Acquire",
  example: "{ waitMs: 5_000 }",
  kinds: { waitMs: whole(1, 3_600_000), signal: abortSignal },
  hints: { timeout: "waitMs", timeoutMs: "waitMs", count: "acquire(count, options)" },
});

interface ManualWorkerEvents {
  /** An error. The worker continues, except after `heartbeat_failed`, which stops the worker. */
  error: [HoldfastError];
}

/**
 * A worker for programs with a loop of their own: the program acquires tasks and settles them, instead of giving
 * handlers. Meanwhile the heartbeat thread renews the leases, even if the program blocks its event loop.
 */
export class ManualWorker extends SafeEmitter<ManualWorkerEvents> {
  readonly #worker: Worker;
  /** By token: the function that tells the caller the outcome of a task. */
  readonly #held = new Map<string, (outcome: VerdictOutcome) => void>();
  /** Tasks that have arrived and wait for a call of `acquire`. */
  readonly #arrived: AcquiredTask[] = [];
  #open = 0;
  #stopped = false;
  #onArrival: () => void = () => {};
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param queues the queues, as for a `Worker`
   * @throws HoldfastError invalid_argument, invalid_queue_name
   */
  constructor(queues: ConstructorParameters<typeof Worker>[0], options: ManualWorkerOptions) {
    super("the manual worker");
    checkShape(manualWorkerShape, options);
    const { types = ["*"], ...others } = options;
    const hold = (task: HandlerTask, ctx: HandlerContext) => this.#hold(task, ctx);
    const handlers = Object.fromEntries(types.map((rule) => [rule, hold]));
    this.#worker = new Worker(queues, handlers, {
      ...others,
      ...{ concurrency: 1, maxConcurrency: MOST, aheadMs: 0 },
    });
    this.#worker.pause();
    this.#worker.on("error", (error) => this.emit("error", error));
    this.#worker.on("settled", ({ token, outcome }) => {
      if (token !== undefined && outcome !== "expired") this.#held.get(token)?.(outcome);
    });
  }

  /** The id of the worker in the registry. */
  get id(): string {
    return this.#worker.id;
  }

  /** The number of tasks that were acquired and are not settled yet. */
  get busy(): number {
    return this.#held.size;
  }

  /**
   * Connects to Redis and starts the heartbeat. Resolves with this worker.
   * @throws HoldfastError redis_unavailable, redis_refused, redis_unsupported, heartbeat_failed, closed
   */
  async start(): Promise<this> {
    await this.#worker.start();
    return this;
  }

  /**
   * Acquires up to `count` tasks. Resolves as soon as there is a task, or with an empty array after `waitMs`.
   * Concurrent calls are served one after the other.
   * @param count 1 to 1_000
   * @throws HoldfastError invalid_argument; closed if the worker was stopped
   */
  acquire(count = 1, options: AcquireOptions = {}): Promise<AcquiredTask[]> {
    try {
      checkArgument("count", whole(1, MOST_PER_CALL), count);
      checkShape(acquireShape, options);
    } catch (error) {
      return Promise.reject(error);
    }
    const turn = this.#last.then(() => this.#acquire(count, options));
    this.#last = turn.catch(() => {});
    return turn;
  }

  async #acquire(
    count: number,
    { waitMs = DEFAULT_WAIT_MS, signal }: AcquireOptions,
  ): Promise<AcquiredTask[]> {
    signal?.throwIfAborted();
    if (this.#arrived.length === 0 && !this.#stopped) {
      this.#worker.setConcurrency(Math.min(MOST, this.#open + count));
      this.#worker.resume();
      await this.#arrival(waitMs, signal);
      this.#worker.pause();
    }
    signal?.throwIfAborted();
    if (this.#stopped) throw new HoldfastError("closed", "this worker was stopped");
    return this.#arrived.splice(0, count);
  }

  /** Resolves when tasks have arrived, `waitMs` is over, or the signal is aborted. */
  #arrival(waitMs: number, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => over(), waitMs);
      const forget = whenAborted(signal, () => over());
      const over = () => {
        clearTimeout(timer);
        forget();
        this.#onArrival = () => {};
        resolve();
      };
      // All tasks of one answer arrive in the same turn of the event loop, so this waits for its end.
      this.#onArrival = () => setImmediate(over);
    });
  }

  /** The handler of all tasks. It returns when the program has settled the task. */
  #hold(task: HandlerTask, ctx: HandlerContext): Promise<unknown> {
    let isOver = false;
    return new Promise((resolve, reject) => {
      const outcome = new Promise<VerdictOutcome>((settled) => {
        const over = (outcome: VerdictOutcome) => {
          this.#held.delete(ctx.token);
          end();
          settled(outcome);
        };
        const end = () => {
          if (isOver) return;
          isOver = true;
          this.#open--;
          // One slot less, so that the worker takes no other task before the program calls `acquire` again.
          if (!this.#worker.paused) this.#worker.setConcurrency(Math.max(1, this.#worker.slots - 1));
        };
        const once = (say: () => void) => {
          if (!isOver) say();
          end();
          return outcome;
        };
        const acquired: AcquiredTask = {
          ...{ task, ctx },
          complete: (result) => once(() => resolve(result)),
          fail: (error) => once(() => reject(error)),
          release: () => once(() => reject(HAND_BACK)),
        };
        this.#open++;
        this.#held.set(ctx.token, over);
        this.#arrived.push(acquired);
      });
      this.#onArrival();
    });
  }

  /**
   * Acquires no more tasks, waits until the held tasks are settled or `graceMs` is over, and hands back the rest. May
   * be called several times.
   * @throws HoldfastError invalid_argument
   */
  async stop(options: StopOptions = {}): Promise<void> {
    this.#stopped = true;
    this.#onArrival();
    // These tasks were not given to a caller yet, so nobody could settle them.
    for (const { release } of this.#arrived.splice(0)) void release();
    await this.#worker.stop(options);
    for (const over of [...this.#held.values()]) over("unknown");
  }
}
