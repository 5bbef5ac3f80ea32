import { isTaskId } from "@holdfast/contracts";
import { checkJson } from "@holdfast/contracts/json";
import { type DeadLetterFilter, HoldfastError, type TaskView } from "holdfast";
import type { Action, Command, Context } from "../context.ts";
import { EXIT, type ExitCode, UsageError } from "../exit.ts";
import type { Column } from "../output.ts";
import { byIds, filterOf, type Selection } from "../selection.ts";
import { deadFilterOptions } from "../task-filter.ts";
import { counted, parseWhole, time } from "../values.ts";
import { runHere } from "./operation.ts";
import { type ListOptions, pageOptions, printPage, printTask, taskOf } from "./task.ts";

const DEAD_COLUMNS: Column<TaskView>[] = [
  { title: "ID", cell: (task) => task.id },
  { title: "TYPE", cell: (task) => task.type },
  { title: "REASON", cell: (task) => task.deadReason ?? "" },
  { title: "ATTEMPTS", cell: (task) => task.attempts, right: true },
  { title: "DIED", cell: (task) => time(task.endedAt) },
  { title: "LAST ERROR", cell: (task) => (task.lastError ?? "").split("\n", 1)[0]?.slice(0, 80) ?? "" },
];

function selectionOptions(command: Command): Command {
  return deadFilterOptions(
    command.argument("<queue>").argument("[ids...]").option("--all", "every dead letter of the queue"),
  )
    .option("--rate <n>", "at most this many per second", parseWhole(1, 100_000))
    .option("--dry-run", "only count; change nothing");
}

/** Replays or discards all matching dead letters, in an operation that this process runs. */
export async function inBulk(
  context: Context,
  spec: { kind: "replay" | "discard"; queue: string; to?: string; force?: boolean },
  filter: DeadLetterFilter,
  rate: number | undefined,
  subject?: string,
): Promise<ExitCode> {
  const observer = await context.observer();
  // `stats` throws if the queue does not exist. Without this call, the command would run an operation that matches no
  // task.
  await observer.stats(spec.queue);
  const done = spec.kind === "replay" ? "replayed" : "discarded";
  const view = await context.recorded(
    { action: `dead_letters.${spec.kind}`, queue: spec.queue, subject },
    () =>
      runHere(context, {
        ...spec,
        selection: { filter },
        ...(rate === undefined ? {} : { ratePerSecond: rate }),
      }),
    ({ result }) => result[done] ?? 0,
  );
  const counts = { [done]: view.result[done] ?? 0, skipped: view.result.skipped ?? 0 };
  context.out.record({ ...counts, operationId: view.id }, [
    ...Object.entries(counts),
    ["operation", view.id],
  ]);
  if (view.error !== null) context.out.say(view.error);
  if (spec.kind === "discard") context.out.say(`to undo it: holdfast operation undo ${view.id}`);
  return view.state === "succeeded" ? EXIT.ok : EXIT.failed;
}

export function dlqCommand(program: Command, action: Action): void {
  const dlq = program.command("dlq").description("shows, replays and discards dead letters");

  pageOptions(deadFilterOptions(dlq.command("ls").alias("list").argument("<queue>")))
    .description("dead letters, newest first, a page at a time")
    .action(
      action<ListOptions>(async (context, [queue = ""], options) =>
        printPage(context, { queue, state: "dead" }, options, DEAD_COLUMNS),
      ),
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
          throw new HoldfastError("conflict", `task "${id}" is ${task.state}, not a dead letter`);
        printTask(context, task);
      }),
    );

  selectionOptions(dlq.command("replay"))
    .option("--to <queue>", "replay into this other queue")
    .option("--payload <json>", "replace the payload; needs exactly one id")
    .option("--force", "also replay tasks whose unique key another task holds")
    .description("puts dead letters back with attempts at zero")
    .action(
      action<Selection & { to?: string; payload?: string; force?: boolean }>(
        async (context, [queue = "", ...ids], options) => {
          const { to, payload: payloadText, rate } = options;
          const filter = filterOf(ids, options);
          if (payloadText !== undefined) checkJson(payloadText, "the payload");
          if (payloadText !== undefined && ids.length !== 1)
            throw new UsageError("--payload needs exactly one id");
          const observer = await context.observer();
          if (options.dryRun) return dryRun(context, queue, ids, filter);
          if (to !== undefined) await context.warnOfNewQueue(to);
          const target = { ...(to === undefined ? {} : { to }), ...(options.force ? { force: true } : {}) };
          const mutation = { action: "dead_letters.replay", queue } as const;
          if (filter === null)
            return byIds(context, ids, (some) =>
              context.recorded(
                mutation,
                () =>
                  observer.replay(queue, some, {
                    ...target,
                    ...(payloadText === undefined ? {} : { payloadText }),
                  }),
                (results) =>
                  results.filter(({ outcome }) => outcome === "replayed" || outcome === "moved").length,
              ),
            );
          return inBulk(context, { kind: "replay", queue, ...target }, filter, rate);
        },
      ),
    );

  selectionOptions(dlq.command("discard"))
    .option("--yes", "needed for --all and for filters")
    .description("removes dead letters; within ten minutes holdfast operation undo puts them back")
    .action(
      action<Selection & { yes?: boolean }>(async (context, [queue = "", ...ids], options) => {
        const filter = filterOf(ids, options);
        const observer = await context.observer();
        if (options.dryRun) return dryRun(context, queue, ids, filter);
        const mutation = { action: "dead_letters.discard", queue } as const;
        if (filter === null)
          return byIds(context, ids, async (some) => {
            await observer.stats(queue);
            for (const id of some) if (!isTaskId(id)) throw new UsageError(`"${id}" is not a valid task id`);
            const view = await context.recorded(
              mutation,
              () => runHere(context, { kind: "discard", queue, selection: { ids: some } }),
              ({ result }) => result.discarded ?? 0,
            );
            context.out.say(`to undo it: holdfast operation undo ${view.id}`);
            return context.client.operations.outcomes(view.id, some, "discarded");
          });
        if (!options.yes) {
          const count = await observer.countDead(queue, filter);
          throw new UsageError(
            `this discards ${counted(count, "dead letter", "dead letters")}; add --yes to confirm`,
          );
        }
        return inBulk(context, { kind: "discard", queue }, filter, options.rate);
      }),
    );
}

export async function dryRun(
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
