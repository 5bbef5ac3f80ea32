import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { type Partitions, partitionNames, partitionOfId } from "./partition-names.ts";

/** One part of a queue: the queue itself, or one of its partitions. */
export interface Part {
  /** `orders`, or `orders/3`. */
  readonly name: string;
  readonly engine: Engine;
}

/** The parts of one queue, as they were when somebody looked: one, or one for each partition. */
export class Parts {
  readonly queue: string;
  /** Null where the queue has no partitions. */
  readonly partitions: Partitions | null;
  readonly all: readonly Part[];

  constructor(client: Holdfast, queue: string, partitions: Partitions | null) {
    this.queue = queue;
    this.partitions = partitions;
    const names = partitions ? partitionNames(queue, partitions.count) : [queue];
    this.all = names.map((name) => ({ name, engine: client.engine(name) }));
  }

  /** The place in `all` of the part that the task is in, or would be in; -1 where its id names a partition that is not there. */
  placeOf(id: string): number {
    const place = this.partitions ? partitionOfId(id, this.partitions) : 0;
    return place < this.all.length ? place : -1;
  }

  ofId(id: string): Part | undefined {
    return this.all[this.placeOf(id)];
  }
}

export const samePartitions = (a: Partitions | null | undefined, b: Partitions | null | undefined): boolean =>
  a?.count === b?.count && a?.first === b?.first;
