import { LIMITS, TASK_EVENT_TYPES } from "@holdfast/contracts";
import { Queue, type QueueEvent, type TaskEventType } from "holdfast";
import { type Action, type Command, Option } from "../context.ts";
import { EXIT } from "../exit.ts";
import { printable } from "../output.ts";
import { collect, parseWhole, time } from "../values.ts";

interface EventsOptions {
  after?: string;
  type?: string[];
  count?: number;
}

function lineOf(event: QueueEvent): string {
  if (event.type === "gap") {
    const missed = event.missed === null ? "events are missing" : `${event.missed} events are missing`;
    return `gap: ${missed}`;
  }
  const { at, type, id, workerId, reason, outcome, resultText } = event;
  const detail = workerId ?? reason ?? outcome ?? resultText ?? "";
  return printable(`${time(at)}  ${type.padEnd(10)}  ${id}  ${detail}`.trimEnd());
}

export function eventsCommand(program: Command, action: Action): void {
  program
    .command("events")
    .argument("<queue>")
    .option(
      "--after <cursor>",
      "start after the event with this cursor; 0: at the oldest event that is kept (default: only events from now on)",
    )
    .addOption(
      new Option("--type <type>", "only events of this type; can be repeated")
        .choices(TASK_EVENT_TYPES)
        .argParser(collect),
    )
    .option("--count <n>", "exit after this many events", parseWhole(1, LIMITS.events))
    .description(
      "prints what happens to the tasks of a queue, until it is interrupted; JSON lines with --json",
    )
    .action(
      action<EventsOptions>(
        async (context, [name = ""], { after, type, count = Number.POSITIVE_INFINITY }) => {
          const { out, io } = context;
          await context.checked();
          const queue = new Queue(name, { client: context.client });
          let left = count;
          let cursor = after;
          try {
            for await (const event of queue.events({
              after,
              types: type as TaskEventType[] | undefined,
              signal: io.signal,
            })) {
              cursor = event.cursor;
              if (out.format === "table") out.line(lineOf(event));
              else out.json(event);
              if (--left === 0 || io.outputError() !== null) break;
            }
          } catch (error) {
            if (!io.signal.aborted) throw error;
          }
          if (out.format === "table" && cursor !== undefined) out.say(`more: --after ${cursor}`);
          return EXIT.ok;
        },
      ),
    );
}
