import type { ChangeResult } from "@holdfast/contracts";
import { changeTasks } from "../engine/change.ts";
import type { ClaimedOperation } from "../engine/operation-store.ts";
import type { Parts } from "../partitions/parts.ts";
import { engineAt, walkOf } from "./walk.ts";
import type { Failure, Work } from "./work.ts";

function failureOf({ id, outcome, state, heldBy }: ChangeResult): Failure[] {
  if (outcome === "not_found") return [{ id, code: outcome, detail: "there is no such task" }];
  if (outcome === "not_waiting") return [{ id, code: outcome, detail: `it is ${state}` }];
  if (outcome === "key_full")
    return [{ id, code: outcome, detail: "the key has as many tasks as its limits allow" }];
  if (outcome === "unique_conflict")
    return [{ id, code: outcome, detail: `it waits for the end of the task that holds its key: ${heldBy}` }];
  return [];
}

/**
 * Changes scheduled tasks, or tasks by id. A changed task may wait again, for its new time or for a retry, and the operation
 * could come to it a second time. So it skips tasks that began to wait after the operation began.
 */
export function changeWork(operation: ClaimedOperation, parts: Parts): Work {
  const { change = {} } = operation.spec;
  const how = { waitedBefore: operation.startedAt };
  return {
    ...walkOf(operation, parts, "scheduled"),
    async move({ part, ids }, request) {
      const results = await changeTasks(engineAt(parts, part), ids, change, { request, ...how });
      const changed = results.filter(({ outcome }) => outcome === "changed").length;
      return {
        done: results.length,
        counts: { changed, skipped: results.length - changed },
        failures: results.flatMap(failureOf),
        taskIds: [],
      };
    },
  };
}
