import { UNIQUE_CONFLICTS, UNIQUE_SCOPES } from "@holdfast/contracts";
import type { Unique, UniqueConflict, UniqueScope } from "holdfast";
import { type Command, Option } from "./context.ts";
import { UsageError } from "./exit.ts";
import { parseDuration } from "./values.ts";

/** The options about the unique key of a task. */
export interface UniqueOptions {
  unique?: string;
  uniqueScope?: UniqueScope;
  uniqueWindow?: number;
  onConflict?: UniqueConflict;
  maxWait?: number;
}

export function uniqueOptions(command: Command): Command {
  return command
    .option("--unique <key>", "accept the task only if no other one holds this unique key")
    .addOption(
      new Option("--unique-scope <scope>", "with --unique: how long a task holds the key").choices(
        UNIQUE_SCOPES,
      ),
    )
    .option(
      "--unique-window <duration>",
      "with --unique-scope window: the length of the window",
      parseDuration,
    )
    .addOption(
      new Option(
        "--on-conflict <what>",
        "with --unique, if another task holds the key: name that task (existing, the default), exit 4 (reject), or give it this payload (replace, debounce, keepLatest)",
      ).choices(UNIQUE_CONFLICTS),
    )
    .option(
      "--max-wait <duration>",
      "with --on-conflict debounce: the longest time from the first enqueue",
      parseDuration,
    );
}

/** @throws UsageError if another option about unique keys is given without --unique */
export function uniqueOf(given: UniqueOptions): Unique | undefined {
  const { unique: key, uniqueScope: scope, uniqueWindow: windowMs, onConflict, maxWait: maxWaitMs } = given;
  const terms = { scope, windowMs, onConflict, maxWaitMs };
  if (key !== undefined)
    return {
      key,
      ...Object.fromEntries(Object.entries(terms).filter(([, value]) => value !== undefined)),
    };
  if (Object.values(terms).some((value) => value !== undefined))
    throw new UsageError("--unique-scope, --unique-window, --on-conflict and --max-wait need --unique <key>");
  return undefined;
}
