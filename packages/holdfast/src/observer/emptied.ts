import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { advanceAll, cancelFlow, forgetFlow } from "../engine/flow-mover.ts";
import type { Parts } from "../partitions/parts.ts";
import type { QueueKeys } from "../redis/keys.ts";

/** The states that an operator can empty. Tasks that are processing cannot be removed, because workers hold them. */
export const EMPTIED_STATES = ["pending", "scheduled", "dead", "completed", "cancelled", "expired"] as const;

/** A state that an operator can empty. */
export type EmptiedState = (typeof EMPTIED_STATES)[number];

/** The indexes (lists and sorted sets) with the tasks of each state. */
export const INDEXES: Record<EmptiedState, (keyof QueueKeys)[]> = {
  pending: ["pendingHigh", "pending", "pendingLow", "pendingSolo", "pendingTyped", "pendingKeyed"],
  scheduled: ["scheduled"],
  dead: ["deadLetters"],
  completed: ["completed", "kept"],
  cancelled: ["cancelled"],
  expired: ["expired"],
};

/**
 * How often a queue that is deleted is emptied. Once is not enough, because a flow of another queue that ends meanwhile
 * may still enqueue a callback in the queue.
 */
const ROUNDS = 3;

/** One call removes at most this many tasks. More would block Redis for too long. */
export const EMPTY_TASKS = 250;

/** Removes every task in these states from one queue or partition. @returns how many tasks were removed */
export async function emptyPart(engine: Engine, states: readonly EmptiedState[]): Promise<number> {
  let removed = 0;
  for (const state of states) {
    for (const index of INDEXES[state]) {
      for (let looked = EMPTY_TASKS; looked >= EMPTY_TASKS; ) {
        const step = await engine.empty(index, state, EMPTY_TASKS);
        removed += step.removed;
        looked = step.looked;
      }
    }
  }
  return removed;
}

/** Ends every flow, so that no node waits any more, and tells the other queues and partitions. */
async function endFlows(engine: Engine, end: typeof cancelFlow): Promise<void> {
  for (let after = ""; ; ) {
    const page = await engine.list("flowsDue", "first", after, 100);
    for (const id of page.ids) await end(engine, id);
    after = page.cursor;
    if (after === "") break;
  }
  await advanceAll(engine);
}

/** Deletes a queue with everything in it. @returns how many tasks it had; null if tasks were added meanwhile */
export async function deleteParts(client: Holdfast, { all, partitions }: Parts): Promise<number | null> {
  let removed = 0;
  for (const { name, engine } of all) {
    // An earlier deletion that failed may have removed some partitions already.
    if (partitions && !(await client.registry.hasQueue(name))) continue;
    await endFlows(engine, cancelFlow);
    for (let emptied = 1, round = 0; emptied > 0 && round < ROUNDS; round++) {
      emptied = await emptyPart(engine, EMPTIED_STATES);
      removed += emptied;
      // Tells other queues that their nodes here are gone, and that the flows of this queue are forgotten.
      await endFlows(engine, forgetFlow);
    }
    const deleteKeys = async () => (await engine.delete()) === "deleted";
    if (!(await client.registry.removeQueue(name, deleteKeys))) return null;
  }
  return removed;
}
