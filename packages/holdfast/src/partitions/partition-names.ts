import { hash } from "node:crypto";
import { LIMITS } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import { whole } from "../options/kinds.ts";

/** The present number of partitions of a queue, and its first number. */
export interface Partitions {
  readonly first: number;
  readonly count: number;
}

export const partitionsKind = whole(1, LIMITS.partitions);
// Other minted ids have 14 characters. Older producers and observers recognize these ids by their length of 16, and 14
// characters would need the same block of memory (docs/adr/what-makes-it-fast.md).
const ID_CHARACTERS = 16;
const MINTED = /^p:(0|[1-9]\d{0,2}):[A-Za-z0-9_-]{16}$/;

export const partitionNames = (queue: string, count: number) =>
  Array.from({ length: count }, (_, partition) => `${queue}/${partition}`);

/** An id that contains the partition of its task. */
export const mintPartitionId = (partition: number) => `p:${partition}:${nanoid(ID_CHARACTERS)}`;

/** The id of the task that would have the id `text` in a queue without partitions: one that says which partition it is in. */
export const idInPartition = (partition: number, text: string) =>
  `p:${partition}:${hash("sha256", text, "base64url").slice(0, ID_CHARACTERS)}`;

/**
 * FNV-1a over the UTF-8 bytes with the final steps of MurmurHash3: 32 bits. It decides where stored tasks are, so it
 * must not change.
 */
export function partitionHash(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, "utf8")) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** The tasks of one key go to one partition. If the queue grows, new tasks may go to another one. */
export const partitionOfKey = (key: string, partitions: Partitions) => partitionHash(key) % partitions.count;

/**
 * The partition of a task, from its id alone. A minted id contains the partition. Any other id is hashed over the first
 * number of partitions, which never changes. So a growth moves no task, and the same id always leads to the same
 * partition.
 */
export function partitionOfId(id: string, partitions: Partitions): number {
  const minted = MINTED.exec(id);
  return minted ? Number(minted[1]) : partitionHash(id) % partitions.first;
}
