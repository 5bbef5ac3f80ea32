import { DEAD_REASONS } from "@holdfast/contracts";
import type { DeadReason, TaskFilter } from "holdfast";
import { type Command, Option } from "./context.ts";
import { parseTime } from "./values.ts";

export interface FilterOptions {
  query?: string;
  type?: string;
  tag?: string;
  flow?: string;
  search?: string;
  error?: string;
  since?: number;
  until?: number;
  reason?: DeadReason;
  signature?: string;
}

/** Adds the filter options to a command. @param times the event that --since and --until refer to */
export function filterOptions(
  command: Command,
  times = "enqueued, due or ended (depends on the state)",
): Command {
  return command
    .option("--query <query>", "tasks that a query selects, such as 'type:email.* attempts:>2'")
    .option("--type <type>", "tasks of exactly this type")
    .option("--tag <tag>", "tasks with exactly this tag")
    .option("--flow <id>", "nodes and callbacks of this flow")
    .option(
      "--search <text>",
      "with this text in the id, type, payload, last error or a tag; upper and lower case are equal",
    )
    .option("--error <text>", "with this text in the last error; upper and lower case are equal")
    .option("--since <time>", `${times} at this time or later`, parseTime)
    .option("--until <time>", `${times} before this time`, parseTime);
}

/** Adds the filter options, and the options that only dead letters have. */
export function deadFilterOptions(command: Command): Command {
  return filterOptions(command, "that died")
    .addOption(new Option("--reason <reason>", "tasks that are dead for this reason").choices(DEAD_REASONS))
    .option(
      "--signature <text>",
      "tasks that died of this error, by its signature in errors ls; other: without a signature",
    );
}

/** Returns the filter of the given options. An empty filter selects everything. */
export function taskFilterOf(options: FilterOptions): TaskFilter {
  const { query, type, tag, flow, search: q, error, since: from, until: to, reason, signature } = options;
  return Object.fromEntries(
    Object.entries({ query, type, tag, flow, q, error, from, to, reason, signature }).filter(
      ([, value]) => value !== undefined,
    ),
  );
}
