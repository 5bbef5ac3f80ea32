import type { Identity } from "@holdfast/contracts/api";
import type { EnqueueResult, NewTask, Queue } from "holdfast";
import { bucketOf, RateLimiter, tooMany } from "../identity/rate-limit.ts";

/** What an intake uses of a queue. */
export type EnqueueQueue = Pick<Queue, "enqueuePlain" | "enqueueMany" | "enqueueText">;

/** Decides whose conflicts count, and holds what each has left. */
export class Conflicts {
  readonly #limiter: RateLimiter;

  /** @param perMinute conflicts of one key in a minute, in the long run */
  constructor(perMinute: number) {
    this.#limiter = new RateLimiter({ perSecond: perMinute / 60, burst: perMinute });
  }

  /** The queue as it is for a sender who must not find out payloads by guessing them. */
  limit(queue: EnqueueQueue, identity: Identity, address: string): EnqueueQueue {
    return new LimitedQueue(queue, this.#limiter, bucketOf(identity, address));
  }
}

/**
 * A task of an id that is taken answers whether its body is the one that was stored. Each wrong guess is a conflict: after
 * too many of them no task with an id is taken of this sender for a while.
 */
class LimitedQueue implements EnqueueQueue {
  readonly #queue: EnqueueQueue;
  readonly #limiter: RateLimiter;
  readonly #who: string;

  constructor(queue: EnqueueQueue, limiter: RateLimiter, who: string) {
    this.#queue = queue;
    this.#limiter = limiter;
    this.#who = who;
  }

  async enqueueText(...[type, text, options]: Parameters<Queue["enqueueText"]>) {
    if (options?.id === undefined) return this.#queue.enqueueText(type, text, options);
    const refusal = this.#refusal();
    if (refusal !== undefined) throw refusal;
    try {
      return await this.#queue.enqueueText(type, text, options);
    } catch (error) {
      if (isConflict(error)) this.#limiter.owe(this.#who, 1);
      throw error;
    }
  }

  /** These have no ids. */
  enqueuePlain(...given: Parameters<Queue["enqueuePlain"]>) {
    return this.#queue.enqueuePlain(...given);
  }

  async enqueueMany(
    tasks: readonly NewTask[],
    options?: Parameters<Queue["enqueueMany"]>[1],
  ): Promise<EnqueueResult[]> {
    const refusal = this.#refusal();
    const isTaken = (task: NewTask) => refusal === undefined || task.id === undefined;
    const taken = tasks.filter(isTaken);
    const results = taken.length === 0 ? [] : await this.#queue.enqueueMany(taken, options);
    const conflicts = results.filter((result) => !result.ok && isConflict(result.error)).length;
    if (conflicts > 0) this.#limiter.owe(this.#who, conflicts);
    if (refusal === undefined) return results;
    let next = 0;
    return tasks.map((task) => {
      if (isTaken(task)) return results[next++] as EnqueueResult;
      return { ok: false, id: task.id ?? null, error: refusal };
    });
  }

  #refusal() {
    const verdict = this.#limiter.look(this.#who);
    if (verdict.isAllowed) return undefined;
    return tooMany(verdict, "too many tasks whose id was taken by another body (CONFLICTS_PER_MINUTE)");
  }
}

const isConflict = (error: unknown) => (error as { code?: unknown } | null)?.code === "task_conflict";
