import { isQueueName } from "@holdfast/contracts";
import type { Identity } from "@holdfast/contracts/api";
import { type Holdfast, Queue } from "holdfast";
import { bucketOf } from "../identity/rate-limit.ts";

const KNOWN_MS = 60_000;
const MAX_KNOWN = 10_000;

/** Limits how many queues a key, or an address without a key, may create by enqueueing tasks. */
export class NewQueues {
  readonly #registry: Pick<Holdfast["registry"], "addQueue">;
  readonly #perKey: number;
  readonly #now: () => number;
  /** Queue -> until when the queue is assumed to exist, by the clock `now`. */
  readonly #known = new Map<string, number>();

  /**
   * @param perKey the most queues that one key, or one address without a key, may create; deleted queues no longer
   * count. 0: no limit, and nothing is counted
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

  /** Whether the queue can skip `admit`, because it existed within the last minute or because there is no limit. */
  isKnown(queue: string): boolean {
    return this.#perKey === 0 || (this.#known.get(queue) ?? 0) > this.#now();
  }

  /**
   * Creates the queue if it does not exist, and counts it for its sender.
   * @throws HoldfastError rate_limited if the queue is new and the sender has created as many as it may
   */
  async admit(queue: string, sender: { identity: Identity; ip: string }): Promise<void> {
    // An invalid name is not counted here, because the enqueue that follows refuses it.
    if (this.isKnown(queue) || !isQueueName(queue)) return;
    const maker = { who: bucketOf(sender.identity, sender.ip), most: this.#perKey };
    try {
      await this.#registry.addQueue(queue, { maker });
    } catch (error) {
      // `conflict` means that the queue is partitioned. The enqueue that follows reports whether such a queue can be
      // used.
      if ((error as { code?: unknown }).code !== "conflict") throw error;
    }
    this.#known.delete(queue);
    this.#known.set(queue, this.#now() + KNOWN_MS);
    const [oldest] = this.#known.keys();
    if (this.#known.size > MAX_KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}

// Callers choose the names of queues, so the number of objects is limited.
const MAX_QUEUES = 1_000;

/**
 * Returns a function that makes and caches `Queue` objects.
 * @param assertOpen throws until queues can be used. It is called before each new `Queue`, so a cached `Queue` can
 * always be used
 */
export function createQueueCache(client: Holdfast, assertOpen?: () => void): (name: string) => Queue {
  const queues = new Map<string, Queue>();
  return (name) => {
    let queue = queues.get(name);
    if (queue === undefined) {
      assertOpen?.();
      queue = new Queue(name, { client });
      queues.set(name, queue);
      const [oldest] = queues.keys();
      // Only the cache drops the queue. Enqueues that have begun still end.
      if (queues.size > MAX_QUEUES && oldest !== undefined) queues.delete(oldest);
    }
    return queue;
  };
}
