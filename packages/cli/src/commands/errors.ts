import { ERROR_KINDS, ERROR_ORDERS, type ErrorsQuery } from "@holdfast/contracts";
import type { ErrorView } from "holdfast";
import { selectErrors } from "holdfast/operate";
import { type Action, type Command, Option } from "../context.ts";
import type { Column } from "../output.ts";
import { parseWhole, time, withCommas } from "../values.ts";

const COLUMNS: Column<ErrorView>[] = [
  { title: "QUEUE", cell: (error) => error.queue },
  { title: "SIGNATURE", cell: (error) => error.signature ?? "" },
  { title: "DEAD", cell: (error) => error.dead, right: true },
  { title: "FAILURES", cell: (error) => error.failures, right: true },
  { title: "FIRST", cell: (error) => time(error.firstAt) },
  { title: "LAST", cell: (error) => time(error.lastAt) },
  { title: "TYPE", cell: (error) => error.type },
  { title: "", cell: (error) => (error.mute ? "muted" : error.isNew ? "new" : "") },
  { title: "ERROR", cell: (error) => error.title.slice(0, 80) },
];

export function errorsCommand(program: Command, action: Action): void {
  const errors = program.command("errors").description("shows and mutes the errors of queues");

  errors
    .command("ls")
    .alias("list")
    .argument("[queue]", "all queues by default")
    .option("--type <type>", "errors of tasks of this type")
    .option("--search <text>", "text in the error, its type or its tags")
    .addOption(
      new Option("--kind <kind>", "which errors; open: not muted").choices(ERROR_KINDS).default("open"),
    )
    .addOption(new Option("--sort <order>", "what comes first").choices(ERROR_ORDERS).default("last"))
    .description("errors with exact counts; dlq replay --signature replays the dead letters of one")
    .action(
      action<ErrorsQuery & { search?: string }>(async (context, [queue], { search: q, kind, sort, type }) => {
        const view = await (await context.observer()).errors(queue === undefined ? undefined : [queue]);
        context.out.list(selectErrors(view.errors, { q, kind, sort, type }), COLUMNS);
        for (const { queue, dead } of view.other)
          if (dead > 0)
            context.out.say(
              `${queue}: ${withCommas(dead)} dead letters without a signature (--signature other)`,
            );
      }),
    );

  errors
    .command("mute")
    .argument("<queue>")
    .argument("<signature>")
    .option("--for <ms>", "ends after this time", parseWhole(1_000, 31_536_000_000))
    .option("--failures <n>", "ends after this many more failures", parseWhole(1, 1_000_000_000))
    .description("leaves an error out of the open ones")
    .action(
      action<{ for?: number; failures?: number }>(
        async (context, [queue = "", signature = ""], { for: forMs, failures }) => {
          const observer = await context.observer();
          const mute = await context.recorded(
            { action: "error.mute", queue, subject: signature },
            () => observer.muteError(queue, signature, { by: "cli", forMs, failures }),
            () => 0,
          );
          context.out.record({ queue, signature, mute }, [["until", time(mute?.until ?? null)]]);
        },
      ),
    );

  errors
    .command("unmute")
    .argument("<queue>")
    .argument("<signature>")
    .description("shows a muted error among the open ones again")
    .action(
      action(async (context, [queue = "", signature = ""]) => {
        const observer = await context.observer();
        await context.recorded(
          { action: "error.unmute", queue, subject: signature },
          () => observer.muteError(queue, signature, null),
          () => 0,
        );
        context.out.record({ queue, signature, mute: null }, [["unmuted", signature]]);
      }),
    );
}
