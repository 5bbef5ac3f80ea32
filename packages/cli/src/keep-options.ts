import { LIMITS } from "@holdfast/contracts";
import type { Keep } from "holdfast";
import type { Command } from "./context.ts";
import { parseDuration, parseWhole } from "./values.ts";

/** How long the tasks of a command are kept after their end. */
export interface KeepOptions {
  keepCompleted?: number;
  keepDead?: number;
  keepCount?: number;
}

export function keepOptions(command: Command): Command {
  return command
    .option("--keep-completed <duration>", "how long the task is kept once it completed", parseDuration)
    .option("--keep-dead <duration>", "how long the task is kept as a dead letter", parseDuration)
    .option(
      "--keep-count <n>",
      "keep only this many completed tasks of this type; only tasks with this option count",
      parseWhole(1, LIMITS.keepCount),
    );
}

export function keepOf({ keepCompleted, keepDead, keepCount }: KeepOptions): Keep | undefined {
  const keep: Keep = {
    ...(keepCompleted === undefined ? {} : { completedMs: keepCompleted }),
    ...(keepDead === undefined ? {} : { deadMs: keepDead }),
    ...(keepCount === undefined ? {} : { count: keepCount }),
  };
  return Object.keys(keep).length === 0 ? undefined : keep;
}
