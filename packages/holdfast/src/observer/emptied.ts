import type { Holdfast } from "../client.ts";
import type { Engine } from "../engine/engine.ts";
import { advanceAll, cancelFlow, forgetFlow } from "../engine/flow-mover.ts";
import type { Parts } from "../partitions/parts.ts";
import type { QueueKeys } from "../redis/keys.ts";

/** The states that can be emptied. Tasks that are processing belong to their workers. */
export const EMPTIED_STATES = ["pending", "scheduled", "dead", "completed", "cancelled", "expired"] as const;

/** A state that a queue can be emptied of. */
export type EmptiedState = (typeof EMPTIED_STATES)[number];

/** The indexes that have the tasks of a state. */
export const INDEXES: Record<EmptiedState, (keyof QueueKeys)[]> = {
  pending: ["pendingHigh", "pending", "pendingLow", "pendingSolo", "pendingTyped", "pendingKeyed"],
  scheduled: ["scheduled"],
  dead: ["deadLetters"],
  completed: ["completed", "kept"],
  cancelled: ["cancelled"],
  expired: ["expired"],
};

/** A flow of another queue that ends because of a deletion may enqueue its callback in the queue that is deleted. */
const ROUNDS = 3;

/** One call removes at most this many tasks, because more would block Redis for too long. */
export const EMPTY_TASKS = 250;

/** Removes every task of one part that is in one of these states. @returns how many tasks were removed */
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

/** Ends every flow, so that no node waits any more; and tells other parts of it. */
async function endFlows(engine: Engine, end: typeof cancelFlow): Promise<void> {
  for (let after = ""; ; ) {
    const page = await engine.list("flowsDue", "first", after, 100);
    for (const id of page.ids) await end(engine, id);
    after = page.cursor;
    if (after === "") break;
  }
  await advanceAll(engine);
}

/**
 * Removes the parts of a queue with their tasks. @returns how many tasks were removed; null if a part got new tasks
 * meanwhile
 */
export async function deleteParts(client: Holdfast, { all, partitions }: Parts): Promise<number | null> {
  let removed = 0;
  for (const { name, engine } of all) {
    // An earlier deletion may have removed some of the partitions before it failed.
    if (partitions && !(await client.registry.hasQueue(name))) continue;
    await endFlows(engine, cancelFlow);
    for (let emptied = 1, round = 0; emptied > 0 && round < ROUNDS; round++) {
      emptied = await emptyPart(engine, EMPTIED_STATES);
      removed += emptied;
      // Other queues learn that their nodes here are gone, and forget the flows of this queue.
      await endFlows(engine, forgetFlow);
    }
    const deleteKeys = async () => (await engine.delete()) === "deleted";
    if (!(await client.registry.removeQueue(name, deleteKeys))) return null;
  }
  return removed;
}
