import { hash } from "node:crypto";
import { LIMITS } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import { whole } from "../options/kinds.ts";

/** How many partitions a queue had at first, and how many it has now. */
export interface Partitions {
  readonly first: number;
  readonly count: number;
}

export const partitionsKind = whole(1, LIMITS.partitions);
/** Reads the partitions of a queue from fields of the registry (`PartitionRegistry`); null if it has none. */
export function partitionsIn(fields: Record<string, string>, queue: string): Partitions | null {
  const counts: number[] = [];
  if (queue.includes(":")) return null;
  for (let field = queue; fields[field] !== undefined; field = `${queue}:${counts.length}`)
    counts.push(Number(fields[field]));
  return counts.length === 0 ? null : { first: counts[0] as number, count: Math.max(...counts) };
}

// Ids without a partition have 14 characters. The random part of an id with a partition keeps 16, because older
// versions recognize it by them, and 14 would not save memory here (docs/adr/what-makes-it-fast.md).
const ID_CHARACTERS = 16;
const MINTED = /^p:(0|[1-9]\d{0,2}):[A-Za-z0-9_-]{16}$/;

export const partitionNames = (queue: string, count: number) =>
  Array.from({ length: count }, (_, partition) => `${queue}/${partition}`);

/** Returns a new id that contains the partition of its task. */
export const mintPartitionId = (partition: number) => `p:${partition}:${nanoid(ID_CHARACTERS)}`;

/** Adds the partition to an id for a queue without partitions. The same text always gives the same id. */
export const idInPartition = (partition: number, text: string) =>
  `p:${partition}:${hash("sha256", text, "base64url").slice(0, ID_CHARACTERS)}`;

/**
 * The hash that decides in which partition a task is. It must never change, because tasks are stored by it: FNV-1a over
 * the UTF-8 bytes with the final steps of MurmurHash3, 32 bits.
 */
export function partitionHash(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, "utf8")) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/**
 * Returns the partition to which tasks with this partitionKey go. If the queue gets more partitions, new tasks may go
 * to another one.
 */
export const partitionOfKey = (key: string, partitions: Partitions) => partitionHash(key) % partitions.count;

/**
 * Returns the partition of a task from its id alone. An id of the library contains the partition. Any other id is
 * hashed over the first number of partitions, which never changes. So no task has to move when the queue gets more
 * partitions.
 */
export function partitionOfId(id: string, partitions: Partitions): number {
  const minted = MINTED.exec(id);
  return minted ? Number(minted[1]) : partitionHash(id) % partitions.first;
}
