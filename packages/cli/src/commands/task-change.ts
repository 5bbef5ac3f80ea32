import { PRIORITIES, type Priority } from "@holdfast/contracts";
import { checkJson } from "@holdfast/contracts/json";
import type { TaskChange } from "holdfast";
import { type Action, type Command, type Context, Option } from "../context.ts";
import { EXIT, type ExitCode, UsageError } from "../exit.ts";
import { byIds, filterOf, type Selection } from "../selection.ts";
import { filterOptions } from "../task-filter.ts";
import { counted, parseDuration, parseTime, parseWhole } from "../values.ts";
import { runHere } from "./operation.ts";

interface ChangeOptions extends Selection {
  now?: boolean;
  delay?: number;
  runAt?: number;
  priority?: Priority;
  /** The new key of the task; false for --no-key. */
  key?: string | false;
  payload?: string;
  yes?: boolean;
}

/**
 * @throws UsageError if no change is given, or if two options give a time; HoldfastError invalid_json
 */
function changeOf({ now, delay, runAt, priority, key, payload }: ChangeOptions): TaskChange {
  const times = [now, delay, runAt].filter((time) => time !== undefined);
  if (times.length > 1) throw new UsageError("--now, --delay and --run-at cannot be combined");
  if (payload !== undefined) checkJson(payload, "the payload");
  const change: TaskChange = {
    ...(now ? { delayMs: 0 } : {}),
    ...(delay === undefined ? {} : { delayMs: delay }),
    ...(runAt === undefined ? {} : { runAt }),
    ...(priority === undefined ? {} : { priority }),
    ...(key === undefined ? {} : { key: key === false ? null : key }),
    ...(payload === undefined ? {} : { payloadText: payload }),
  };
  if (Object.keys(change).length === 0)
    throw new UsageError(
      "say what to change: --now, --delay, --run-at, --priority, --key, --no-key or --payload",
    );
  return change;
}

/** Changes all matching scheduled tasks, in an operation that this process runs. */
async function inBulk(
  context: Context,
  queue: string,
  filter: object,
  { key, payloadText, ...change }: TaskChange,
  rate: number | undefined,
): Promise<ExitCode> {
  if (key !== undefined || payloadText !== undefined)
    throw new UsageError("--key, --no-key and --payload need ids");
  const view = await context.recorded(
    { action: "task.change", queue },
    () =>
      runHere(context, {
        ...{ kind: "change", queue, selection: { filter }, change },
        ...(rate === undefined ? {} : { ratePerSecond: rate }),
      }),
    ({ result }) => result.changed ?? 0,
  );
  const counts = { changed: view.result.changed ?? 0, skipped: view.result.skipped ?? 0 };
  context.out.record({ ...counts, operationId: view.id }, [
    ...Object.entries(counts),
    ["operation", view.id],
  ]);
  if (view.error !== null) context.out.say(view.error);
  return view.state === "succeeded" ? EXIT.ok : EXIT.failed;
}

/** The command `task change`. */
export function taskChangeCommand(task: Command, action: Action): void {
  filterOptions(
    task
      .command("change")
      .argument("<queue>")
      .argument("[ids...]")
      .option("--all", "every scheduled task of the queue, including those that wait for a retry"),
    "due",
  )
    .option("--now", "run them now")
    .option("--delay <duration>", "due this long from now (5s, 10m, 2h)", parseDuration)
    .option("--run-at <time>", "due at this time (2030-01-31T08:00:00Z)", parseTime)
    .addOption(new Option("--priority <priority>", "another priority").choices(PRIORITIES))
    .option("--key <key>", "another key; needs ids")
    .option("--no-key", "remove the key; needs ids")
    .option("--payload <json>", "another payload; needs exactly one id")
    .option("--rate <n>", "at most this many per second", parseWhole(1, 100_000))
    .option("--yes", "needed for --all and for filters")
    .option("--dry-run", "only count; change nothing")
    .description("gives tasks that wait another time, priority, key or payload, or runs them now")
    .action(
      action<ChangeOptions>(async (context, [queue = "", ...ids], options) => {
        const change = changeOf(options);
        const filter = filterOf(ids, options);
        if (change.payloadText !== undefined && ids.length !== 1)
          throw new UsageError("--payload needs exactly one id");
        const observer = await context.observer();
        if (options.dryRun) {
          const matched =
            filter === null ? ids.length : (await observer.matchScheduled(queue, filter)).matched;
          context.out.record({ dryRun: true, matched }, [["matched", matched]]);
          return EXIT.ok;
        }
        if (filter === null) {
          const [subject] = ids.length === 1 ? ids : [];
          const mutation = { action: "task.change", queue, ...(subject ? { subject } : {}) } as const;
          return byIds(context, ids, (some) =>
            context.recorded(
              mutation,
              () => observer.change(queue, some, change),
              (results) => results.filter(({ outcome }) => outcome === "changed").length,
            ),
          );
        }
        // `matchScheduled` throws if the queue does not exist. Without this call, the command would run an operation
        // that matches no task.
        const { matched } = await observer.matchScheduled(queue, filter);
        if (!options.yes)
          throw new UsageError(
            `this changes ${counted(matched, "scheduled task", "scheduled tasks")}; add --yes to confirm`,
          );
        return inBulk(context, queue, filter, change, options.rate);
      }),
    );
}
