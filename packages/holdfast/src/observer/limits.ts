import { LIMITS, type Limit, type LimitsView, type QueueLimits, type TaskKeyView } from "@holdfast/contracts";
import { changeKey, type KeyChange, readKeys, setLimits } from "../engine/limits.ts";
import { taskKinds } from "../engine/task-options.ts";
import { nested, whole } from "../options/kinds.ts";
import { checkArgument, checkShape, type Kind, shapeOf } from "../options/shape.ts";
import { splitLimits } from "../partitions/merge-stats.ts";
import type { PartitionRegistry } from "../partitions/partition-registry.ts";

const MOST = 1_000_000;
const MAX_HOLD_MS = LIMITS.delayMs;

const weight: Kind = {
  wants: "a number from 0.001 to 1,000",
  is: (value) => typeof value === "number" && value >= 0.001 && value <= 1_000,
};

export const rateShape = shapeOf<NonNullable<Limit["rate"]>>({
  what: "a rate",
  title: "Rate",
  example: "{ limit: 10, periodMs: 1_000 }",
  kinds: { limit: whole(1, MOST), periodMs: whole(1, LIMITS.delayMs), burst: whole(1, MOST) },
  hints: { max: "limit", duration: "periodMs", period: "periodMs", allowed: "limit" },
  required: ["limit", "periodMs"],
});

export const limitShape = shapeOf<Limit>({
  what: "a limit",
  title: "Limit",
  example: "{ rate: { limit: 10, periodMs: 1_000 }, concurrency: 5 }",
  kinds: { rate: nested(rateShape), concurrency: whole(1, MOST), weight },
  hints: { max: "concurrency", limit: "rate: { limit, periodMs }" },
});

export const queueLimitsShape = shapeOf<QueueLimits>({
  what: "the limits of a queue",
  title: "Limits of a queue",
  example: "{ key: { concurrency: 1 } }",
  kinds: { queue: nested(limitShape), key: nested(limitShape) },
  hints: { group: "key", global: "queue", concurrency: "queue: { concurrency }", rate: "queue: { rate }" },
});

export interface KeyLimitOptions {
  /** For how long the limit holds, ms, 1 ms to 365 days. @default for ever */
  forMs?: number | undefined;
}

export interface HoldOptions {
  /** The key to hold. @default the whole queue */
  key?: string | undefined;
}

export interface ListKeysOptions {
  /** The `cursor` of the page before. */
  cursor?: string | undefined;
  /** 1 to 500. @default 100 */
  limit?: number | undefined;
}

export const keyLimitShape = shapeOf<KeyLimitOptions>({
  what: "the limit of a key",
  title: "Limit of a key",
  kinds: { forMs: whole(1, LIMITS.delayMs) },
});
export const holdShape = shapeOf<HoldOptions>({
  what: "a hold",
  title: "Hold",
  kinds: { key: taskKinds.key },
});
export const listKeysShape = shapeOf<ListKeysOptions>({
  what: "a page of keys",
  title: "Page of keys",
  kinds: { cursor: taskKinds.key, limit: whole(1, LIMITS.scriptTasks) },
});

/** The limits of queues, and the keys of their tasks (docs/flow-control.md). */
export class Limits {
  readonly #partitions: PartitionRegistry;

  constructor(partitions: PartitionRegistry) {
    this.#partitions = partitions;
  }

  /** The limits of a queue, and what they hold back. Of a queue with partitions: of all of them together. @throws HoldfastError queue_not_found */
  async get(queue: string): Promise<LimitsView> {
    const { all } = await this.#partitions.known(queue);
    const pages = await Promise.all(all.map(({ engine }) => readKeys(engine, {})));
    const [first] = pages as [(typeof pages)[number]];
    const free = pages.find(({ limits }) => limits.blockedBy === null);
    return {
      ...(free ?? first).limits,
      queue,
      limits: first.whole,
      running: pages.reduce((sum, { limits }) => sum + limits.running, 0),
    };
  }

  /**
   * Sets all limits of a queue; a limit that is left out ends. A queue that does not exist is created. The next task that is granted
   * obeys them. Of a queue with partitions each partition keeps an equal share of the limits of the queue.
   * @throws HoldfastError invalid_argument
   */
  async set(queue: string, limits: QueueLimits): Promise<LimitsView> {
    checkShape(queueLimitsShape, limits);
    await this.#partitions.onAll(
      () => this.#partitions.opened(queue),
      ({ engine }, { all }) => setLimits(engine, splitLimits(limits, all.length), limits),
    );
    return this.get(queue);
  }

  /** The keys that have waiting tasks, in the order of their bytes. @throws HoldfastError queue_not_found */
  async keys(
    queue: string,
    options: ListKeysOptions = {},
  ): Promise<{ keys: TaskKeyView[]; cursor: string | null }> {
    checkShape(listKeysShape, options);
    const { cursor, limit = 100 } = options;
    const { all } = await this.#partitions.known(queue);
    const pages = await Promise.all(
      all.map(({ engine }) =>
        readKeys(engine, { limit, ...(cursor === undefined ? {} : { after: cursor }) }),
      ),
    );
    const keys = pages
      .flatMap((page) => page.keys)
      .sort((a, b) => (encodeURIComponent(a.key) < encodeURIComponent(b.key) ? -1 : 1));
    const isMore = keys.length > limit || pages.some((page) => page.cursor !== null);
    const page = keys.slice(0, limit);
    return { keys: page, cursor: isMore ? (page.at(-1)?.key ?? null) : null };
  }

  /** What waits and runs of one key, and what holds it. @throws HoldfastError queue_not_found, invalid_argument */
  async key(queue: string, key: string): Promise<TaskKeyView> {
    const { engine } = (await this.#partitions.known(queue)).ofKey(key);
    const page = await readKeys(engine, { keys: [key] });
    return page.keys[0] as TaskKeyView;
  }

  /**
   * Gives a key a limit of its own, in place of that of all keys; null takes it away.
   * @throws HoldfastError queue_not_found, invalid_argument
   */
  async setKey(
    queue: string,
    key: string,
    limit: Limit | null,
    options: KeyLimitOptions = {},
  ): Promise<TaskKeyView> {
    checkShape(keyLimitShape, options);
    if (limit !== null) checkShape(limitShape, limit);
    return this.#change(queue, key, { limit, lastsMs: options.forMs });
  }

  /**
   * Grants no task of a key, or of the whole queue, for so long; 0 lets it go on.
   * @param holdMs 0 to 365 days
   * @throws HoldfastError queue_not_found, invalid_argument
   */
  async hold(queue: string, holdMs: number, options: HoldOptions = {}): Promise<void> {
    checkArgument("holdMs", whole(0, MAX_HOLD_MS), holdMs);
    checkShape(holdShape, options);
    if (options.key !== undefined) {
      await this.#change(queue, options.key, { holdMs });
      return;
    }
    const { all } = await this.#partitions.known(queue);
    await Promise.all(all.map(({ engine }) => changeKey(engine, null, { holdMs })));
  }

  async #change(queue: string, key: string, change: KeyChange): Promise<TaskKeyView> {
    const { engine } = (await this.#partitions.known(queue)).ofKey(key);
    await changeKey(engine, key, change);
    return (await readKeys(engine, { keys: [key] })).keys[0] as TaskKeyView;
  }
}
