import { hash } from "node:crypto";
import { LIMITS } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import { whole } from "../options/kinds.ts";

/** How many partitions a queue has, and had when it began. */
export interface Partitions {
  readonly first: number;
  readonly count: number;
}

export const partitionsKind = whole(1, LIMITS.partitions);
// Not the 14 of other minted ids: by this length older producers and observers tell them from ids of a caller, and 14 would
// need the same block of memory (docs/adr/what-makes-it-fast.md).
const ID_CHARACTERS = 16;
const MINTED = /^p:(0|[1-9]\d{0,2}):[A-Za-z0-9_-]{16}$/;

export const partitionNames = (queue: string, count: number) =>
  Array.from({ length: count }, (_, partition) => `${queue}/${partition}`);

/** An id that says which partition its task is in. */
export const mintPartitionId = (partition: number) => `p:${partition}:${nanoid(ID_CHARACTERS)}`;

/** The id of the task that would have the id `text` in a queue without partitions: one that says which partition it is in. */
export const idInPartition = (partition: number, text: string) =>
  `p:${partition}:${hash("sha256", text, "base64url").slice(0, ID_CHARACTERS)}`;

/**
 * FNV-1a over the UTF-8 bytes with the finish of MurmurHash3: 32 bits. Where tasks are depends on it, so it must stay as
 * it is.
 */
export function partitionHash(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text, "utf8")) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

/** Tasks of one key go to one partition, until the queue grows. */
export const partitionOfKey = (key: string, partitions: Partitions) => partitionHash(key) % partitions.count;

/**
 * Where a task is, by its id alone: a minted id carries it; another one is hashed over the first number of partitions,
 * which never changes. So no growth moves a task, and the same id given twice always meets itself.
 */
export function partitionOfId(id: string, partitions: Partitions): number {
  const minted = MINTED.exec(id);
  return minted ? Number(minted[1]) : partitionHash(id) % partitions.first;
}
