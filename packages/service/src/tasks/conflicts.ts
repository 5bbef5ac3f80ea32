import type { Identity } from "@holdfast/contracts/api";
import type { TaskColumns } from "@holdfast/contracts/task-json";
import type { ColumnsResult, EnqueueResult, Queue } from "holdfast";
import { bucketOf, RateLimiter, tooMany } from "../identity/rate-limit.ts";

/** The part of a queue that the intake needs. */
export type EnqueueQueue = Pick<Queue, "enqueueColumns" | "enqueueText">;

/** Limits how many conflicts a sender may cause: enqueues with the id of a task with another body. */
export class Conflicts {
  readonly #limiter: RateLimiter;

  /** @param perMinute conflicts per minute of one key, in the long run */
  constructor(perMinute: number) {
    this.#limiter = new RateLimiter({ perSecond: perMinute / 60, burst: perMinute });
  }

  /** Returns the queue for a sender whose conflicts are limited, so that the sender cannot guess payloads. */
  limit(queue: EnqueueQueue, identity: Identity, address: string): EnqueueQueue {
    return new LimitedQueue(queue, this.#limiter, bucketOf(identity, address));
  }
}

/**
 * An enqueue with a known id reveals whether its body equals the stored one, so a sender could guess payloads. Each
 * wrong guess is a conflict. After too many conflicts, tasks with an id are refused from this sender for a while.
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

  async enqueueColumns(
    tasks: TaskColumns,
    options?: Parameters<Queue["enqueueColumns"]>[1],
  ): Promise<ColumnsResult> {
    const refusal = tasks.options === undefined ? undefined : this.#refusal();
    const taken = refusal === undefined ? tasks : withoutIds(tasks);
    const done =
      taken.types.length === 0
        ? { ids: null, results: [] }
        : await this.#queue.enqueueColumns(taken, options);
    if (done.ids === null) {
      const conflicts = done.results.filter((result) => !result.ok && isConflict(result.error)).length;
      if (conflicts > 0) this.#limiter.owe(this.#who, conflicts);
    }
    if (refusal === undefined) return done;
    const results = done.results.values();
    return {
      ids: null,
      results: tasks.types.map((_, place) => {
        const id = tasks.options?.get(place)?.id;
        if (id === undefined) return results.next().value as EnqueueResult;
        return { ok: false, id, error: refusal };
      }),
    };
  }

  #refusal() {
    const verdict = this.#limiter.look(this.#who);
    if (verdict.isAllowed) return undefined;
    return tooMany(
      verdict,
      "too many tasks with an id that is stored with another body (CONFLICTS_PER_MINUTE)",
    );
  }
}

const isConflict = (error: unknown) => (error as { code?: unknown } | null)?.code === "task_conflict";

function withoutIds({ bytes, types, spans, options }: TaskColumns): TaskColumns {
  const taken: Required<TaskColumns> = { bytes, types: [], spans: [], options: new Map() };
  for (const [place, type] of types.entries()) {
    const own = options?.get(place);
    if (own?.id !== undefined) continue;
    if (own !== undefined) taken.options?.set(taken.types.length, own);
    taken.types.push(type);
    taken.spans.push(spans[2 * place] as number, spans[2 * place + 1] as number);
  }
  return taken;
}
