import type { TaskKeyView } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { KEYS_PER_CALL, readKeys, scanAccounts } from "../engine/limits.ts";
import type { Parts } from "../partitions/parts.ts";

/** The values by which keys can be sorted, highest first. */
export const KEY_ORDERS = ["waiting", "running", "heldUntil"] as const;

/** The value by which keys are sorted, highest first. */
export type KeyOrder = (typeof KEY_ORDERS)[number];

/** At most this many keys with waiting tasks are read. */
const KEYS_LOOKED_AT = 5_000;
/** How many fields are read from the hash `state`, which has the accounts of keys among the records of tasks. */
const FIELDS_LOOKED_AT = 100_000;

/** The keys of a queue with the highest values. */
export interface HeaviestKeys {
  /** The keys, highest value first. */
  keys: TaskKeyView[];
  /** How many keys were read. */
  lookedAt: number;
  /** Whether all keys were read. If not, other keys may have higher values. */
  isWhole: boolean;
}

/** Returns the keys with the highest values, of those with waiting or running tasks, a hold or a limit of their own. */
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

/** @param share the number of partitions, among which the limits of this search are divided */
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
  // Keys without waiting tasks are in no index, so their accounts are searched among the records of the tasks.
  const accounts = await scanAccounts(engine, Math.ceil(FIELDS_LOOKED_AT / share), KEYS_LOOKED_AT / share);
  const others = accounts.keys.filter((key) => !byKey.has(key));
  for (let from = 0; from < others.length; from += KEYS_PER_CALL)
    add((await readKeys(engine, { keys: others.slice(from, from + KEYS_PER_CALL) })).keys);
  return { keys: [...byKey.values()].filter(isWorthy), isWhole: cursor === null && accounts.isWhole };
}

/** Returns whether a key is shown. Some accounts have no tasks, and are only kept until their rate has recovered. */
const isWorthy = ({ waiting, running, limit, heldUntil }: TaskKeyView) =>
  waiting > 0 || running > 0 || limit !== null || heldUntil !== null;
