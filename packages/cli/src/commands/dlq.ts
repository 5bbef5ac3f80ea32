import {
  DEAD_REASONS,
  type DeadLetterFilter,
  type DeadLetterGroup,
  type DeadReason,
  HoldfastError,
  LIMITS,
  type TaskView,
} from "holdfast";
import { type Action, type Command, type Context, Option } from "../context.ts";
import { EXIT, type ExitCode, UsageError } from "../exit.ts";
import { checkJson } from "../json-text.ts";
import type { Column } from "../output.ts";
import { counted, parseWhole, time } from "../values.ts";
import { type ListOptions, listOptions, printPage, printTask, taskOf } from "./task.ts";

interface Selection {
  all?: boolean;
  type?: string;
  reason?: DeadReason;
  dryRun?: boolean;
  rate?: number;
}

const DEAD_COLUMNS: Column<TaskView>[] = [
  { title: "ID", cell: (task) => task.id },
  { title: "TYPE", cell: (task) => task.type },
  { title: "REASON", cell: (task) => task.deadReason ?? "" },
  { title: "ATTEMPTS", cell: (task) => task.attempts, right: true },
  { title: "DIED", cell: (task) => time(task.endedAt) },
  { title: "LAST ERROR", cell: (task) => (task.lastError ?? "").split("\n", 1)[0]?.slice(0, 80) ?? "" },
];

const GROUP_COLUMNS: Column<DeadLetterGroup>[] = [
  { title: "COUNT", cell: (group) => group.count, right: true },
  { title: "TYPE", cell: (group) => group.type },
  { title: "REASON", cell: (group) => group.reason },
  { title: "LAST", cell: (group) => time(group.lastAt) },
  { title: "SAMPLE", cell: (group) => group.sampleIds[0] ?? "" },
  { title: "ERROR", cell: (group) => group.signature },
];

const reasonOption = () => new Option("--reason <reason>", "dead for this reason only").choices(DEAD_REASONS);

function selectionOptions(command: Command): Command {
  return command
    .argument("<queue>")
    .argument("[ids...]")
    .option("--all", "every dead letter of the queue")
    .option("--type <type>", "every one of this type")
    .addOption(reasonOption())
    .option("--rate <n>", "at most so many a second", parseWhole(1, 100_000))
    .option("--dry-run", "count only; change nothing");
}

/** Ids, or a filter, or all: null means the ids. @throws UsageError where it is not exactly one of them */
function filterOf(ids: readonly string[], { all, type, reason }: Selection): DeadLetterFilter | null {
  const filtered = type !== undefined || reason !== undefined;
  if (Number(ids.length > 0) + Number(filtered) + Number(all === true) !== 1)
    throw new UsageError("name ids, or --type and --reason, or --all: one of the three");
  if (ids.length > 0) return null;
  return { ...(type === undefined ? {} : { type }), ...(reason === undefined ? {} : { reason }) };
}

async function byIds<Result extends { id: string; outcome: string }>(
  context: Context,
  ids: readonly string[],
  act: (ids: string[]) => Promise<Result[]>,
): Promise<ExitCode> {
  const results: Result[] = [];
  for (let at = 0; at < ids.length; at += LIMITS.scriptTasks)
    results.push(...(await act(ids.slice(at, at + LIMITS.scriptTasks))));
  context.out.list(results, [
    { title: "ID", cell: ({ id }) => id },
    { title: "OUTCOME", cell: ({ outcome }) => outcome },
  ]);
  if (results.some(({ outcome }) => outcome === "not_found")) return EXIT.notFound;
  return results.some(({ outcome }) => outcome === "not_dead") ? EXIT.conflict : EXIT.ok;
}

/** All that match, with a count of what was done should it be interrupted. */
async function inBulk(
  context: Context,
  verb: string,
  act: (progress: (counts: { done: number; total: number }) => void) => Promise<object>,
): Promise<ExitCode> {
  let reached = { done: 0, total: 0 };
  try {
    const counts = await act((progress) => {
      reached = progress;
      // The library looks at its signal once a page, and a page at one a second takes long.
      context.io.signal.throwIfAborted();
    });
    context.out.record(counts, Object.entries(counts));
    return EXIT.ok;
  } catch (error) {
    context.out.say(`${verb} ${reached.done} of ${reached.total} before it ended; the rest is as it was`);
    if (!context.io.signal.aborted) throw error;
    return EXIT.failed;
  }
}

export function dlqCommand(program: Command, action: Action): void {
  const dlq = program.command("dlq").description("dead letters: look, replay, discard");

  listOptions(dlq.command("ls").alias("list").argument("<queue>"))
    .addOption(reasonOption())
    .description("dead letters, newest first, a page at a time")
    .action(
      action<ListOptions & { reason?: DeadReason }>(async (context, [queue = ""], options) =>
        printPage(context, queue, "dead", options, DEAD_COLUMNS, (task) =>
          options.reason === undefined ? true : task.deadReason === options.reason,
        ),
      ),
    );

  dlq
    .command("groups")
    .argument("<queue>")
    .description("the 1,000 newest dead letters by type, reason and error")
    .action(
      action(async (context, [queue = ""]) => {
        context.out.list((await (await context.observer()).deadLetterGroups(queue)).groups, GROUP_COLUMNS);
      }),
    );

  dlq
    .command("show")
    .argument("<queue>")
    .argument("<id>")
    .description("one dead letter with its attempts")
    .action(
      action(async (context, [queue = "", id = ""]) => {
        const task = await taskOf(context, queue, id);
        if (task.state !== "dead")
          throw new HoldfastError("conflict", `task "${id}" is ${task.state}, no dead letter`);
        printTask(context, task);
      }),
    );

  selectionOptions(dlq.command("replay"))
    .option("--to <queue>", "into another queue")
    .option("--payload <json>", "with this payload instead; with exactly one id")
    .description("puts dead letters back, with all their attempts again")
    .action(
      action<Selection & { to?: string; payload?: string }>(
        async (context, [queue = "", ...ids], options) => {
          const { to, payload: payloadText, rate } = options;
          const filter = filterOf(ids, options);
          if (payloadText !== undefined) checkJson(payloadText, "the payload");
          if (payloadText !== undefined && ids.length !== 1)
            throw new UsageError("--payload goes with exactly one id");
          const observer = await context.observer();
          if (options.dryRun) return dryRun(context, queue, ids, filter);
          const target = to === undefined ? {} : { to };
          if (filter === null)
            return byIds(context, ids, (some) =>
              observer.replay(queue, some, {
                ...target,
                ...(payloadText === undefined ? {} : { payloadText }),
              }),
            );
          return inBulk(context, "replayed", (onProgress) =>
            observer.replayAll(queue, filter, {
              ...target,
              ...(rate === undefined ? {} : { ratePerSecond: rate }),
              signal: context.io.signal,
              onProgress,
            }),
          );
        },
      ),
    );

  selectionOptions(dlq.command("discard"))
    .option("--yes", "needed for --all, --type and --reason: a discard is not undone")
    .description("removes dead letters for good")
    .action(
      action<Selection & { yes?: boolean }>(async (context, [queue = "", ...ids], options) => {
        const filter = filterOf(ids, options);
        const observer = await context.observer();
        if (options.dryRun) return dryRun(context, queue, ids, filter);
        if (filter === null) return byIds(context, ids, (some) => observer.discard(queue, some));
        if (!options.yes) {
          const count = await observer.countDead(queue, filter);
          throw new UsageError(
            `this discards ${counted(count, "dead letter", "dead letters")} for good: add --yes to do it`,
          );
        }
        return inBulk(context, "discarded", (onProgress) =>
          observer.discardAll(queue, filter, {
            ...(options.rate === undefined ? {} : { ratePerSecond: options.rate }),
            signal: context.io.signal,
            onProgress,
          }),
        );
      }),
    );
}

async function dryRun(
  context: Context,
  queue: string,
  ids: readonly string[],
  filter: DeadLetterFilter | null,
): Promise<ExitCode> {
  const observer = await context.observer();
  let matched = 0;
  if (filter !== null) matched = await observer.countDead(queue, filter);
  else for (const id of ids) if ((await observer.task(queue, id))?.state === "dead") matched++;
  context.out.record({ dryRun: true, matched }, [["matched", matched]]);
  return EXIT.ok;
}
