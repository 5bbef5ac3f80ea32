import { shown } from "../options/shape.ts";
import { whenAborted } from "../when-aborted.ts";
import { type BatchMember, runBatch } from "./batch-call.ts";
import type { BatchKey, BatchSettings } from "./batch-handler.ts";
import type { BatchLimit } from "./batch-limit.ts";
import type { Handler, HandlerContext, HandlerTask } from "./handler.ts";
import type { MiddlewareChain } from "./middleware.ts";

/** A batch handler returns this in place of a result. The outcome of the attempt is set later, without a promise. */
export const LATER: unique symbol = Symbol("later");

/** A task that waits to join a batch. */
export interface BatchedTask extends BatchMember {
  readonly payloadText: string;
  readonly key: string | null;
}

/** A task that has joined a batch. The functions of `member` set the outcome of its attempt. */
interface Joined {
  readonly task: BatchedTask;
  readonly member: BatchMember;
}

/** Tasks of one turn of the event loop. They become batches after `close`, when all have passed the middleware. */
interface Opening {
  readonly joined: Joined[];
  /** How many of these tasks have not passed their middleware yet. */
  missing: number;
  /** Whether `close` was called, so that no more tasks may join. */
  isClosed: boolean;
}

/** Collects the tasks of one batch handler. Tasks that begin together form batches, which then run. */
export class Batches {
  readonly #settings: BatchSettings;
  readonly #limit: BatchLimit;
  #opening: Opening | undefined;

  constructor(settings: BatchSettings, limit: BatchLimit) {
    this.#settings = settings;
    this.#limit = limit;
  }

  /**
   * Adds a task. Its batch begins after `close`, when the middleware of all tasks has called `next()`.
   * @returns LATER, or with middleware the promise that the middleware returned
   */
  join(task: BatchedTask, middleware: MiddlewareChain): unknown {
    this.#opening ??= { joined: [], missing: 0, isClosed: false };
    const opening = this.#opening;
    if (middleware.around) return this.#joinInside(opening, task, middleware.around);
    opening.joined.push({ task, member: task });
    return LATER;
  }

  /** Runs the middleware of a task. The promise of `next()` resolves when the batch has set the outcome of the task. */
  #joinInside(opening: Opening, task: BatchedTask, around: (handler: Handler) => Handler): unknown {
    const context = task.asContext();
    let isHere = false;
    opening.missing++;
    const here = () => {
      if (isHere) return;
      isHere = true;
      opening.missing--;
      this.#runIfWhole(opening);
    };
    const handler = (own: HandlerTask, ctx: HandlerContext) =>
      new Promise((resolve, reject) => {
        // The middleware called `next()` after the batch had begun without this task.
        if (isHere) reject(task.stopped ?? new Error("a middleware called next() after it had ended"));
        else opening.joined.push({ task, member: memberOf(task, own, ctx, resolve, reject) });
        here();
      });
    const returned = around(handler)(task.asTask(), context) as Promise<unknown>;
    // If a middleware does not call next(), or runs for too long, the batch begins without its task.
    returned.then(here, here);
    whenAborted(context.signal, here);
    return returned;
  }

  /** Ends the collection: the tasks that have joined run as batches. */
  close(): void {
    const opening = this.#opening;
    this.#opening = undefined;
    if (!opening) return;
    opening.isClosed = true;
    this.#runIfWhole(opening);
  }

  #runIfWhole({ joined, missing, isClosed }: Opening): void {
    if (!isClosed || missing > 0) return;
    for (const members of this.#divided(joined.splice(0)))
      this.#limit.runs(members, runBatch(this.#settings, members));
  }

  #divided(joined: readonly Joined[]): BatchMember[][] {
    const { by } = this.#settings;
    if (by === undefined) return this.#cut(joined);
    const apart = new Map<BatchKey, Joined[]>();
    for (const one of joined) {
      let key: BatchKey;
      try {
        key = by === "key" ? one.task.key : checkedKey(by(one.task.asTask()));
      } catch (error) {
        one.member.fail(error);
        continue;
      }
      const others = apart.get(key);
      if (others) others.push(one);
      else apart.set(key, [one]);
    }
    return [...apart.values()].flatMap((tasks) => this.#cut(tasks));
  }

  #cut(joined: readonly Joined[]): BatchMember[][] {
    const { max, maxBytes } = this.#settings;
    const isSized = maxBytes !== Number.POSITIVE_INFINITY;
    const batches: BatchMember[][] = [];
    let batch: BatchMember[] = [];
    let bytes = 0;
    for (const { task, member } of joined) {
      const own = isSized ? Buffer.byteLength(task.payloadText) : 0;
      if (batch.length === max || (batch.length > 0 && bytes + own > maxBytes)) {
        batches.push(batch);
        batch = [];
        bytes = 0;
      }
      batch.push(member);
      bytes += own;
    }
    return batch.length > 0 ? [...batches, batch] : batches;
  }
}

function checkedKey(key: BatchKey): BatchKey {
  if (key === null || ["string", "number", "boolean", "undefined"].includes(typeof key)) return key;
  throw new TypeError(
    `by of a batch has to return a text, a number, a boolean, null or undefined, got ${shown(key)}`,
  );
}

/** Makes the batch member of a task with middleware: the outcome goes to the middleware, which may change it. */
function memberOf(
  task: BatchedTask,
  own: HandlerTask,
  ctx: HandlerContext,
  resolve: (result: unknown) => void,
  reject: (error: unknown) => void,
): BatchMember {
  let isOver = false;
  const once = (say: () => void) => {
    isOver = true;
    say();
  };
  return {
    asTask: () => own,
    asContext: () => ctx,
    get ended() {
      return isOver || task.ended;
    },
    get stopped() {
      return task.stopped;
    },
    succeed: (result) => once(() => resolve(result)),
    fail: (error) => once(() => reject(error)),
  };
}
