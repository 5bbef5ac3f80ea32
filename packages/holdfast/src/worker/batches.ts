import { shown } from "../options/shape.ts";
import { whenAborted } from "../when-aborted.ts";
import { type BatchMember, runBatch } from "./batch-call.ts";
import type { BatchKey, BatchSettings } from "./batch-handler.ts";
import type { BatchLimit } from "./batch-limit.ts";
import type { Handler, HandlerContext, HandlerTask } from "./handler.ts";
import type { MiddlewareChain } from "./middleware.ts";

/** Returned in place of a result if the outcome of the attempt comes later, without a promise. */
export const LATER: unique symbol = Symbol("later");

/** An attempt that begins as part of a batch. */
export interface BatchedTask extends BatchMember {
  readonly payloadText: string;
  /** The key of the task; null if it has none. */
  readonly key: string | null;
}

/** A task in its batch: the attempt, and the functions that give the attempt its outcome. */
interface Joined {
  readonly task: BatchedTask;
  readonly member: BatchMember;
}

/** Tasks that begin together. */
interface Opening {
  readonly joined: Joined[];
  /** How many of these tasks are still in their middleware and have not reached the handler. */
  missing: number;
  /** Whether no more tasks may join. */
  isClosed: boolean;
}

/** The batches of one entry of the handlers. Tasks that begin together form batches, which then run. */
export class Batches {
  readonly #settings: BatchSettings;
  readonly #limit: BatchLimit;
  #opening: Opening | undefined;

  constructor(settings: BatchSettings, limit: BatchLimit) {
    this.#settings = settings;
    this.#limit = limit;
  }

  /**
   * Adds a task. The task waits for `close` and for the middleware of all tasks. @returns what its handler returns:
   * LATER, or a promise
   */
  join(task: BatchedTask, middleware: MiddlewareChain): unknown {
    this.#opening ??= { joined: [], missing: 0, isClosed: false };
    const opening = this.#opening;
    if (middleware.around) return this.#joinInside(opening, task, middleware.around);
    opening.joined.push({ task, member: task });
    return LATER;
  }

  /** Runs the middleware of a task around the batch: `next()` lasts until the task has its outcome. */
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
        // The batch began without this task.
        if (isHere) reject(task.stopped ?? new Error("a middleware called next() after it had ended"));
        else opening.joined.push({ task, member: memberOf(task, own, ctx, resolve, reject) });
        here();
      });
    const returned = around(handler)(task.asTask(), context) as Promise<unknown>;
    // A middleware that does not call next(), or runs for too long, must not delay the other tasks.
    returned.then(here, here);
    whenAborted(context.signal, here);
    return returned;
  }

  /** Begins the tasks that have joined, as batches. */
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

  /** Splits tasks into batches of at most `max` tasks and `maxBytes` bytes. */
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

/** Makes the member for a task whose outcome goes to its middleware. */
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
