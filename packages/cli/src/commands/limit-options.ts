import { type KeyLimits, type Limit, ON_DEAD, WHEN_FULL } from "@holdfast/contracts";
import { type Command, Option } from "../context.ts";
import { UsageError } from "../exit.ts";
import { parseRate, parseWhole } from "../values.ts";

const MOST = 1_000_000;
export const SCOPES = ["queue", "key"] as const;
export type Scope = (typeof SCOPES)[number];

export interface LimitOptions {
  concurrency?: number;
  rate?: { limit: number; periodMs: number };
  burst?: number;
  weight?: string;
}

/** Adds the options that describe a limit to a command. */
export const withLimit = (command: Command) =>
  command
    .option("--concurrency <n>", "how many tasks may run at one time", parseWhole(1, MOST))
    .option("--rate <n/period>", "how many tasks may start in a period: 10/1s, 100/1m", parseRate)
    .option(
      "--burst <n>",
      "with --rate: how many may start at once after a pause (default: 1)",
      parseWhole(1, MOST),
    )
    .option("--weight <n>", "share of the turns in comparison with other keys, 0.001 to 1000 (default: 1)");

export function limitOf({ concurrency, rate, burst, weight }: LimitOptions): Limit {
  if (burst !== undefined && rate === undefined) throw new UsageError("--burst needs --rate");
  return {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(rate === undefined ? {} : { rate: { ...rate, ...(burst === undefined ? {} : { burst }) } }),
    ...(weight === undefined ? {} : { weight: Number(weight) }),
  };
}

export const isEmpty = (limit: Limit) => Object.keys(limit).length === 0;

/** The options for the order in which tasks with the same key run. */
export interface PolicyOptions {
  ordered?: boolean;
  onDead?: KeyLimits["onDead"];
  whenFull?: KeyLimits["whenFull"];
  maxWaiting?: number;
}

export const withPolicy = (command: Command) =>
  command
    .option(
      "--ordered",
      "for keys: a failed task keeps its place, and later tasks of its key wait until it ends (needs --concurrency 1)",
    )
    .addOption(
      new Option(
        "--on-dead <what>",
        "with --ordered: whether a key continues after one of its tasks became a dead letter",
      ).choices(ON_DEAD),
    )
    .addOption(
      new Option(
        "--when-full <what>",
        "for keys: what happens to a new task if its key already has as many running tasks as allowed",
      ).choices(WHEN_FULL),
    )
    .option(
      "--max-waiting <n>",
      "for keys: refuse a new task if this many tasks of its key wait",
      parseWhole(1, MOST),
    );

const policyOf = ({ ordered, onDead, whenFull, maxWaiting }: PolicyOptions): KeyLimits => ({
  ...(ordered === undefined ? {} : { ordered }),
  ...(onDead === undefined ? {} : { onDead }),
  ...(whenFull === undefined ? {} : { whenFull }),
  ...(maxWaiting === undefined ? {} : { maxWaiting }),
});

/** Returns the limit that the options set for a scope. It is empty if no option sets one. */
export function scopedLimitOf(scope: Scope, options: LimitOptions & PolicyOptions): KeyLimits {
  const policy = policyOf(options);
  if (scope === "queue" && !isEmpty(policy))
    throw new UsageError("--ordered, --on-dead, --when-full and --max-waiting need --scope key");
  return { ...limitOf(options), ...policy };
}
