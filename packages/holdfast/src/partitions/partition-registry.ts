import { HoldfastError } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import { checkQueueName, queueOfPartition } from "../engine/names.ts";
import { whole } from "../options/kinds.ts";
import { checkArgument } from "../options/shape.ts";
import { MAX_PARTITIONS, type Partitions, partitionNames } from "./partition-names.ts";

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

  async get(queue: string): Promise<Partitions | null> {
    return (await this.all()).get(queue) ?? null;
  }

  /**
   * The partitions of a queue; with `count` it is made where it is not there.
   * @throws HoldfastError conflict: it has another number, or is a queue without partitions; queue_not_found;
   * invalid_argument
   */
  async open(queue: string, count?: number): Promise<Partitions> {
    const known = await this.get(queue);
    if (known) return this.#checked(queue, known, count);
    if (count === undefined)
      throw new HoldfastError("queue_not_found", `there is no partitioned queue "${queue}"`);
    checkCount(count);
    const { registry } = this.#client;
    const mine = await registry.addPartitionField(queue, count);
    if (await registry.hasQueue(queue)) {
      if (mine) await registry.removePartitionFields([queue]);
      throw new HoldfastError(
        "conflict",
        `queue "${queue}" exists without partitions: drain and delete it, or take another name`,
      );
    }
    const partitions = (await this.get(queue)) ?? { first: count, count };
    await this.#addQueues(queue, partitions.count);
    return this.#checked(queue, partitions, count);
  }

  /**
   * Raises the number of partitions. Tasks stay where they are.
   * @throws HoldfastError conflict: fewer than there are; queue_not_found; invalid_argument
   */
  async grow(queue: string, count: number): Promise<Partitions> {
    checkCount(count);
    for (;;) {
      const partitions = await this.open(queue);
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

  async #addQueues(queue: string, count: number): Promise<void> {
    for (const name of partitionNames(queue, count))
      await this.#client.registry.addQueue(name, { isGrowing: true });
  }

  #checked(queue: string, partitions: Partitions, count: number | undefined): Partitions {
    if (count !== undefined && count !== partitions.count) {
      throw new HoldfastError(
        "conflict",
        `queue "${queue}" has ${partitions.count} partitions, not ${count}: leave the number out, or grow the queue`,
      );
    }
    return partitions;
  }
}

function countsOf(queue: string, fields: Record<string, string>): number[] {
  const counts: number[] = [];
  for (let field = queue; fields[field] !== undefined; field = `${queue}:${counts.length}`)
    counts.push(Number(fields[field]));
  return counts;
}

export const partitionsKind = whole(1, MAX_PARTITIONS);

function checkCount(count: number): void {
  checkArgument("partitions", partitionsKind, count);
}
