import { LIMITS, type Limit, type LimitsView, type QueueLimits, type TaskKeyView } from "@holdfast/contracts";
import type { Observer } from "holdfast";
import { type Action, type Command, type Context, Option } from "../context.ts";
import { UsageError } from "../exit.ts";
import type { Column } from "../output.ts";
import { duration, parseDuration, parseRate, parseWhole, time } from "../values.ts";

const MOST = 1_000_000;
const SCOPES = ["queue", "key"] as const;

interface LimitOptions {
  concurrency?: number;
  rate?: { limit: number; periodMs: number };
  burst?: number;
  weight?: string;
}

/** The options of a limit, for each command that sets one. */
const withLimit = (command: Command) =>
  command
    .option("--concurrency <n>", "how many tasks may run at one time", parseWhole(1, MOST))
    .option("--rate <n/period>", "how many may start in a time: 10/1s, 100/1m", parseRate)
    .option(
      "--burst <n>",
      "with --rate: how many may start at once after a rest (default: 1)",
      parseWhole(1, MOST),
    )
    .option("--weight <n>", "share of turns compared with other keys, 0.001 to 1000 (default: 1)");

function limitOf({ concurrency, rate, burst, weight }: LimitOptions): Limit {
  if (burst !== undefined && rate === undefined) throw new UsageError("--burst goes with --rate");
  return {
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(rate === undefined ? {} : { rate: { ...rate, ...(burst === undefined ? {} : { burst }) } }),
    ...(weight === undefined ? {} : { weight: Number(weight) }),
  };
}

const isEmpty = (limit: Limit) => Object.keys(limit).length === 0;

/** `3 at a time, 10 per 1s (burst 5), weight 2`. */
function limitText(limit: Limit | null | undefined): string {
  if (!limit || isEmpty(limit)) return "none";
  const { concurrency, rate, weight } = limit;
  return [
    ...(concurrency === undefined ? [] : [`${concurrency} at a time`]),
    ...(rate === undefined
      ? []
      : [`${rate.limit} per ${duration(rate.periodMs)} (burst ${rate.burst ?? 1})`]),
    ...(weight === undefined ? [] : [`weight ${weight}`]),
  ].join(", ");
}

type Blocked = Pick<TaskKeyView, "blockedBy" | "heldUntil" | "nextAt">;

const blockText = ({ blockedBy, heldUntil, nextAt }: Blocked) =>
  blockedBy === null
    ? ""
    : blockedBy === "hold"
      ? `held until ${time(heldUntil)}`
      : `${blockedBy}${nextAt === null ? "" : `, next at ${time(nextAt)}`}`;

const KEY_COLUMNS: Column<TaskKeyView>[] = [
  { title: "KEY", cell: (view) => view.key },
  { title: "WAITING", cell: (view) => view.waiting, right: true },
  { title: "RUNNING", cell: (view) => view.running, right: true },
  { title: "HELD BACK BY", cell: blockText },
  { title: "OWN LIMIT", cell: (view) => (view.limit ? limitText(view.limit) : "") },
];

function tell(context: Context, view: LimitsView): void {
  context.out.record(view, [
    ["queue", view.queue],
    ["running", view.running],
    ["held back by", blockText(view)],
    ...SCOPES.map(
      (scope) =>
        [`limit of ${scope === "queue" ? "the queue" : "each key"}`, limitText(view.limits[scope])] as const,
    ),
  ]);
}

function tellKey(context: Context, view: TaskKeyView): void {
  context.out.record(view, [
    ["key", view.key],
    ["waiting", view.waiting],
    ["running", view.running],
    ["held back by", blockText(view)],
    ["own limit", limitText(view.limit)],
    ["own limit until", time(view.limitUntil)],
  ]);
}

async function change(
  context: Context,
  queue: string,
  changed: (limits: QueueLimits) => QueueLimits,
): Promise<void> {
  const observer = await context.observer();
  const view = await context.recorded({ action: "queue.limits", queue }, async () =>
    observer.limits.set(queue, changed(await present(observer, queue))),
  );
  tell(context, view);
}

/** The limits of a queue, which need not exist. */
async function present(observer: Observer, queue: string): Promise<QueueLimits> {
  const known = (await observer.queues()).includes(queue);
  return known ? (await observer.limits.get(queue)).limits : {};
}

const scopeOption = () =>
  new Option("--scope <scope>", "queue: all tasks together; key: the tasks of each key").choices(SCOPES);

export function limitsCommand(program: Command, action: Action): void {
  const limits = program
    .command("limits")
    .description("shows and sets the limits of queues, and holds keys and queues");

  limits
    .command("show")
    .argument("<queue>")
    .description("shows the limits of a queue and what holds it back")
    .action(
      action(async (context, [queue = ""]) => {
        tell(context, await (await context.observer()).limits.get(queue));
      }),
    );

  withLimit(
    limits
      .command("set")
      .argument("<queue>")
      .addOption(scopeOption().makeOptionMandatory())
      .description("sets the limit of a scope, in place of the one before; the other scope keeps its limit"),
  ).action(
    action<LimitOptions & { scope: (typeof SCOPES)[number] }>(
      async (context, [queue = ""], { scope, ...options }) => {
        const limit = limitOf(options);
        if (isEmpty(limit)) throw new UsageError("give at least one of --concurrency, --rate and --weight");
        await change(context, queue, (before) => ({ ...before, [scope]: limit }));
      },
    ),
  );

  limits
    .command("clear")
    .argument("<queue>")
    .addOption(scopeOption())
    .description("takes the limits of a queue away, of one scope or of both")
    .action(
      action<{ scope?: (typeof SCOPES)[number] }>(async (context, [queue = ""], { scope }) => {
        await change(context, queue, (before) =>
          scope === undefined ? {} : { ...before, [scope]: undefined },
        );
      }),
    );

  limits
    .command("keys")
    .argument("<queue>")
    .option("--limit <n>", "keys to list", parseWhole(1, LIMITS.scriptTasks), 100)
    .option("--after <key>", "go on behind this key")
    .description("lists the keys with waiting tasks")
    .action(
      action<{ limit: number; after?: string }>(async (context, [queue = ""], { limit, after }) => {
        const page = await (await context.observer()).limits.keys(queue, { limit, cursor: after });
        context.out.list(page.keys, KEY_COLUMNS);
        if (page.cursor !== null)
          context.out.say(`holdfast: there are more: --after ${JSON.stringify(page.cursor)}`);
      }),
    );

  withLimit(
    limits
      .command("key")
      .argument("<queue>")
      .argument("<key>")
      .option("--for <duration>", "with a limit: how long it holds (default: for ever)", parseDuration)
      .option("--clear", "take its own limit away")
      .description("shows a key, or gives it a limit of its own in place of that of all keys"),
  ).action(
    action<LimitOptions & { for?: number; clear?: boolean }>(
      async (context, [queue = "", key = ""], options) => {
        const { limits: all } = await context.observer();
        const limit = limitOf(options);
        if (options.clear && !isEmpty(limit)) throw new UsageError("--clear goes without a limit");
        if (options.for !== undefined && isEmpty(limit)) throw new UsageError("--for goes with a limit");
        if (!options.clear && isEmpty(limit)) return tellKey(context, await all.key(queue, key));
        const view = await context.recorded({ action: "queue.key_limit", queue, subject: key }, () =>
          all.setKey(queue, key, options.clear ? null : limit, { forMs: options.for }),
        );
        tellKey(context, view);
      },
    ),
  );

  limits
    .command("hold")
    .argument("<queue>")
    .argument("<duration>", "for how long (30s, 10m); 0s lets it go on", parseDuration)
    .option("--key <key>", "one key of it (default: the whole queue)")
    .option("--reason <text>", "kept in the audit log")
    .description("lets no task of a queue or key start for some time; running tasks go on")
    .action(
      action<{ key?: string; reason?: string }>(async (context, [queue = "", span = ""], { key, reason }) => {
        const { limits: all } = await context.observer();
        await context.recorded({ action: "queue.hold", queue, subject: key, reason }, () =>
          all.hold(queue, parseDuration(span), { key }),
        );
        if (key === undefined) tell(context, await all.get(queue));
        else tellKey(context, await all.key(queue, key));
      }),
    );
}
