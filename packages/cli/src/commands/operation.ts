import { LIMITS } from "@holdfast/contracts";
import { HoldfastError } from "holdfast";
import { finishHere, type OperationSpec } from "holdfast/operate";
import type { Action, Command, Context } from "../context.ts";
import { EXIT, type ExitCode } from "../exit.ts";
import type { Column } from "../output.ts";
import { parseWhole, time } from "../values.ts";

type View = NonNullable<Awaited<ReturnType<Context["client"]["operations"]["get"]>>>;

const COLUMNS: Column<View>[] = [
  { title: "ID", cell: (view) => view.id },
  { title: "KIND", cell: (view) => view.kind },
  { title: "QUEUE", cell: (view) => view.queue },
  { title: "STATE", cell: (view) => view.state },
  { title: "DONE", cell: (view) => `${view.done}/${view.total}`, right: true },
  { title: "STARTED", cell: (view) => time(view.startedAt) },
  { title: "ACTOR", cell: (view) => view.actor },
  { title: "ERROR", cell: (view) => view.error ?? "" },
];

function print(context: Context, view: View): void {
  context.out.record(view, [
    ["id", view.id],
    ["kind", view.kind],
    ["queue", view.queue],
    ["state", view.state],
    ["done", `${view.done} of ${view.total}`],
    ...Object.entries(view.result).map(([name, count]) => [name, count] as const),
    ["failures", view.failures || null],
    ["started", time(view.startedAt)],
    ["ended", time(view.endedAt)],
    ["actor", view.actor],
    ["reason", view.reason],
    [
      "canary",
      view.canary && `${view.canary.state}, ${view.canary.completed} of ${view.canary.size} completed`,
    ],
    ["undo until", time(view.undoUntil)],
    ["undone", time(view.undoneAt)],
    ["error", view.error],
  ]);
}

/**
 * Creates an operation and runs it to its end in this process, so that no service is needed. If this process is
 * interrupted, another process that runs operations (such as observability) continues.
 */
export async function runHere(
  context: Context,
  spec: Omit<OperationSpec, "by">,
  reason?: string,
): Promise<View> {
  const { client } = context;
  const by = context.by(reason);
  const { id } = await client.operations.create({ ...spec, by }, 0);
  return finish(context, id);
}

async function finish(context: Context, id: string): Promise<View> {
  const view = await finishHere(context.client, id, { signal: context.io.signal });
  if (view.endedAt === null)
    context.out.say(
      `operation ${id} continues without this command; to end it: holdfast operation cancel ${id}`,
    );
  return view;
}

export function operationCommand(program: Command, action: Action): void {
  const operation = program
    .command("operation")
    .description("shows, pauses, cancels and undoes operations on many tasks");

  operation
    .command("ls")
    .alias("list")
    .option("--queue <queue>", "only operations on this queue")
    .option("--limit <n>", `rows, 1 to ${LIMITS.pageTasks}`, parseWhole(1, LIMITS.pageTasks), 50)
    .option("--cursor <cursor>", "cursor of the next page")
    .description("lists operations, newest first")
    .action(
      action<{ queue?: string; limit: number; cursor?: string }>(async (context, _args, options) => {
        await context.checked();
        const page = await context.client.operations.list(options);
        context.out.list(page.operations, COLUMNS);
        if (page.cursor !== null) context.out.say(`more: --cursor ${page.cursor}`);
      }),
    );

  operation
    .command("show")
    .argument("<id>")
    .description("shows one operation and its progress")
    .action(
      action(async (context, [id = ""]) => {
        await context.checked();
        const view = await context.client.operations.get(id);
        if (!view) throw new HoldfastError("not_found", `there is no operation ${id}`);
        print(context, view);
      }),
    );

  operation
    .command("failures")
    .argument("<id>")
    .option("--cursor <cursor>", "cursor of the next page")
    .description("lists tasks that an operation could not move, and why")
    .action(
      action<{ cursor?: string }>(async (context, [id = ""], { cursor }) => {
        await context.checked();
        const page = await context.client.operations.failures(id, {
          limit: LIMITS.pageTasks,
          ...(cursor === undefined ? {} : { cursor }),
        });
        context.out.list(page.failures, [
          { title: "ID", cell: (failure) => failure.id },
          { title: "CODE", cell: (failure) => failure.code },
          { title: "DETAIL", cell: (failure) => failure.detail },
        ]);
        if (page.cursor !== null) context.out.say(`more: --cursor ${page.cursor}`);
      }),
    );

  const steer = {
    pause: "pauses an operation after the present batch",
    resume: "continues a paused operation",
    cancel: "ends an operation after the present batch; finished batches are not undone",
  } as const;
  for (const [verb, description] of Object.entries(steer) as [keyof typeof steer, string][]) {
    operation
      .command(verb)
      .argument("<id>")
      .description(description)
      .action(
        action(async (context, [id = ""]) => {
          await context.checked();
          const before = await context.client.operations.get(id);
          const mutation = {
            action: `operation.${verb}`,
            queue: before?.queue ?? null,
            operationId: id,
          } as const;
          const view = await context.recorded(mutation, () => context.client.operations.control(id, verb));
          print(context, view);
        }),
      );
  }

  operation
    .command("undo")
    .argument("<id>")
    .option("--reason <text>", "kept in the audit log")
    .description("puts back discarded tasks, within ten minutes")
    .action(
      action<{ reason?: string }>(async (context, [id = ""], { reason }): Promise<ExitCode> => {
        await context.checked();
        const before = await context.client.operations.get(id);
        const mutation = {
          action: "operation.undo",
          queue: before?.queue ?? null,
          operationId: id,
          ...(reason === undefined ? {} : { reason }),
        } as const;
        const view = await context.recorded(
          mutation,
          async () => finish(context, (await context.client.operations.undo(id, context.by(reason))).id),
          ({ result }) => result.restored ?? 0,
        );
        print(context, view);
        return view.state === "succeeded" ? EXIT.ok : EXIT.failed;
      }),
    );
}
