import { clausesOfQuery, LIMITS } from "@holdfast/contracts";
import type { TaskFilter } from "holdfast";
import type { Context } from "./context.ts";
import { EXIT, type ExitCode, UsageError } from "./exit.ts";
import { type FilterOptions, taskFilterOf } from "./task-filter.ts";

/** The options that select the tasks of a command: given ids, a filter, or all. */
export interface Selection extends FilterOptions {
  all?: boolean;
  dryRun?: boolean;
  rate?: number;
}

/** The outcomes of tasks that the command did not change. */
const REFUSED = ["not_dead", "not_waiting", "unique_conflict", "key_full"];

/**
 * Returns the filter of a selection, or null if the user gave ids.
 * @throws UsageError unless exactly one of ids, filter and --all is given; QueryError
 */
export function filterOf(ids: readonly string[], selection: Selection): TaskFilter | null {
  const filter = taskFilterOf(selection);
  const filtered = Object.keys(filter).length > 0;
  if (filter.query !== undefined && clausesOfQuery(filter.query).length === 0)
    throw new UsageError("--query is empty: give it a clause, or write --all to select everything");
  if (Number(ids.length > 0) + Number(filtered) + Number(selection.all === true) !== 1)
    throw new UsageError("give one of the three: ids, a filter such as --query or --type, or --all");
  return ids.length > 0 ? null : filter;
}

export async function byIds<
  Result extends { id: string; outcome: string; state?: string | undefined; heldBy?: string | undefined },
>(context: Context, ids: readonly string[], act: (ids: string[]) => Promise<Result[]>): Promise<ExitCode> {
  const results: Result[] = [];
  for (let at = 0; at < ids.length; at += LIMITS.scriptTasks)
    results.push(...(await act(ids.slice(at, at + LIMITS.scriptTasks))));
  context.out.list(results, [
    { title: "ID", cell: ({ id }) => id },
    {
      title: "OUTCOME",
      cell: ({ outcome, heldBy, state }) => ((heldBy ?? state) ? `${outcome}: ${heldBy ?? state}` : outcome),
    },
  ]);
  if (results.some(({ outcome }) => outcome === "not_found")) return EXIT.notFound;
  return results.some(({ outcome }) => REFUSED.includes(outcome)) ? EXIT.conflict : EXIT.ok;
}
