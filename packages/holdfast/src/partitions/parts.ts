import { HoldfastError, LIMITS } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { checkTaskId } from "../engine/names.ts";
import { taskKinds } from "../engine/task-options.ts";
import { checkArgument, shown } from "../options/shape.ts";
import { type Partitions, partitionHash, partitionNames, partitionOfId } from "./partition-names.ts";

const NODE_ID = /^([\w-]{1,48})\./;

/** A part of a queue: one partition, or the whole queue if it has no partitions. */
export interface Part {
  /** The name in Redis: `orders`, or `orders/3` for a partition. */
  readonly name: string;
  readonly engine: Engine;
}

/** The parts of one queue when it was looked up: its partitions, or the queue itself. */
export class Parts {
  readonly queue: string;
  /** How many partitions the queue had at first and has now; null if it has none. */
  readonly partitions: Partitions | null;
  readonly all: readonly Part[];

  constructor(client: Pick<Holdfast, "engine">, queue: string, partitions: Partitions | null) {
    this.queue = queue;
    this.partitions = partitions;
    const names = partitions ? partitionNames(queue, partitions.count) : [queue];
    this.all = names.map((name) => ({ name, engine: client.engine(name) }));
  }

  /** Returns the index in `all` of the part with this task; -1 if the id names a partition that does not exist. */
  placeOf(id: string): number {
    const place = this.partitions ? partitionOfId(id, this.partitions) : 0;
    return place < this.all.length ? place : -1;
  }

  ofId(id: string): Part | undefined {
    return this.all[this.placeOf(id)];
  }

  /**
   * Returns the parts in which a task with this id may be, the most likely one first. A waiting node of a flow is in
   * the part in which its flow was created. Its id may say another part.
   */
  allOfId(id: string): Part[] {
    const [, flow] = NODE_ID.exec(id) ?? [];
    const found = [this.ofId(id), flow === undefined ? undefined : this.ofId(flow)];
    return found.filter((part, place): part is Part => part !== undefined && found.indexOf(part) === place);
  }

  /**
   * Returns the index in `all` of the part with the tasks of a key. It stays the same when partitions are added, so
   * that a limit of the key applies to all its tasks.
   */
  placeOfKey(key: string): number {
    return this.partitions ? partitionHash(key) % this.partitions.first : 0;
  }

  /** Throws if the tasks of a key are in another partition than this task. @throws HoldfastError invalid_argument */
  checkKeyOf(id: string, key: string): void {
    if (this.placeOf(id) === this.placeOfKey(key)) return;
    throw new HoldfastError(
      "invalid_argument",
      `key: the tasks of this key are in another partition of queue "${this.queue}" than task "${id}", which cannot move: enqueue it anew`,
      { field: "key", taskId: id },
    );
  }

  /** Returns the part with the tasks of a key. @throws HoldfastError invalid_argument */
  ofKey(key: string): Part {
    checkArgument("key", taskKinds.key, key);
    return this.all[this.placeOfKey(key)] as Part;
  }
}

export const samePartitions = (a: Partitions | null | undefined, b: Partitions | null | undefined): boolean =>
  a?.count === b?.count && a?.first === b?.first;

/** Handles up to 500 tasks, with one call for each part. Returns one result per id, in the order of the ids. */
export async function perId<Result extends { id: string; outcome: string }>(
  parts: Parts,
  ids: readonly string[],
  act: (part: Part, own: string[]) => Promise<Result[]>,
): Promise<(Result | { id: string; outcome: "not_found" })[]> {
  if (!Array.isArray(ids))
    throw new HoldfastError("invalid_argument", `ids has to be an array of task ids, got ${shown(ids)}`);
  if (ids.length > LIMITS.scriptTasks)
    throw new HoldfastError(
      "invalid_argument",
      `at most ${LIMITS.scriptTasks} ids per call, got ${ids.length}`,
    );
  const results = new Map<string, Result>();
  // A node of a flow may be in either of two partitions, so ids that were not found are looked for in the second one.
  for (const place of [0, 1]) {
    const byPart = new Map<Part, string[]>();
    for (const id of ids) {
      const part = parts.allOfId(checkTaskId(id))[place];
      const isOpen = (results.get(id)?.outcome ?? "not_found") === "not_found";
      if (part && isOpen) byPart.set(part, [...(byPart.get(part) ?? []), id]);
    }
    for (const [part, own] of byPart)
      for (const result of await act(part, own)) results.set(result.id, result);
  }
  return ids.map((id) => results.get(id) ?? { id, outcome: "not_found" as const });
}
