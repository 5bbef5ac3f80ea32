import { SYNC_LIMIT } from "@holdfast/contracts/api";
import { HoldfastError } from "holdfast";
import type { OperationSpec } from "holdfast/operate";
import type { ObserverPort } from "../routes/context.ts";
import type { Asker, Operations } from "./operations.ts";
import type { Selection } from "./selection.ts";

/** How many tasks a dry run with ids reads at a time. */
const LOOKUPS_AT_ONCE = 50;
/** If a filter has to read more tasks than this, the request becomes an operation, which counts its tasks. */
const SYNC_SCAN = 5_000;
/** How long a request waits for the end of a small operation before it answers, ms. */
const SMALL_WAIT_MS = 5_000;

interface Matches {
  matched: number;
  scanned?: number;
  total?: number;
  /** Whether the whole queue was read. If not, more tasks may match. */
  isWhole: boolean;
}

const STATES = { dead: ["dead"], scheduled: ["scheduled", "pending"] } as const;

/**
 * Counts the tasks of a selection. For ids this is the number of ids, and only a dry run looks each task up. For a
 * filter, a dry run reads all tasks, and other calls read a limited number.
 * @param how.state the state of the tasks that a filter selects
 */
export async function matching(
  observer: Pick<ObserverPort, "matchDead" | "matchScheduled" | "stats" | "task">,
  queue: string,
  selection: Selection,
  { state, isDryRun, signal }: { state: "dead" | "scheduled"; isDryRun: boolean; signal: AbortSignal },
): Promise<Matches> {
  if ("filter" in selection) {
    const bounds = { ...(isDryRun ? {} : { matched: SYNC_LIMIT, scanned: SYNC_SCAN }), signal };
    return state === "dead"
      ? observer.matchDead(queue, selection.filter, bounds)
      : observer.matchScheduled(queue, selection.filter, bounds);
  }
  if (!isDryRun) {
    // `stats` throws not_found if the queue does not exist. Without this call, an operation would start that matches
    // no task.
    await observer.stats(queue);
    return { matched: selection.ids.length, isWhole: true };
  }
  const states: readonly string[] = STATES[state];
  let matched = 0;
  for (let start = 0; start < selection.ids.length; start += LOOKUPS_AT_ONCE) {
    const slice = selection.ids.slice(start, start + LOOKUPS_AT_ONCE);
    const tasks = await Promise.all(slice.map((id) => observer.task(queue, id)));
    matched += tasks.filter((task) => task && states.includes(task.state)).length;
  }
  return { matched, isWhole: true };
}

/**
 * Starts an operation. If it is small, waits for its end. @throws HoldfastError conflict if a small operation failed
 */
export async function begin(
  operations: Operations,
  spec: OperationSpec,
  { total, isWhole, isSmall }: { total: number; isWhole: boolean; isSmall: boolean },
  request: Asker,
) {
  const begun = await operations.start(spec, total, request, isWhole);
  const view = isSmall ? await operations.settled(begun, SMALL_WAIT_MS) : begun;
  if (isSmall && view.state === "failed")
    throw new HoldfastError("conflict", view.error ?? `operation ${view.id} failed`);
  return { count: total, operationId: view.id, view };
}
