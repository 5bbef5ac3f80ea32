import { LIMITS, LISTED_STATES } from "@holdfast/contracts";
import { type AttemptView, HoldfastError, type ListedState, type TaskView } from "holdfast";
import { type Action, type Command, type Context, Option } from "../context.ts";
import { EXIT, UsageError } from "../exit.ts";
import { type Column, tableLines } from "../output.ts";
import { type FilterOptions, filterOptions, taskFilterOf } from "../task-filter.ts";
import { counted, parseWhole, time, withCommas } from "../values.ts";
import { taskChangeCommand } from "./task-change.ts";

const ATTEMPT_COLUMNS: Column<AttemptView>[] = [
  { title: "ATTEMPT", cell: (attempt) => `${attempt.generation}.${attempt.attempt}` },
  { title: "OUTCOME", cell: (attempt) => attempt.outcome },
  { title: "STARTED", cell: (attempt) => time(attempt.startedAt) },
  { title: "ENDED", cell: (attempt) => time(attempt.endedAt) },
  { title: "WORKER", cell: (attempt) => attempt.workerId },
  { title: "ERROR", cell: (attempt) => attempt.error ?? "" },
];

const TASK_COLUMNS: Column<TaskView>[] = [
  { title: "ID", cell: (task) => task.id },
  { title: "TYPE", cell: (task) => task.type },
  { title: "STATE", cell: (task) => task.state },
  { title: "ATTEMPTS", cell: (task) => task.attempts, right: true },
  { title: "ENQUEUED", cell: (task) => time(task.enqueuedAt) },
  { title: "LAST ERROR", cell: (task) => (task.lastError ?? "").split("\n", 1)[0]?.slice(0, 80) ?? "" },
];

const QUEUE_COLUMN: Column<TaskView> = { title: "QUEUE", cell: (task) => task.queue };

function scheduleText(schedule: TaskView["schedule"]): string | null {
  if (schedule === null) return null;
  const { id, run, dueAt } = schedule;
  return `${id}, ${run === null ? "run by hand" : `run ${run}`}, ${time(dueAt)}`;
}

export function printTask(context: Context, task: TaskView): void {
  context.out.record(task, [
    ["id", task.id],
    ["queue", task.queue],
    ["type", task.type],
    ["state", task.state],
    ["reason", task.deadReason],
    ["priority", task.priority],
    ["attempts", task.attempts],
    ["crashes", task.crashes || null],
    ["generation", task.generation || null],
    ["enqueued", time(task.enqueuedAt)],
    ["due", time(task.runAt)],
    ["expires", time(task.expiresAt)],
    ["lease until", time(task.leaseExpiresAt)],
    ["worker", task.workerId],
    ["ended", time(task.endedAt)],
    ["kept until", time(task.keptUntil)],
    ["cancel requested", task.cancelRequested || null],
    ["changed", task.changes && `${task.changes.fields.join(", ")}; last at ${time(task.changes.lastAt)}`],
    ["tags", task.tags.join(", ")],
    ["schedule", scheduleText(task.schedule)],
    ["unique key", task.unique?.key ?? null],
    ["key held by", task.unique?.holder ?? null],
    ["progress", task.progress],
    ["payload", task.payloadText],
    ["result", task.resultText],
    ["last error", task.lastError],
  ]);
  if (context.out.format !== "table" || task.history.length === 0) return;
  context.out.line("");
  for (const line of tableLines(task.history, ATTEMPT_COLUMNS)) context.out.line(line);
}

/** @throws HoldfastError task_not_found */
export async function taskOf(context: Context, queue: string, id: string): Promise<TaskView> {
  const task = await (await context.observer()).task(queue, id);
  if (!task) throw new HoldfastError("task_not_found", `queue "${queue}" has no task "${id}"`);
  return task;
}

export interface ListOptions extends FilterOptions {
  limit: number;
  cursor?: string;
}

export function pageOptions(command: Command): Command {
  return command
    .option("--limit <n>", `rows, 1 to ${LIMITS.pageTasks}`, parseWhole(1, LIMITS.pageTasks), 50)
    .option("--cursor <cursor>", "cursor of the next page");
}

/**
 * Prints a page to stdout, and the cursor of the next page to stderr, so that it does not mix with the data.
 * @param where without a queue: all queues; without a state: all states in which a task can match
 */
export async function printPage(
  context: Context,
  where: { queue?: string | undefined; state?: ListedState | undefined },
  options: ListOptions,
  columns: Column<TaskView>[],
): Promise<void> {
  const { queue, state } = where;
  const { limit, cursor } = options;
  const observer = await context.observer();
  const filter = { limit, ...(cursor === undefined ? {} : { cursor }), ...taskFilterOf(options) };
  const page =
    queue !== undefined && state !== undefined
      ? await observer.list(queue, { state, ...filter })
      : await observer.search(queue === undefined ? await observer.queues() : [queue], filter);
  context.out.list(page.tasks, columns);
  if (options.query !== undefined)
    context.out.say(`scanned ${withCommas(page.scanned)} of ${counted(page.total, "task", "tasks")}`);
  if (page.cursor !== null) context.out.say(`more: --cursor ${page.cursor}`);
}

/** Parses the data of a signal. @throws HoldfastError invalid_json */
function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new HoldfastError("invalid_json", `the data is not JSON: ${(error as Error).message}`, {
      cause: error,
    });
  }
}

export function taskCommand(program: Command, action: Action): void {
  const task = program
    .command("task")
    .description("shows, cancels, changes and signals tasks, and says why one does not run");

  task
    .command("get")
    .argument("<queue>")
    .argument("<id>")
    .description("shows a task with all its attempts")
    .action(
      action(async (context, [queue = "", id = ""]) => printTask(context, await taskOf(context, queue, id))),
    );

  pageOptions(
    filterOptions(
      task.command("ls").alias("list").argument("[queue]", "the queue; all queues if it is left out"),
    ),
  )
    .addOption(
      new Option(
        "--state <state>",
        "tasks in this state (default: pending; with --query or without a queue: all)",
      ).choices(LISTED_STATES),
    )
    .description("lists tasks, page by page")
    .action(
      action<ListOptions & { state?: ListedState }>(async (context, [queue], options) => {
        if (queue === undefined && options.state !== undefined)
          throw new UsageError("--state needs a queue; for all queues write --query 'state:dead'");
        const isPlain = queue !== undefined && options.query === undefined;
        const state = options.state ?? (isPlain ? "pending" : undefined);
        const columns = queue === undefined ? [QUEUE_COLUMN, ...TASK_COLUMNS] : TASK_COLUMNS;
        return printPage(context, { queue, state }, options, columns);
      }),
    );

  task
    .command("cancel")
    .argument("<queue>")
    .argument("<id>")
    .description("ends a waiting task at once; asks the worker of a running one to stop")
    .action(
      action(async (context, [queue = "", id = ""]) => {
        const observer = await context.observer();
        const outcome = await context.recorded(
          { action: "task.cancel", queue, subject: id },
          () => observer.cancel(queue, id),
          (outcome) => (outcome === "cancelled" || outcome === "requested" ? 1 : 0),
        );
        if (outcome === "not_found")
          throw new HoldfastError("task_not_found", `queue "${queue}" has no task "${id}"`);
        if (outcome === "too_late")
          throw new HoldfastError("too_late", `task "${id}" has ended: see holdfast task get ${queue} ${id}`);
        context.out.record({ id, queue, outcome }, [[id, outcome]]);
        if (outcome === "requested") context.out.say("the task is running; its worker was asked to stop it");
      }),
    );

  taskChangeCommand(task, action);

  task
    .command("signal")
    .argument("<queue>")
    .argument("<id>")
    .argument("<event>")
    .argument("[data]", "a JSON value")
    .description("gives a task a signal, for which its handler waits or will wait")
    .action(
      action(async (context, [queue = "", id = "", event = "", data]) => {
        const observer = await context.observer();
        const value = data === undefined ? undefined : jsonOf(data);
        const outcome = await context.recorded(
          { action: "task.signal", queue, subject: id },
          () => observer.signal(queue, id, event, value),
          (outcome) => (outcome === "delivered" || outcome === "kept" ? 1 : 0),
        );
        if (outcome === "not_found")
          throw new HoldfastError("task_not_found", `queue "${queue}" has no task "${id}"`);
        if (outcome === "ended")
          throw new HoldfastError("too_late", `task "${id}" has ended: see holdfast task get ${queue} ${id}`);
        context.out.record({ id, queue, event, outcome }, [[id, outcome]]);
      }),
    );

  task
    .command("why")
    .argument("<queue>")
    .argument("<id>")
    .description("says why a task does not run")
    .action(
      action(async (context, [queue = "", id = ""]) => {
        const why = await (await context.observer()).why(queue, id);
        if (!why) {
          context.out.say(`holdfast: queue "${queue}" has no task "${id}"`);
          return EXIT.notFound;
        }
        context.out.record(why, [
          ["state", why.state],
          ["reason", why.reason],
          ["detail", why.detail],
          [
            "position",
            why.position === null ? null : `${why.position}${why.positionIsEstimate ? " (estimate)" : ""}`,
          ],
          ["expected start", time(why.expectedStartAt)],
        ]);
      }),
    );
}
