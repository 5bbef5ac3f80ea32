import {
  FAIR_BY,
  HoldfastError,
  type KeyLimits,
  LIMITS,
  type Limit,
  type LimitsView,
  type QueueLimits,
  type SharedLimitView,
  type TaskKeyView,
  type TaskTypeView,
} from "@holdfast/contracts";
import type { Observer } from "holdfast";
import { type Action, Argument, type Command, type Context, Option } from "../context.ts";
import { UsageError } from "../exit.ts";
import type { Column } from "../output.ts";
import { duration, parseDuration, parseWhole, time } from "../values.ts";
import {
  isEmpty,
  type LimitOptions,
  limitOf,
  type PolicyOptions,
  SCOPES,
  type Scope,
  scopedLimitOf,
  withLimit,
  withPolicy,
} from "./limit-options.ts";

/** Returns the limit as text, such as `3 at a time, 10 per 1s (burst 5), weight 2`. */
export function limitText(limit: Limit | null | undefined): string {
  if (!limit || isEmpty(limit)) return "none";
  const { concurrency, rate, weight } = limit;
  return [
    ...(concurrency === undefined ? [] : [`${concurrency} at a time`]),
    ...(rate === undefined
      ? []
      : [`${rate.limit} per ${duration(rate.periodMs)} (burst ${rate.burst ?? 1})`]),
    ...(weight === undefined ? [] : [`weight ${weight}`]),
    ...policyTexts(limit),
  ].join(", ");
}

function policyTexts({ ordered, onDead, whenFull, maxWaiting }: KeyLimits): string[] {
  return [
    ...(ordered ? ["in strict order"] : []),
    ...(onDead === "stop" ? ["stops at a dead letter"] : []),
    ...(whenFull === undefined || whenFull === "wait" ? [] : [`${whenFull} when full`]),
    ...(maxWaiting === undefined ? [] : [`at most ${maxWaiting} wait`]),
  ];
}

type Blocked = Pick<LimitsView, "blockedBy" | "heldUntil" | "nextAt">;

const BLOCK_TEXT: Record<NonNullable<Blocked["blockedBy"]>, string> = {
  hold: "held",
  stopped: "a dead letter: replay it, or hold the key for 0s",
  rate: "rate",
  concurrency: "concurrency",
  shared: "its share of a shared limit",
};

const blockText = ({ blockedBy, heldUntil, nextAt }: Blocked) =>
  blockedBy === null
    ? ""
    : blockedBy === "hold"
      ? `held until ${time(heldUntil)}`
      : `${BLOCK_TEXT[blockedBy]}${nextAt === null ? "" : `, next at ${time(nextAt)}`}`;

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
    ...typesIn(view).map((type) => [`limit of type ${type}`, typeText(view, type)] as const),
    ["keys share", view.limits.fairBy ?? "starts"],
    ...view.shared.map((shared) => [`shares ${shared.name}`, sharedText(shared)] as const),
  ]);
}

/** Returns the types that have a limit or a hold. */
const typesIn = ({ limits, types }: LimitsView) => [
  ...new Set([...Object.keys(limits.types ?? {}), ...types.map(({ type }) => type)]),
];

/** Returns a type as text, such as `5 at a time; 5 run, held back by concurrency`. */
function typeText({ limits, types }: LimitsView, type: string): string {
  const view = types.find((each) => each.type === type);
  const state = view ? `; ${view.running} run${heldBackText(view)}` : "";
  return `${limitText(limits.types?.[type])}${state}`;
}

const heldBackText = (view: TaskTypeView) =>
  view.blockedBy === null ? "" : `, held back by ${blockText(view)}`;

/** Returns a shared limit as text, such as `50 at a time, of orders, mail`. */
const sharedText = ({ limit, queues }: SharedLimitView) => `${limitText(limit)}, of ${queues.join(", ")}`;

const SHARED_COLUMNS: Column<SharedLimitView>[] = [
  { title: "NAME", cell: ({ name }) => name },
  { title: "LIMIT", cell: ({ limit }) => limitText(limit) },
  { title: "QUEUES", cell: ({ queues }) => queues.join(", ") },
  { title: "SHARES NOW", cell: ({ shares }) => Object.entries(shares).map(shareText).join(", ") },
];

const shareText = ([part, { concurrency, rate }]: [string, { concurrency?: number; rate?: number }]) =>
  `${part}: ${[concurrency, rate === undefined ? undefined : `${rate} starts`].filter((text) => text !== undefined).join(" and ")}`;

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
    observer.limits.set(queue, changed(await presentLimits(observer, queue))),
  );
  tell(context, view);
}

/** Returns the limits of a queue, even if the queue does not exist yet. */
export async function presentLimits(observer: Observer, queue: string): Promise<QueueLimits> {
  const known = (await observer.queues()).includes(queue);
  return known ? (await observer.limits.get(queue)).limits : {};
}

export const scopeOption = () =>
  new Option("--scope <scope>", "queue: all tasks together; key: the tasks of each key").choices(SCOPES);

/** The commands for limits that several queues share. */
function sharedCommands(limits: Command, action: Action): void {
  limits
    .command("shared")
    .description("lists the limits that queues share, and what each queue may use now")
    .action(
      action(async (context) => {
        context.out.list(await (await context.observer()).limits.shared(), SHARED_COLUMNS);
      }),
    );

  withLimit(
    limits
      .command("share")
      .argument("<name>")
      .argument("<queues...>")
      .description(
        "sets a limit that several queues share; a janitor divides it among the queues according to their waiting tasks",
      ),
  ).action(
    action<LimitOptions>(async (context, [name = "", ...queues], options) => {
      const { limits: all } = await context.observer();
      const view = await context.recorded({ action: "limit.share", queue: null, subject: name }, () =>
        all.share(name, limitOf(options), queues),
      );
      context.out.list([view], SHARED_COLUMNS);
    }),
  );

  limits
    .command("unshare")
    .argument("<name>")
    .description("ends a limit that queues share")
    .action(
      action(async (context, [name = ""]) => {
        const { limits: all } = await context.observer();
        const ended = await context.recorded({ action: "limit.unshare", queue: null, subject: name }, () =>
          all.unshare(name),
        );
        if (!ended) throw new HoldfastError("not_found", `no shared limit is called "${name}"`);
      }),
    );
}

export function limitsCommand(program: Command, action: Action): Command {
  const limits = program
    .command("limits")
    .description("shows and sets the limits of queues, and holds keys, types and queues");

  limits
    .command("show")
    .argument("<queue>")
    .description("shows the limits of a queue and what holds it back")
    .action(
      action(async (context, [queue = ""]) => {
        tell(context, await (await context.observer()).limits.get(queue));
      }),
    );

  withPolicy(
    withLimit(
      limits
        .command("set")
        .argument("<queue>")
        .addOption(scopeOption().makeOptionMandatory())
        .description("replaces the limit of one scope; the other scope keeps its limit"),
    ),
  ).action(
    action<LimitOptions & PolicyOptions & { scope: Scope }>(
      async (context, [queue = ""], { scope, ...options }) => {
        const limit = scopedLimitOf(scope, options);
        if (isEmpty(limit))
          throw new UsageError(
            "give at least one of --concurrency, --rate, --weight, --ordered, --on-dead, --when-full and --max-waiting",
          );
        await change(context, queue, (before) => ({ ...before, [scope]: limit }));
      },
    ),
  );

  limits
    .command("fair")
    .argument("<queue>")
    .addArgument(
      new Argument("<by>", "what is shared out fairly among the keys of the queue").choices(FAIR_BY),
    )
    .description(
      "sets what is shared out fairly among keys: the number of starts, or the running time of their tasks",
    )
    .action(
      action(async (context, [queue = "", by = "starts"]) => {
        await change(context, queue, (before) => ({ ...before, fairBy: by as QueueLimits["fairBy"] }));
      }),
    );

  sharedCommands(limits, action);

  limits
    .command("clear")
    .argument("<queue>")
    .addOption(scopeOption())
    .description(
      "removes the limits of a queue, or of one scope; the scope key includes --ordered, --on-dead, --when-full and --max-waiting",
    )
    .action(
      action<{ scope?: Scope }>(async (context, [queue = ""], { scope }) => {
        await change(context, queue, (before) =>
          scope === undefined ? {} : { ...before, [scope]: undefined },
        );
      }),
    );

  withLimit(
    limits
      .command("type")
      .argument("<queue>")
      .argument("<type>")
      .option("--clear", "remove the limit of the type")
      .description("shows or sets the limit of a type, which all tasks of the type share"),
  ).action(
    action<LimitOptions & { clear?: boolean }>(async (context, [queue = "", type = ""], options) => {
      const limit = limitOf(options);
      if (options.clear && !isEmpty(limit)) throw new UsageError("--clear cannot be combined with a limit");
      if (!options.clear && isEmpty(limit))
        return tell(context, await (await context.observer()).limits.get(queue));
      await change(context, queue, ({ types, ...before }) => ({
        ...before,
        types: { ...types, [type]: options.clear ? undefined : limit } as QueueLimits["types"],
      }));
    }),
  );

  limits
    .command("keys")
    .argument("<queue>")
    .option("--limit <n>", "keys to list", parseWhole(1, LIMITS.scriptTasks), 100)
    .option("--after <key>", "begin after this key")
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
      .option("--clear", "remove the limit of this key")
      .description("shows a key, or gives it a limit of its own, which replaces the limit for all keys"),
  ).action(
    action<LimitOptions & { for?: number; clear?: boolean }>(
      async (context, [queue = "", key = ""], options) => {
        const { limits: all } = await context.observer();
        const limit = limitOf(options);
        if (options.clear && !isEmpty(limit)) throw new UsageError("--clear cannot be combined with a limit");
        if (options.for !== undefined && isEmpty(limit)) throw new UsageError("--for needs a limit");
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
    .argument("<duration>", "for how long (30s, 10m); 0s ends the hold", parseDuration)
    .option("--key <key>", "only this key of the queue (default: the whole queue)")
    .option("--type <type>", "only this type of the queue")
    .option("--reason <text>", "kept in the audit log")
    .description("prevents tasks of a queue, key or type from starting for some time; running tasks continue")
    .action(
      action<{ key?: string; type?: string; reason?: string }>(
        async (context, [queue = "", span = ""], { key, type, reason }) => {
          const { limits: all } = await context.observer();
          await context.recorded({ action: "queue.hold", queue, subject: key ?? type, reason }, () =>
            all.hold(queue, parseDuration(span), { key, type }),
          );
          if (key === undefined) tell(context, await all.get(queue));
          else tellKey(context, await all.key(queue, key));
        },
      ),
    );

  return limits;
}
