import { DURABILITIES, type Durability, LIMITS, type QueueSettings } from "@holdfast/contracts";
import { type EmptiedState, type QueueStats, Schedules } from "holdfast";
import { EMPTIED_STATES } from "holdfast/operate";
import { confirmByName } from "../confirm.ts";
import { type Action, type Command, type Context, InvalidArgumentError, Option } from "../context.ts";
import { EXIT, UsageError } from "../exit.ts";
import type { Column } from "../output.ts";
import { counted, duration, parseDuration, parseWhole, time } from "../values.ts";
import { runHere } from "./operation.ts";

const MOST_TASKS = 1_000_000_000;

const QUEUE_COLUMNS: Column<QueueStats>[] = [
  { title: "QUEUE", cell: (stats) => stats.queue },
  { title: "STATE", cell: (stats) => (stats.paused ? "paused" : "running") },
  { title: "PENDING", cell: (stats) => stats.pending, right: true },
  {
    title: "OLDEST",
    cell: (stats) => (stats.pending > 0 ? duration(stats.oldestPendingAgeMs) : ""),
    right: true,
  },
  { title: "PROCESSING", cell: (stats) => stats.processing, right: true },
  { title: "SCHEDULED", cell: (stats) => stats.scheduled, right: true },
  { title: "DEAD", cell: (stats) => stats.dead, right: true },
  { title: "COMPLETED", cell: (stats) => stats.totals.acked, right: true },
];

interface ConfirmOptions {
  confirm?: string;
  reason?: string;
}

interface EmptyOptions extends ConfirmOptions {
  state?: EmptiedState[];
  all?: boolean;
}

function collectState(text: string, before: EmptiedState[] = []): EmptiedState[] {
  const state = EMPTIED_STATES.find((each) => each === text);
  if (state === undefined)
    throw new InvalidArgumentError(`It has to be one of ${EMPTIED_STATES.join(", ")}.`);
  return [...before, state];
}

export function queueCommand(program: Command, action: Action): void {
  const queue = program.command("queue").description("shows, pauses, resumes, empties and deletes queues");

  queue
    .command("ls")
    .alias("list")
    .description("lists every queue with its counts; COMPLETED has all tasks since the queue was created")
    .action(
      action(async (context) => {
        context.out.list(await (await context.observer()).snapshot(), QUEUE_COLUMNS);
      }),
    );

  queue
    .command("show")
    .argument("<queue>")
    .description("shows counts, totals and settings of one queue")
    .action(
      action(async (context, [name = ""]) => {
        const observer = await context.observer();
        const stats = await observer.stats(name);
        const { high, normal, low } = stats.pendingByPriority;
        context.out.record(stats, [
          ["queue", stats.queue],
          ["state", stats.paused ? `paused${stats.pauseReason ? `: ${stats.pauseReason}` : ""}` : "running"],
          ["paused by", stats.pausedBy],
          ["paused since", time(stats.pausedAt)],
          ["partitions", stats.partitions],
          [
            "pending",
            `${stats.pending} (high ${high}, normal ${normal}, low ${low}, solo ${stats.pendingSolo}, with a key ${stats.pendingKeyed})`,
          ],
          ["oldest pending", stats.pending > 0 ? duration(stats.oldestPendingAgeMs) : ""],
          ...(["processing", "scheduled", "dead", "completed", "cancelled", "expired"] as const).map(
            (state) => [state, stats[state]] as const,
          ),
          ...Object.entries(stats.totals).map(([name, value]) => [`total ${name}`, value] as const),
          ...Object.entries(stats.settings).map(([name, value]) => [`setting ${name}`, value] as const),
        ]);
      }),
    );

  queue
    .command("pause")
    .argument("<queue>")
    .option("--reason <text>", "the reason, shown to everybody who looks at the paused queue", "")
    .description(
      "stops workers from acquiring tasks of a queue; running tasks continue, and enqueues are accepted",
    )
    .action(
      action<{ reason: string }>(async (context, [name = ""], { reason }) => {
        const observer = await context.observer();
        const mutation = {
          action: "queue.pause",
          queue: name,
          ...(reason === "" ? {} : { reason }),
        } as const;
        await context.recorded(mutation, () => observer.pause(name, reason, context.by().actor));
        context.out.record({ queue: name, paused: true }, [[name, "paused"]]);
      }),
    );

  queue
    .command("resume")
    .argument("<queue>")
    .description("lets workers acquire tasks of a queue again")
    .action(
      action(async (context, [name = ""]) => {
        const observer = await context.observer();
        await context.recorded({ action: "queue.resume", queue: name }, () => observer.resume(name));
        context.out.record({ queue: name, paused: false }, [[name, "running"]]);
      }),
    );

  configureCommand(queue, action);

  queue
    .command("partition")
    .argument("<queue>")
    .argument("<count>", "how many, 1 to 256", parseWhole(1, LIMITS.partitions))
    .description("sets the number of partitions of a queue, so that it uses several nodes of a Cluster")
    .action(
      action(async (context, [name = "", count = ""]) => {
        const observer = await context.observer();
        const { partitions } = await context.recorded({ action: "queue.partition", queue: name }, () =>
          observer.partition(name, Number(count)),
        );
        context.out.record({ queue: name, partitions }, [["partitions", partitions]]);
      }),
    );

  queue
    .command("empty")
    .argument("<queue>")
    .addOption(
      new Option("--state <state>", "remove the tasks in this state; can be repeated")
        .choices(EMPTIED_STATES)
        .argParser(collectState),
    )
    .option("--all", "remove the tasks in every state but processing")
    .option("--confirm <queue>", "the name of the queue again; without it the command asks on the terminal")
    .option("--reason <text>", "kept in the audit log")
    .description("removes every task in some states; this cannot be undone; running tasks stay")
    .action(
      action<EmptyOptions>(async (context, [name = ""], options) => {
        const { state = [], all = false, reason } = options;
        if (all === state.length > 0)
          throw new UsageError("give one of the two: --state for some states, or --all");
        const states: readonly EmptiedState[] = all ? EMPTIED_STATES : [...new Set(state)];
        const stats = await (await context.observer()).stats(name);
        const total = states.reduce((sum, each) => sum + stats[each], 0);
        const what = `remove ${counted(total, "task", "tasks")} of queue "${name}" (${states.join(", ")})`;
        await confirmByName(context, name, options.confirm, what);
        const view = await context.recorded(
          { action: "queue.empty", queue: name, reason },
          () => runHere(context, { kind: "empty", queue: name, states: [...states] }, reason),
          ({ result }) => result.removed ?? 0,
        );
        const removed = view.result.removed ?? 0;
        context.out.record({ queue: name, removed, operationId: view.id }, [["removed", removed]]);
        return view.state === "succeeded" ? EXIT.ok : EXIT.failed;
      }),
    );

  queue
    .command("delete")
    .alias("rm")
    .argument("<queue>")
    .option("--confirm <queue>", "the name of the queue again; without it the command asks on the terminal")
    .option("--reason <text>", "kept in the audit log")
    .description(
      "deletes a paused queue and everything in it; this cannot be undone; none of its tasks may run",
    )
    .action(
      action<ConfirmOptions>(async (context, [name = ""], { confirm, reason }) => {
        const observer = await context.observer();
        const stats = await observer.stats(name);
        const total = EMPTIED_STATES.reduce((sum, state) => sum + stats[state], 0);
        const what = `delete queue "${name}" with ${counted(total, "task", "tasks")}`;
        await confirmByName(context, name, confirm, what);
        const { removed } = await context.recorded(
          { action: "queue.delete", queue: name, reason },
          () => observer.deleteQueue(name),
          (done) => done.removed,
        );
        context.out.record({ queue: name, removed }, [["removed", removed]]);
        await warnOfSchedules(context, name);
      }),
    );
}

interface SettingOptions {
  maxWaiting?: number;
  retention?: number;
  retentionCount?: number;
  idempotency?: number;
  durability?: Durability;
  maxDead?: number;
  maxDeadAge?: number;
  maxEvents?: number;
  reason?: string;
}

/** Returns only the settings that the user gave on the command line. */
function settingsOf({ retention, idempotency, maxDeadAge, reason: _, ...same }: SettingOptions) {
  return {
    ...same,
    ...(retention === undefined ? {} : { retentionMs: retention }),
    ...(idempotency === undefined ? {} : { idempotencyMs: idempotency }),
    ...(maxDeadAge === undefined ? {} : { maxDeadAgeMs: maxDeadAge }),
  } satisfies Partial<QueueSettings>;
}

function configureCommand(queue: Command, action: Action): void {
  queue
    .command("configure")
    .argument("<queue>")
    .option(
      "--max-waiting <count>",
      "refuse enqueues while this many tasks wait; 0: no limit",
      parseWhole(0, MOST_TASKS),
    )
    .option("--retention <time>", "how long to keep ended tasks, such as 24h or 7d", parseDuration)
    .option(
      "--retention-count <count>",
      "how many ended tasks of each state to keep",
      parseWhole(0, 10_000_000),
    )
    .option("--idempotency <time>", "how long to remember the id of a task after its end", parseDuration)
    .addOption(
      new Option("--durability <level>", "durability of enqueues that do not name one").choices([
        ...DURABILITIES,
      ]),
    )
    .option(
      "--max-dead <count>",
      "keep at most this many dead letters; the oldest ones above that are deleted for good; 0: no limit",
      parseWhole(0, MOST_TASKS),
    )
    .option(
      "--max-dead-age <time>",
      "delete dead letters that are older than this for good, such as 30d; 0s: no limit",
      parseDuration,
    )
    .option(
      "--max-events <count>",
      "how many events of tasks to keep at least, for readers; 0: none",
      parseWhole(0, LIMITS.events),
    )
    .option("--reason <text>", "kept in the audit log")
    .description("changes settings of a queue; those that are not named stay as they are")
    .action(
      action<SettingOptions>(async (context, [name = ""], options) => {
        const { reason } = options;
        const settings = settingsOf(options);
        if (Object.keys(settings).length === 0)
          throw new UsageError("name at least one setting, such as --max-dead 10000");
        await context.warnOfNewQueue(name);
        const observer = await context.observer();
        const changed = await context.recorded({ action: "queue.configure", queue: name, reason }, () =>
          observer.configure(name, settings),
        );
        context.out.record({ queue: name, ...changed }, [
          ["queue", name],
          ...Object.entries(changed).map(([setting, value]) => [setting, value] as const),
        ]);
      }),
    );
}

/** Warns if a deleted queue has schedules, because their next tasks create the queue again. */
async function warnOfSchedules(context: Context, queue: string): Promise<void> {
  const found = await new Schedules({ client: context.client }).list({ queue });
  if (found.length === 0) return;
  const ids = found.map(({ id }) => id).join(", ");
  context.out.say(
    `holdfast: warning: ${counted(found.length, "schedule will", "schedules will")} create the queue again: ${ids}`,
  );
}
