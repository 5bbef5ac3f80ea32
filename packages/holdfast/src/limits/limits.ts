import { isDeepStrictEqual } from "node:util";
import {
  HoldfastError,
  type Limit,
  type LimitsTrial,
  type LimitsView,
  type QueueLimits,
  type SharedLimitView,
  type TaskKeyView,
  type TaskTypeView,
} from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import { changeKey, type KeyChange, readKeys, setLimits } from "../engine/limits.ts";
import type { StoredLimit } from "../engine/shared-limits.ts";
import { checkArgument, checkShape } from "../options/shape.ts";
import type { PartitionRegistry } from "../partitions/partition-registry.ts";
import {
  checkDivided,
  Dealer,
  isOfPartitions,
  partitionLimit,
  partitionLimits,
  wholeLimit,
} from "../shares/dealer.ts";
import { tryLimits } from "../trial/try-limits.ts";
import { type HeaviestKeys, heaviestKeys } from "./heaviest-keys.ts";
import * as checks from "./limits-options.ts";

/** The limits of queues, and the keys of their tasks (docs/flow-control.md). */
export class Limits {
  readonly #client: Holdfast;
  readonly #partitions: PartitionRegistry;
  readonly #dealer: Dealer;

  constructor(client: Holdfast, partitions: PartitionRegistry) {
    this.#client = client;
    this.#partitions = partitions;
    this.#dealer = new Dealer(client, (queue) => partitions.parts(queue));
  }

  /**
   * Returns the limits of a queue, and why tasks wait. The numbers of all partitions are added up.
   * @throws HoldfastError queue_not_found
   */
  async get(queue: string): Promise<LimitsView> {
    const { all, partitions } = await this.#partitions.known(queue);
    const [pages, shared] = await Promise.all([
      Promise.all(all.map(({ engine }) => readKeys(engine, {}))),
      this.#client.sharedLimits.all(),
    ]);
    const [first] = pages as [(typeof pages)[number]];
    const free = pages.find(({ limits }) => limits.blockedBy === null);
    const own = partitions ? shared.find(({ name }) => name === partitionLimit(queue)) : undefined;
    const { limits } = first.limits;
    return {
      ...(free ?? first).limits,
      queue,
      limits: own ? { ...limits, queue: { ...limits.queue, ...own.limit } } : limits,
      shared: shared
        .filter(({ name, queues }) => !isOfPartitions(name) && queues.includes(queue))
        .map(sharedView),
      running: pages.reduce((sum, page) => sum + page.limits.running, 0),
      types: typesOf(pages.map((page) => page.limits.types)),
    };
  }

  /** Checks limits like `set`, without changing anything. @throws HoldfastError invalid_argument */
  check(limits: QueueLimits): void {
    checkShape(checks.queueLimitsShape, limits);
  }

  /**
   * Sets all limits of a queue; those that are not given are removed. Creates the queue if it does not exist. The new
   * limits apply at once. In a queue with partitions, the limit of the queue is divided among them by their waiting
   * tasks.
   * @throws HoldfastError invalid_argument
   */
  async set(queue: string, limits: QueueLimits): Promise<LimitsView> {
    this.check(limits);
    const parts = await this.#partitions.opened(queue);
    if (parts.partitions && hasTypes(limits))
      throw new HoldfastError(
        "invalid_argument",
        `types cannot be limited in queue "${queue}", because it has partitions: use another queue for those tasks`,
        { field: "types" },
      );
    const whole = wholeLimit(limits);
    const name = partitionLimit(queue);
    if (parts.partitions && whole)
      await this.#dealer.set(name, checkDivided("queue", whole, parts.all.length), [queue]);
    await this.#partitions.onAll(
      () => this.#partitions.opened(queue),
      ({ engine }, { partitions }) => setLimits(engine, partitions ? partitionLimits(limits) : limits),
    );
    if (parts.partitions && !whole) await this.#dealer.end(name);
    return this.get(queue);
  }

  /** Returns a page of the keys with waiting tasks, in byte order. @throws HoldfastError queue_not_found */
  async keys(
    queue: string,
    options: checks.ListKeysOptions = {},
  ): Promise<{ keys: TaskKeyView[]; cursor: string | null }> {
    checkShape(checks.listKeysShape, options);
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

  /**
   * Counts the waiting and running tasks of a key, and says why tasks wait.
   * @throws HoldfastError queue_not_found, invalid_argument
   */
  async key(queue: string, key: string): Promise<TaskKeyView> {
    const { engine } = (await this.#partitions.known(queue)).ofKey(key);
    const page = await readKeys(engine, { keys: [key] });
    return page.keys[0] as TaskKeyView;
  }

  /**
   * Gives a key a limit of its own, which replaces the limit of all keys; null removes it.
   * @throws HoldfastError queue_not_found, invalid_argument
   */
  async setKey(
    queue: string,
    key: string,
    limit: Limit | null,
    options: checks.KeyLimitOptions = {},
  ): Promise<TaskKeyView> {
    checkShape(checks.keyLimitShape, options);
    if (limit !== null) checkShape(checks.limitShape, limit);
    return this.#change(queue, key, { limit, lastsMs: options.forMs });
  }

  /**
   * Stops tasks of a key, of a type, or of the whole queue from starting for `holdMs`; 0 ends the hold.
   * @param holdMs 0 to 365 days
   * @throws HoldfastError queue_not_found, invalid_argument
   */
  async hold(queue: string, holdMs: number, options: checks.HoldOptions = {}): Promise<void> {
    checkArgument("holdMs", checks.holdMs, holdMs);
    checkShape(checks.holdShape, options);
    const { key, type } = options;
    if (key !== undefined) {
      await this.#change(queue, key, { holdMs });
      return;
    }
    const { all } = await this.#partitions.known(queue);
    const of = type === undefined ? "queue" : { type };
    await Promise.all(all.map(({ engine }) => changeKey(engine, of, { holdMs })));
  }

  /** Returns the limits that several queues share. */
  async shared(): Promise<SharedLimitView[]> {
    const all = await this.#client.sharedLimits.all();
    return all.filter(({ name }) => !isOfPartitions(name)).map(sharedView);
  }

  /** Checks a limit like `share`, and changes nothing. @throws HoldfastError invalid_argument, invalid_queue_name */
  async checkShare(name: string, limit: Limit, queues: readonly string[]): Promise<void> {
    checkArgument("name", checks.sharedName, name);
    checkShape(checks.limitShape, limit);
    checkArgument("queues", checks.sharedQueues, queues);
    if (limit.weight !== undefined || !wholeLimit({ queue: limit }))
      throw new HoldfastError(
        "invalid_argument",
        "limit needs concurrency, rate or both, and no weight: only the keys of one queue have weights, not the queues that share a limit",
        { field: "limit" },
      );
    let parts = 0;
    for (const queue of new Set(queues)) parts += (await this.#partitions.parts(queue)).all.length;
    checkDivided("limit", limit, parts);
  }

  /**
   * Sets a limit that several queues share. Queues that do not exist are created. Every second, a janitor divides the
   * limit among the queues by their waiting tasks. Together the queues never exceed the limit.
   * @param name 1 to 64 of A-Z a-z 0-9 _ . -
   * @param limit `concurrency`, `rate`, or both
   * @param queues 1 to 100
   * @throws HoldfastError invalid_argument, invalid_queue_name
   */
  async share(name: string, limit: Limit, queues: readonly string[]): Promise<SharedLimitView> {
    await this.checkShare(name, limit, queues);
    const names = [...new Set(queues)];
    for (const queue of names) await this.#partitions.opened(queue);
    return sharedView(await this.#dealer.set(name, limit, names));
  }

  /** Removes a shared limit. @returns false if there is no shared limit with this name */
  async unshare(name: string): Promise<boolean> {
    checkArgument("name", checks.sharedName, name);
    return this.#dealer.end(name);
  }

  /**
   * Simulates how long tasks would have waited under other limits, without changing anything. It uses the newest
   * completed tasks of the queue, at most 10,000, and the tasks that wait now.
   * @param limits all limits, as for `set`. The limits of types have to be the present ones, because they are not
   * simulated
   * @throws HoldfastError queue_not_found, invalid_argument; conflict if the queue keeps no completed task
   */
  async try(queue: string, limits: QueueLimits, options: checks.TryLimitsOptions = {}): Promise<LimitsTrial> {
    this.check(limits);
    checkShape(checks.tryLimitsShape, options);
    const { limits: today } = await this.get(queue);
    if (!isDeepStrictEqual(limits.types ?? {}, today.types ?? {}))
      throw new HoldfastError(
        "invalid_argument",
        "a trial cannot simulate other limits of types: leave types as it is now",
        { field: "types" },
      );
    return tryLimits(this.#client, await this.#partitions.known(queue), {
      limits,
      today,
      slots: options.slots,
    });
  }

  /**
   * Returns the keys with the most waiting or running tasks, or the longest hold. Keys without tasks, hold and limit
   * are left out. Reads up to 5,000 keys with waiting tasks, and searches for others in up to 100,000 fields of the
   * queue.
   * @throws HoldfastError queue_not_found, invalid_argument
   */
  async heaviest(queue: string, options: checks.HeaviestKeysOptions = {}): Promise<HeaviestKeys> {
    checkShape(checks.heaviestKeysShape, options);
    const { by = "waiting", limit = 20 } = options;
    return heaviestKeys(await this.#partitions.known(queue), by, limit);
  }

  async #change(queue: string, key: string, change: KeyChange): Promise<TaskKeyView> {
    const { engine } = (await this.#partitions.known(queue)).ofKey(key);
    await changeKey(engine, { key }, change);
    return (await readKeys(engine, { keys: [key] })).keys[0] as TaskKeyView;
  }
}

const hasTypes = ({ types = {} }: QueueLimits) => Object.keys(types).length > 0;

/** Joins the task types of all partitions. A type is shown as held if it is held in one partition. */
function typesOf(parts: readonly TaskTypeView[][]): TaskTypeView[] {
  const types = new Map<string, TaskTypeView>();
  for (const view of parts.flat()) {
    const known = types.get(view.type);
    if (known) types.set(view.type, { ...known, running: known.running + view.running });
    else types.set(view.type, view);
  }
  return [...types.values()];
}

function sharedView({ name, limit, queues, shares }: StoredLimit): SharedLimitView {
  const views = Object.entries(shares).map(([part, { concurrency, rate }]) => [
    part,
    { ...(concurrency === undefined ? {} : { concurrency }), ...(rate === undefined ? {} : { rate }) },
  ]);
  return { name, limit, queues, shares: Object.fromEntries(views) };
}
