import type { TaskKeyView } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { KEYS_PER_CALL, readKeys, scanAccounts } from "../engine/limits.ts";
import type { Parts } from "../partitions/parts.ts";

/** The values by which keys can be sorted, highest first. */
export const KEY_ORDERS = ["waiting", "running", "heldUntil"] as const;

/** The value by which keys are sorted, highest first. */
export type KeyOrder = (typeof KEY_ORDERS)[number];

/** The most keys with waiting tasks that are looked at. */
const KEYS_LOOKED_AT = 5_000;
/** How many fields are read from the hash that has both the records of tasks and the accounts of keys. */
const FIELDS_LOOKED_AT = 100_000;

/** The first keys of a queue in an order. */
export interface HeaviestKeys {
  /** The first keys in the order that was asked for. */
  keys: TaskKeyView[];
  /** How many keys were looked at. */
  lookedAt: number;
  /** False: only some of the keys were read, so there may be others. */
  isWhole: boolean;
}

/**
 * Returns the first keys in an order, among the keys that have waiting or running tasks, a hold or a limit of their
 * own.
 */
export async function heaviestKeys(parts: Parts, by: KeyOrder, limit: number): Promise<HeaviestKeys> {
  const found = await Promise.all(parts.all.map(({ engine }) => keysOf(engine, parts.all.length)));
  const keys = found.flatMap((part) => part.keys);
  keys.sort((a, b) => (b[by] ?? 0) - (a[by] ?? 0) || (a.key < b.key ? -1 : 1));
  return {
    keys: keys.slice(0, limit),
    lookedAt: keys.length,
    isWhole: found.every(({ isWhole }) => isWhole),
  };
}

/** @param share the number of parts of the queue, among which the bounds are divided */
async function keysOf(engine: Engine, share: number): Promise<{ keys: TaskKeyView[]; isWhole: boolean }> {
  const byKey = new Map<string, TaskKeyView>();
  const add = (keys: readonly TaskKeyView[]) => {
    for (const view of keys) byKey.set(view.key, view);
  };
  let cursor: string | null = "";
  while (cursor !== null && byKey.size < KEYS_LOOKED_AT / share) {
    const page: Awaited<ReturnType<typeof readKeys>> = await readKeys(engine, {
      limit: KEYS_PER_CALL,
      ...(cursor === "" ? {} : { after: cursor }),
    });
    add(page.keys);
    cursor = page.cursor;
  }
  // No index has the keys without waiting tasks. Their accounts are found among the records of the tasks.
  const accounts = await scanAccounts(engine, Math.ceil(FIELDS_LOOKED_AT / share), KEYS_LOOKED_AT / share);
  const others = accounts.keys.filter((key) => !byKey.has(key));
  for (let from = 0; from < others.length; from += KEYS_PER_CALL)
    add((await readKeys(engine, { keys: others.slice(from, from + KEYS_PER_CALL) })).keys);
  return { keys: [...byKey.values()].filter(isWorthy), isWhole: cursor === null && accounts.isWhole };
}

/** Whether a key is worth showing. Some accounts are kept only until their rate has recovered. */
const isWorthy = ({ waiting, running, limit, heldUntil }: TaskKeyView) =>
  waiting > 0 || running > 0 || limit !== null || heldUntil !== null;
