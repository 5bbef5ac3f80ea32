import type { LimitsTrial, QueueLimits, TrialRun } from "@holdfast/contracts";
import { confirmByName } from "../confirm.ts";
import type { Action, Command, Context } from "../context.ts";
import type { Column } from "../output.ts";
import { duration, parseWhole, time, withCommas } from "../values.ts";
import {
  isEmpty,
  type LimitOptions,
  type PolicyOptions,
  type Scope,
  scopedLimitOf,
  withLimit,
  withPolicy,
} from "./limit-options.ts";
import { limitText, presentLimits, scopeOption } from "./limits.ts";

type TryOptions = LimitOptions &
  PolicyOptions & { scope: Scope; slots?: number; apply?: boolean; confirm?: string };

/** A row of the comparison: the recorded run, or one of the two simulated runs. */
type Row = { name: string } & Pick<TrialRun, "wait"> & Partial<TrialRun>;

const number = (value: number | undefined) => (value === undefined ? "" : withCommas(value));

const COLUMNS: Column<Row>[] = [
  { title: "", cell: ({ name }) => name },
  { title: "WAIT P50", cell: ({ wait }) => duration(wait.p50Ms), right: true },
  { title: "WAIT P95", cell: ({ wait }) => duration(wait.p95Ms), right: true },
  { title: "LARGEST BACKLOG", cell: ({ largestBacklog }) => number(largestBacklog), right: true },
  { title: "BACKLOG AT THE END", cell: ({ backlogAtEnd }) => number(backlogAtEnd), right: true },
  { title: "MOST RUNNING", cell: ({ peakRunning }) => number(peakRunning), right: true },
  { title: "SLOTS NEEDED", cell: ({ slotsNeeded }) => number(slotsNeeded), right: true },
];

function lookedAt({ completed, waiting, isCut, firstAt, lastAt }: LimitsTrial): string {
  const tasks = `${withCommas(completed)} completed and ${withCommas(waiting)} waiting${isCut ? " (the newest; there are more)" : ""}`;
  return `${tasks}, of ${duration(lastAt - firstAt)} from ${time(firstAt)}`;
}

function tell({ out }: Context, trial: LimitsTrial, scope: Scope): void {
  const what = scope === "queue" ? "the queue" : "each key";
  out.record(trial, [
    ["queue", trial.queue],
    ["tasks", lookedAt(trial)],
    ["slots", `${withCommas(trial.slots)}; at least ${withCommas(trial.slotsToKeepUp)} to keep up`],
    [`limit of ${what} today`, limitText(trial.limitsToday[scope])],
    [`limit of ${what} tried`, limitText(trial.limits[scope])],
  ]);
  if (out.format !== "table") return;
  out.line("");
  out.list<Row>(
    [
      { name: "recorded", wait: trial.recorded },
      { name: "limits of today", ...trial.today },
      { name: "limits tried", ...trial.tried },
    ],
    COLUMNS,
  );
}

async function apply(
  context: Context,
  queue: string,
  limits: QueueLimits,
  { scope, confirm }: TryOptions,
): Promise<void> {
  const what = `set the limit of ${scope === "queue" ? `queue "${queue}"` : `each key of queue "${queue}"`} to: ${limitText(limits[scope])}`;
  await confirmByName(context, queue, confirm, what, { isFinal: false });
  const observer = await context.observer();
  await context.recorded({ action: "queue.limits", queue }, () => observer.limits.set(queue, limits));
  context.out.say(`holdfast: the limits of ${queue} are set; the next task that starts obeys them`);
}

/** The command `limits try`, which replays recorded tasks under other limits. */
export function limitsTryCommand(limits: Command, action: Action): void {
  withPolicy(
    withLimit(
      limits
        .command("try")
        .argument("<queue>")
        .addOption(scopeOption().makeOptionMandatory())
        .option("--slots <n>", "slots of all workers (default: those that run now)", parseWhole(1, 1_000_000))
        .option("--apply", "set the limit afterwards")
        .option("--confirm <queue>", "with --apply: the name of the queue again; without it the command asks")
        .description(
          "replays recorded tasks under another limit of a scope, or under none, and compares waits and backlogs",
        ),
    ),
  ).action(
    action<TryOptions>(async (context, [queue = ""], options) => {
      const observer = await context.observer();
      const limit = scopedLimitOf(options.scope, options);
      const tried = {
        ...(await presentLimits(observer, queue)),
        [options.scope]: isEmpty(limit) ? undefined : limit,
      };
      const { slots } = options;
      tell(context, await observer.limits.try(queue, tried, { slots }), options.scope);
      if (Object.keys(tried.types ?? {}).length > 0)
        context.out.say("holdfast: the comparison ignores the limits of types");
      if (options.apply) await apply(context, queue, tried, options);
    }),
  );
}
