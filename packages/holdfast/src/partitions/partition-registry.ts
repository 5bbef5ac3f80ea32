import { HoldfastError, type QueueStats } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import { checkQueueName, queueOfPartition } from "../engine/names.ts";
import { queueStats } from "../observer/queue-stats.ts";
import { checkArgument } from "../options/shape.ts";
import { splitSettings } from "./merge-stats.ts";
import { type Partitions, partitionNames, partitionsKind } from "./partition-names.ts";
import { type Part, Parts } from "./parts.ts";

/** @throws HoldfastError invalid_queue_name */
export function checkPartitionedName(queue: string): string {
  if (queueOfPartition(queue) !== null)
    throw new HoldfastError("invalid_queue_name", `"${queue}" is a partition: name its queue`);
  return checkQueueName(queue);
}

/**
 * The number of partitions of each queue, in Redis: the first as the field `<queue>`, the one after growth n as
 * `<queue>:<n>`. Fields are only ever added, each once, so two that grow a queue at once cannot overwrite each other.
 */
export class PartitionRegistry {
  readonly #client: Holdfast;

  constructor(client: Holdfast) {
    this.#client = client;
  }

  async all(): Promise<Map<string, Partitions>> {
    await this.#client.check();
    const fields = await this.#client.registry.partitionFields();
    const all = new Map<string, Partitions>();
    for (const queue of Object.keys(fields)) {
      if (queue.includes(":")) continue;
      const counts = countsOf(queue, fields);
      all.set(queue, { first: counts[0] as number, count: Math.max(...counts) });
    }
    return all;
  }

  /** The partitions of a queue; null where it has none. */
  async get(queue: string): Promise<Partitions | null> {
    return (await this.all()).get(queue) ?? null;
  }

  /** The parts of a queue, which need not exist. */
  async parts(queue: string): Promise<Parts> {
    return new Parts(this.#client, queue, await this.get(queue));
  }

  /**
   * The partitions of a queue, which is made with so many where it does not exist.
   * @throws HoldfastError conflict: it has another number, or is a queue without partitions; invalid_argument
   */
  open(queue: string, count: number): Promise<Partitions> {
    return this.#open(queue, count, async () => false);
  }

  /**
   * As `open`, for operators: a queue without partitions gets them if it is empty, with its settings and its pause. It is
   * deleted for that, so that its producers and workers notice.
   */
  async make(queue: string, count: number): Promise<Partitions> {
    const engine = this.#client.engine(queue);
    let before: QueueStats | undefined;
    const maker = await this.#client.registry.makerOf(queue);
    const giveWay = async () => {
      before = queueStats(queue, await engine.stats());
      const { paused } = before;
      if (!paused) await engine.pause(true, "it gets partitions");
      const deleteKeys = async () => (await engine.delete()) === "deleted";
      const isDeleted = await this.#client.registry.removeQueue(queue, deleteKeys);
      if (!isDeleted && !paused) await engine.pause(false);
      return isDeleted;
    };
    const partitions = await this.#open(queue, count, giveWay, maker);
    if (before === undefined) return partitions;
    const { settings, paused, pauseReason, pausedBy } = before;
    for (const { engine: part } of new Parts(this.#client, queue, partitions).all) {
      await part.configure(splitSettings(settings, partitions.count));
      if (paused) await part.pause(true, pauseReason ?? "", pausedBy ?? "");
    }
    return partitions;
  }

  /**
   * @param giveWay removes the queue that has no partitions; false where it stays
   * @param maker for whom the queue counts
   */
  async #open(
    queue: string,
    count: number,
    giveWay: () => Promise<boolean>,
    maker: string | null = null,
  ): Promise<Partitions> {
    checkArgument("partitions", partitionsKind, count);
    const known = await this.get(queue);
    if (known) return checked(queue, known, count);
    const { registry } = this.#client;
    // First, so that nobody registers the queue without partitions from now on.
    const mine = await registry.addPartitionField(queue, count);
    if ((await registry.hasQueue(queue)) && !(await giveWay())) {
      if (mine) await registry.removePartitionFields([queue]);
      throw new HoldfastError(
        "conflict",
        `queue "${queue}" exists without partitions. If it holds no tasks, not even ended ones, an operator can give it some: holdfast queue partition ${queue} ${count}`,
      );
    }
    const partitions = (await this.get(queue)) ?? { first: count, count };
    await this.#addQueues(queue, partitions.count, maker);
    return checked(queue, partitions, count);
  }

  /**
   * Makes a queue of so many partitions, or raises their number; new ones are paused and configured as the others are.
   * @returns how many it has now
   * @throws HoldfastError conflict: it has more, or holds tasks and has no partitions; invalid_argument
   */
  async set(queue: string, count: number): Promise<number> {
    const { count: before } = (await this.get(queue)) ?? (await this.make(queue, count));
    const { all } = new Parts(this.#client, queue, { first: before, count: Math.max(before, count) });
    const first = all[0] as Part;
    const { settings, paused, pauseReason, pausedBy } = queueStats(queue, await first.engine.stats());
    for (const { engine } of all.slice(before)) {
      await engine.configure(settings);
      if (paused) await engine.pause(true, pauseReason ?? "", pausedBy ?? "");
    }
    return (await this.grow(queue, count)).count;
  }

  /**
   * Raises the number of partitions. Tasks stay where they are.
   * @throws HoldfastError conflict: fewer than there are; queue_not_found; invalid_argument
   */
  async grow(queue: string, count: number): Promise<Partitions> {
    checkArgument("partitions", partitionsKind, count);
    for (;;) {
      const partitions = await this.get(queue);
      if (!partitions) throw new HoldfastError("queue_not_found", `there is no partitioned queue "${queue}"`);
      if (count === partitions.count) return partitions;
      if (count < partitions.count) {
        throw new HoldfastError(
          "conflict",
          `queue "${queue}" has ${partitions.count} partitions, and cannot have ${count}: they hold tasks`,
        );
      }
      // Before anybody enqueues there: janitors find what is registered.
      await this.#addQueues(queue, count);
      const step = countsOf(queue, await this.#client.registry.partitionFields()).length;
      await this.#client.registry.addPartitionField(`${queue}:${step}`, count);
    }
  }

  /** Once every partition was deleted. */
  async forget(queue: string): Promise<void> {
    const fields = await this.#client.registry.partitionFields();
    const steps = countsOf(queue, fields).map((_, step) => (step === 0 ? queue : `${queue}:${step}`));
    await this.#client.registry.removePartitionFields(steps);
  }

  /** The first partition counts for the maker of the queue. */
  async #addQueues(queue: string, count: number, maker: string | null = null): Promise<void> {
    for (const [place, name] of partitionNames(queue, count).entries()) {
      const isCounted = place === 0 && maker !== null;
      const counted = isCounted ? { maker: { who: maker, most: Number.MAX_SAFE_INTEGER } } : {};
      await this.#client.registry.addQueue(name, { isGrowing: true, ...counted });
    }
  }
}

function checked(queue: string, partitions: Partitions, count: number): Partitions {
  if (count === partitions.count) return partitions;
  throw new HoldfastError(
    "conflict",
    `queue "${queue}" has ${partitions.count} partitions, not ${count}: leave the number out, or raise it (holdfast queue partition)`,
  );
}

function countsOf(queue: string, fields: Record<string, string>): number[] {
  const counts: number[] = [];
  for (let field = queue; fields[field] !== undefined; field = `${queue}:${counts.length}`)
    counts.push(Number(fields[field]));
  return counts;
}
