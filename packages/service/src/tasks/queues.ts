import { isQueueName } from "@holdfast/contracts";
import type { Identity } from "@holdfast/contracts/api";
import { type Holdfast, Queue } from "holdfast";
import { bucketOf } from "../identity/rate-limit.ts";

const KNOWN_MS = 60_000;
const MAX_KNOWN = 10_000;

/** Limits how many queues a key, or an address without a key, may make by enqueueing to them. */
export class NewQueues {
  readonly #registry: Pick<Holdfast["registry"], "addQueue">;
  readonly #perKey: number;
  readonly #now: () => number;
  /** Queue -> the time until which it is assumed to exist, ms. */
  readonly #known = new Map<string, number>();

  /**
   * @param perKey the most queues that one key, or one address without a key, may make; deleted queues no longer count.
   * 0: no cap, and nothing is counted
   */
  constructor(
    registry: Pick<Holdfast["registry"], "addQueue">,
    perKey: number,
    now: () => number = Date.now,
  ) {
    this.#registry = registry;
    this.#perKey = perKey;
    this.#now = now;
  }

  /** Whether tasks for the queue need no `admit`: it existed within the last minute, or there is no cap. */
  isKnown(queue: string): boolean {
    return this.#perKey === 0 || (this.#known.get(queue) ?? 0) > this.#now();
  }

  /**
   * Makes the queue, which counts for its sender, unless it exists.
   * @throws HoldfastError rate_limited if the queue is new and the sender has made as many as it may
   */
  async admit(queue: string, sender: { identity: Identity; ip: string }): Promise<void> {
    // A text that is not a queue name is refused by the call that follows.
    if (this.isKnown(queue) || !isQueueName(queue)) return;
    const maker = { who: bucketOf(sender.identity, sender.ip), most: this.#perKey };
    try {
      await this.#registry.addQueue(queue, { maker });
    } catch (error) {
      // A conflict means that the queue has partitions. The call that follows says whether it can be used.
      if ((error as { code?: unknown }).code !== "conflict") throw error;
    }
    this.#known.delete(queue);
    this.#known.set(queue, this.#now() + KNOWN_MS);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}

/** Queues over one client, made when first asked for. Callers choose the names, so the number kept is bounded. */
export function createQueueCache(client: Holdfast, limit = 1_000): (name: string) => Queue {
  const queues = new Map<string, Queue>();
  return (name) => {
    let queue = queues.get(name);
    if (queue === undefined) {
      queue = new Queue(name, { client });
      queues.set(name, queue);
      const [oldest] = queues.keys();
      // The queue is only forgotten here: enqueues that are under way end by themselves.
      if (queues.size > limit && oldest !== undefined) queues.delete(oldest);
    }
    return queue;
  };
}
