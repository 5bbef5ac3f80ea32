// Starts tasks with single calls of the engine, so that the order of the starts is exactly known.

/** Settles the tasks of each call in the next call, like a worker. @returns the ids in the order of their grants */
export async function startsInOrder({ hands }, count, batch) {
  const ids = [];
  let held = [];
  while (ids.length < count) {
    held = await hands.ack(held, Math.min(batch, count - ids.length));
    if (held.length === 0) throw new Error(`nothing was granted after ${ids.length} of ${count} starts`);
    ids.push(...held.map(({ id }) => id));
  }
  await hands.ack(held);
  return ids;
}

/** Enqueues `count` tasks with this key, or without a key if it is "". Remembers the key of each id. */
export async function backlog(ctx, view, keyOf, key, count, more = {}) {
  const own = key === "" ? {} : { key };
  const tasks = Array.from({ length: count }, () => ({ type: "sleep", payload: 0, ...own, ...more }));
  for (const id of await ctx.put(view, tasks)) keyOf.set(id, key);
}

/** Returns which share of all starts each name has. */
export function sharesOf(names) {
  const shares = new Map();
  for (const name of names) shares.set(name, (shares.get(name) ?? 0) + 1 / names.length);
  return shares;
}

export const percent = (share) => `${Math.round(1_000 * (share ?? 0)) / 10}%`;
