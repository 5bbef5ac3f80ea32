import { HoldfastError } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { readKeys, setLimits } from "../engine/limits.ts";
import { checkQueueName, queueOfPartition } from "../engine/names.ts";
import { partsChanged } from "../engine/registry.ts";
import { settingsText } from "../engine/settings-text.ts";
import { checkArgument } from "../options/shape.ts";
import { Dealer, partitionLimits, wholeLimit } from "../shares/dealer.ts";
import { splitSettings } from "./merge-stats.ts";
import { type Partitions, partitionsIn, partitionsKind } from "./partition-names.ts";
import { type Part, Parts, samePartitions } from "./parts.ts";

/** Checks the name of a queue, which must not be that of a partition. @throws HoldfastError invalid_queue_name */
export function checkPartitionedName(queue: string): string {
  if (queueOfPartition(queue) !== null)
    throw new HoldfastError("invalid_queue_name", `"${queue}" is a partition: give the name of its queue`);
  return checkQueueName(queue);
}

/**
 * The numbers of partitions of all queues, in Redis. The field `<queue>` has the first number, and `<queue>:<n>` the
 * number after the n-th time that partitions were added. One script writes the number and registers the partitions, so
 * other processes see both or neither.
 */
export class PartitionRegistry {
  readonly #client: Holdfast;

  readonly #dealer: Dealer;

  constructor(client: Holdfast) {
    this.#client = client;
    this.#dealer = new Dealer(client, (queue) => this.parts(queue));
  }

  async all(): Promise<Map<string, Partitions>> {
    await this.#client.check();
    const fields = await this.#client.registry.partitionFields();
    const all = new Map<string, Partitions>();
    for (const queue of Object.keys(fields)) {
      const partitions = partitionsIn(fields, queue);
      if (partitions) all.set(queue, partitions);
    }
    return all;
  }

  /** Returns how many partitions a queue had at first and has now; null if it has none. */
  async get(queue: string): Promise<Partitions | null> {
    return (await this.all()).get(queue) ?? null;
  }

  /** Returns the parts of a queue: its partitions, or the queue itself. The queue need not exist. */
  async parts(queue: string): Promise<Parts> {
    return new Parts(this.#client, queue, await this.get(queue));
  }

  /** Calls `act` for all parts of a queue, also for parts that are added meanwhile. */
  async onAll<Result>(
    look: () => Promise<Parts>,
    act: (part: Part, parts: Parts) => Promise<Result>,
  ): Promise<Result[]> {
    for (;;) {
      const parts = await look();
      const results = await Promise.all(parts.all.map((part) => act(part, parts)));
      if (samePartitions(await this.get(parts.queue), parts.partitions)) return results;
    }
  }

  /** Returns the parts of a queue. Registers the queue if needed. */
  async opened(queue: string): Promise<Parts> {
    const parts = await this.parts(checkQueueName(queue));
    if (parts.partitions) return parts;
    try {
      await parts.all[0]?.engine.open();
      return parts;
    } catch (error) {
      if (partsChanged(error)) return this.opened(queue);
      throw error;
    }
  }

  /** Returns the parts of a queue that exists. @throws HoldfastError queue_not_found */
  async known(queue: string): Promise<Parts> {
    const parts = await this.parts(checkQueueName(queue));
    if (parts.partitions || (await this.#client.registry.hasQueue(queue))) return parts;
    // The queue may have got partitions between the two calls.
    const now = await this.parts(queue);
    if (now.partitions) return now;
    throw new HoldfastError("queue_not_found", `there is no queue "${queue}"`);
  }

  /**
   * Returns how many partitions a queue had at first and has now. A queue that does not exist is created with `count`
   * partitions.
   * @throws HoldfastError conflict if the queue has a different number of partitions or none; invalid_argument
   */
  async open(queue: string, count: number): Promise<Partitions> {
    checkArgument("partitions", partitionsKind, count);
    if ((await this.#client.registry.setPartitions(queue, 0, count)) === null)
      throw withoutPartitions(queue, count);
    return checked(queue, (await this.get(queue)) ?? { first: count, count }, count);
  }

  /**
   * Gives a queue this number of partitions, or raises their number. New partitions get the settings of the others, and
   * are paused if the others are. Tasks stay in their partition.
   * @returns the number of partitions that the queue has now
   * @throws HoldfastError conflict if the queue has more partitions, or has tasks and no partitions; invalid_argument
   */
  async set(queue: string, count: number): Promise<number> {
    checkArgument("partitions", partitionsKind, count);
    for (;;) {
      const before = (await this.get(queue))?.count ?? 0;
      if (count < before)
        throw new HoldfastError(
          "conflict",
          `queue "${queue}" has ${before} partitions, and their number cannot be lowered to ${count}, because they hold tasks`,
        );
      if (count === before) return count;
      // If somebody else has set another number at the same time, this tries again.
      if ((before === 0 ? await this.#make(queue, count) : await this.#grow(queue, before, count)) === count)
        return count;
    }
  }

  /**
   * Gives partitions to an empty queue without partitions. They get the settings and the pause of the queue before
   * other processes see them. If this process dies midway, either the queue or all of its partitions accept tasks.
   * @returns the number of partitions that the queue has now; null if the queue was used meanwhile
   */
  async #make(queue: string, count: number): Promise<number | null> {
    const { registry } = this.#client;
    if (!(await registry.hasQueue(queue))) return registry.setPartitions(queue, 0, count);
    const engine = this.#client.engine(queue);
    const { limits } = (await readKeys(engine, {})).limits;
    if (limits.types !== undefined)
      throw new HoldfastError(
        "conflict",
        `queue "${queue}" limits types (${Object.keys(limits.types).join(", ")}), which partitions cannot do: remove these limits, or use another queue for those tasks`,
      );
    const deletion = await registry.noteDeletion(queue);
    if ((await engine.delete("close")) === "busy") throw withoutPartitions(queue, count);
    const to = this.#engines(queue, 0, count);
    await this.#dealer.prepare(queue, to, count, wholeLimit(limits));
    let settings = await copySettings(engine, to, count);
    const partitions = await registry.setPartitions(queue, 0, count, deletion);
    // An operator may have changed the settings just before the partitions were registered.
    if (partitions === count)
      while ((await engine.delete("taken_over", settings)) === "changed")
        settings = await copySettings(engine, to, count);
    await this.#dealer.dealOf(queue);
    return partitions;
  }

  /** Adds partitions. @returns the number of partitions that the queue has now */
  async #grow(queue: string, before: number, count: number): Promise<number | null> {
    const [first, ...added] = this.#engines(queue, before - 1, count) as [Engine, ...Engine[]];
    await this.#dealer.prepare(queue, added, count);
    let settings = await copySettings(first, added, 1);
    const partitions = await this.#client.registry.setPartitions(queue, before, count);
    // An operator may have changed the settings meanwhile, or another process may have added these partitions.
    if (partitions !== null && partitions > before)
      while ((await first.stats()).settings !== settings) settings = await copySettings(first, added, 1);
    await this.#dealer.dealOf(queue);
    return partitions;
  }

  #engines(queue: string, from: number, to: number): Engine[] {
    const { all } = new Parts(this.#client, queue, { first: to, count: to });
    return all.slice(from).map(({ engine }) => engine);
  }

  /** Forgets the partitions of a queue when all are deleted. @returns false if one was used again meanwhile */
  async forget(queue: string, { count }: Partitions): Promise<boolean> {
    return (await this.#client.registry.setPartitions(queue, count, 0)) === 0;
  }
}

/**
 * Copies the settings and the pause of a queue or partition to others.
 * @param share how many partitions share the limits that are copied
 * @returns the copied settings, as `Engine.stats` returns them
 */
async function copySettings(from: Engine, to: readonly Engine[], share: number): Promise<string> {
  const text = (await from.stats()).settings;
  const { settings, paused, pauseReason, pausedBy } = settingsText(text);
  const own = splitSettings(settings, share);
  const { limits } = (await readKeys(from, {})).limits;
  await Promise.all(
    to.map(async (engine) => {
      await engine.configure(own);
      if (Object.keys(limits).length > 0) await setLimits(engine, partitionLimits(limits));
      await engine.pause(paused, pauseReason ?? "", pausedBy ?? "");
    }),
  );
  return text;
}

function withoutPartitions(queue: string, count: number): HoldfastError {
  return new HoldfastError(
    "conflict",
    `queue "${queue}" exists without partitions. If it holds no tasks, not even ended ones, an operator can give it partitions: holdfast queue partition ${queue} ${count}`,
  );
}

function checked(queue: string, partitions: Partitions, count: number): Partitions {
  if (count === partitions.count) return partitions;
  throw new HoldfastError(
    "conflict",
    `queue "${queue}" has ${partitions.count} partitions, not ${count}: leave the option out, or raise the number (holdfast queue partition)`,
  );
}
