import { readFileSync } from "node:fs";
import { isQueueName, isTaskType } from "@holdfast/contracts";
import { HoldfastError, Queue } from "holdfast";
import { type Action, type Command, type Context, InvalidArgumentError } from "../context.ts";
import { EXIT, type ExitCode, UsageError } from "../exit.ts";
import { BullMqImport } from "../import/bullmq-import.ts";
import { type Mapping, MOVED_STATES, type MovedState } from "../import/bullmq-job.ts";
import { BullMqSource } from "../import/bullmq-source.ts";
import { printReport } from "../import/report.ts";
import { redisSettings } from "../redis-address.ts";
import { parseWhole } from "../values.ts";

/** The number of the lowest priority in BullMQ, where lower numbers are more urgent. */
const LEAST_URGENT = 2_097_152;

interface ImportBullMqOptions {
  from?: string;
  fromFile?: string;
  fromPrefix: string;
  queue: string;
  to?: string;
  state?: MovedState[];
  type?: Map<string, string>;
  highUpTo?: number;
  lowFrom: number;
  remove?: boolean;
  evenIfRunning?: boolean;
  dryRun?: boolean;
}

function collectState(text: string, before: MovedState[] = []): MovedState[] {
  const state = MOVED_STATES.find((each) => each === text);
  if (state === undefined) throw new InvalidArgumentError(`It has to be one of ${MOVED_STATES.join(", ")}.`);
  return [...new Set([...before, state])];
}

function collectType(text: string, before = new Map<string, string>()): Map<string, string> {
  const [, name, type] = /^(.*)=([^=]*)$/s.exec(text) ?? [];
  if (name === undefined || !isTaskType(type))
    throw new InvalidArgumentError(
      "It has to be the name of jobs and a task type, such as 'Send mail=mail.send'.",
    );
  return new Map(before).set(name, type);
}

export function importCommand(program: Command, action: Action): void {
  program
    .command("import")
    .description("moves waiting work of another system into a queue")
    .command("bullmq")
    .description(
      "copies the waiting, delayed and failed jobs of a BullMQ queue; if it is run again, it adds no known job twice",
    )
    .option(
      "--from <url>",
      "address of the Redis of BullMQ; other users of this machine can see a password in it",
    )
    .option("--from-file <file>", "a file that contains the URL of --from")
    .option("--from-prefix <prefix>", "first part of the keys of BullMQ", "bull")
    .requiredOption("--queue <name>", "the queue of BullMQ")
    .option("--to <queue>", "the queue of Holdfast (default: the one with the same name)")
    .option(
      "--state <state>",
      `move only jobs in this state: ${MOVED_STATES.join(", ")}; can be repeated`,
      collectState,
    )
    .option("--type <name=type>", "the task type of jobs of this name; can be repeated", collectType)
    .option("--high-up-to <n>", "priorities 0 to n become high (default: none)", parseWhole(0, LEAST_URGENT))
    .option("--low-from <n>", "priorities of n and more become low", parseWhole(1, LEAST_URGENT + 1), 1)
    .option("--remove", "remove each job from BullMQ once its task is stored")
    .option("--even-if-running", "import even if the queue of BullMQ is not paused")
    .option("--dry-run", "read and report only")
    .action(action<ImportBullMqOptions>((context, _, options) => importBullMq(context, options)));
}

async function importBullMq(context: Context, options: ImportBullMqOptions): Promise<ExitCode> {
  const to = options.to ?? options.queue;
  if (!isQueueName(to)) throw new UsageError(`"${to}" is not a valid queue name: add --to <queue>`);
  const { highUpTo = -1, lowFrom, type = new Map() } = options;
  if (highUpTo >= lowFrom) throw new UsageError("--high-up-to has to be less than --low-from");
  const settings = redisSettings(context.io.env, addressOf(options), "--from");
  const source = new BullMqSource(settings, options.fromPrefix, options.queue);
  try {
    await source.open();
    const mapping: Mapping = { queue: options.queue, types: type, highUpTo, lowFrom };
    return await run(context, source, { ...options, to, mapping });
  } finally {
    await source.close();
  }
}

function addressOf({ from, fromFile }: ImportBullMqOptions): string {
  if ((from === undefined) === (fromFile === undefined))
    throw new UsageError("give the Redis of BullMQ: either --from <url> or --from-file <file>");
  if (fromFile === undefined) return from as string;
  try {
    return readFileSync(fromFile, "utf8").trim();
  } catch (error) {
    throw new UsageError(`--from-file: ${(error as Error).message}`);
  }
}

async function run(
  context: Context,
  source: BullMqSource,
  options: ImportBullMqOptions & { to: string; mapping: Mapping },
): Promise<ExitCode> {
  const { to, dryRun = false, mapping } = options;
  if (!dryRun && !options.evenIfRunning && !(await source.isPaused()))
    throw new HoldfastError(
      "conflict",
      `BullMQ queue "${source.queue}" is not paused, so its workers could run what is imported: pause it (queue.pause()), or add --even-if-running`,
    );
  if (!dryRun) await context.warnOfNewQueue(to);
  const target = dryRun
    ? null
    : { queue: new Queue(to, { client: context.client }), observer: await context.observer() };
  const { state: states = MOVED_STATES, remove = false } = options;
  const moving = new BullMqImport(source, target, { states, mapping, remove, signal: context.io.signal });
  const about = {
    action: "task.enqueue_batch",
    queue: to,
    reason: `import of BullMQ queue ${source.queue}`,
  } as const;
  const { schedulers, ...left } = await source.left();
  const work = dryRun
    ? () => moving.run()
    : () =>
        context.recorded(
          about,
          () => moving.run(),
          () => ({ count: moving.moved, code: null, interrupted: context.io.signal.aborted }),
        );
  try {
    await work();
  } finally {
    await target?.queue.close();
    printReport(context.out, {
      ...{ from: source.where, queue: source.queue, to, dryRun, states: moving.counts },
      ...{ left, schedulers, notes: moving.notes.all },
    });
  }
  if (context.io.signal.aborted) {
    context.out.say("holdfast: interrupted: the same command continues where this one stopped");
    return EXIT.failed;
  }
  return moving.refused > 0 ? EXIT.failed : EXIT.ok;
}
