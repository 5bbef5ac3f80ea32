import { existsSync } from "node:fs";
import { DURABILITIES, LIMITS, PRIORITIES, TERMINAL_STATES } from "@holdfast/contracts";
import { checkJson, receivedText } from "@holdfast/contracts/json";
import {
  type Durability,
  type EnqueueReceipt,
  HoldfastError,
  type Priority,
  Queue,
  type TaskOptions,
} from "holdfast";
import { type Action, type Command, type Context, Option } from "../context.ts";
import { EXIT, type ExitCode, UsageError } from "../exit.ts";
import { type KeepOptions, keepOf, keepOptions } from "../keep-options.ts";
import { type UniqueOptions, uniqueOf, uniqueOptions } from "../unique-options.ts";
import { collect, parseDuration, parseTime, parseWhole } from "../values.ts";
import { LineEnqueuer } from "./enqueue-lines.ts";
import { printTask } from "./task.ts";

interface EnqueueOptions extends UniqueOptions, KeepOptions {
  id?: string;
  ifEnded?: "again" | "duplicate";
  priority?: Priority;
  delay?: number;
  runAt?: number;
  maxRetries?: number;
  timeout?: number;
  expiresAt?: number;
  tag?: string[];
  durability?: Durability;
  partitionKey?: string;
  key?: string;
  cost?: number;
  wait?: number;
  ndjson?: string;
  rejects?: string;
}

export function enqueueCommand(program: Command, action: Action): void {
  const command = program
    .command("enqueue")
    .argument("<queue>")
    .argument("[type]", "task type; not with --ndjson")
    .argument("[payload]", "JSON, stored byte for byte; - reads it from standard input (default: null)")
    .option("--id <id>", "an id of your own: the same id with the same task is accepted once")
    .addOption(
      new Option(
        "--if-ended <what>",
        "with --id, if the task with this id ended without completing: again (default) enqueues it, duplicate leaves it as it is",
      ).choices(["again", "duplicate"]),
    )
    .addOption(new Option("--priority <priority>", "urgency").choices(PRIORITIES))
    .option("--delay <duration>", "earliest start from now (5s, 10m, 2h)", parseDuration)
    .option("--run-at <time>", "earliest start (2030-01-31T08:00:00Z)", parseTime)
    .option("--max-retries <n>", "retries after the first attempt", parseWhole(0, LIMITS.maxRetries))
    .option("--timeout <duration>", "longest time of one attempt", parseDuration)
    .option("--expires-at <time>", "do not begin the task after this moment", parseTime)
    .option("--tag <tag>", "a tag; can be repeated", collect)
    .addOption(
      new Option(
        "--durability <level>",
        "where a task has to be stored before the enqueue is confirmed",
      ).choices(DURABILITIES),
    )
    .option("--partition-key <key>", "tasks with the same key go to one partition, in their order")
    .option(
      "--key <key>",
      "tasks with the same key wait in their own line, and the lines of all keys take turns",
    )
    .option("--cost <n>", "how many starts the task counts as in a rate limit", parseWhole(1, LIMITS.cost));
  uniqueOptions(keepOptions(command))
    .option("--wait <duration>", "wait for the end of the task; exit 1 unless it completes", parseDuration)
    .option("--ndjson <file>", "a file with one task per line, fields as in HTTP; - is standard input")
    .option("--rejects <file>", "with --ndjson: write lines that were not accepted to this file")
    .description("enqueues a task, or with --ndjson one per line")
    .action(
      action<EnqueueOptions>(async (context, [queue = "", type, payload], options) => {
        if (options.ndjson !== undefined) {
          const others = Object.keys(options).filter((name) => name !== "ndjson" && name !== "rejects");
          if (type !== undefined || others.length > 0)
            throw new UsageError(
              "with --ndjson each line has its own type and options: leave out those of the command line",
            );
          return enqueueLines(context, queue, options.ndjson, options.rejects);
        }
        if (options.rejects !== undefined) throw new UsageError("--rejects needs --ndjson");
        if (type === undefined)
          throw new UsageError("the type of the task is missing: holdfast enqueue <queue> <type>");
        return enqueueOne(context, queue, type, payload, options);
      }),
    );
}

async function enqueueLines(
  context: Context,
  queue: string,
  path: string,
  rejects: string | undefined,
): Promise<ExitCode> {
  if (path !== "-" && !existsSync(path)) throw new UsageError(`there is no file "${path}"`);
  if (rejects !== undefined && existsSync(rejects))
    throw new UsageError(`the file "${rejects}" already exists: it could hold lines of another run`);
  await context.warnOfNewQueue(queue);
  const producer = new Queue(queue, { client: context.client });
  const lines = new LineEnqueuer(context, producer, rejects);
  const mutation = { action: "task.enqueue_batch", queue } as const;
  const code = await context.recorded(
    mutation,
    () => lines.run(path),
    () => lines.done,
  );
  await producer.close();
  return code;
}

async function enqueueOne(
  context: Context,
  queue: string,
  type: string,
  payload: string | undefined,
  options: EnqueueOptions,
): Promise<ExitCode> {
  const payloadText = payload === "-" ? await readAll(context.io.stdin) : (payload ?? "null");
  checkJson(payloadText, "the payload");
  const isNew = await context.isNewQueue(queue);
  const producer = new Queue(queue, { client: context.client });
  const receipt = await context
    .recorded(
      { action: "task.enqueue", queue, subject: options.id },
      () => producer.enqueueText(type, payloadText.trim(), taskOptions(options)),
      ({ duplicate, id }) => ({ count: duplicate ? 0 : 1, code: null, subject: id }),
    )
    .catch((error: unknown) => {
      if (!(error instanceof HoldfastError) || error.code !== "outcome_unknown") throw error;
      throw new HoldfastError(
        "outcome_unknown",
        `${error.message}. To send it again without making a second task, add --id ${error.taskId ?? options.id} --if-ended duplicate`,
      );
    });
  if (isNew) context.out.say(`holdfast: warning: there was no queue "${queue}"; this task created it`);
  // The state is "purged" if an earlier task had this id, ended and was removed. Then there is no result to wait for.
  const waitMs = receipt.state === "purged" ? undefined : options.wait;
  const ended = waitMs === undefined ? null : await wait(context, producer, receipt.id, waitMs);
  if (ended !== null) return ended;
  context.out.record(receipt, [
    ["id", receipt.id],
    ["state", receipt.state],
    ["duplicate", receipt.duplicate ? duplicateText(receipt) : null],
    ["replaced", receipt.replaced ? "yes: this task holds the unique key and got the payload" : null],
    ["durability", receipt.durability === "memory" ? null : receipt.durability],
  ]);
  return EXIT.ok;
}

function duplicateText({ willRun, deduplicated }: EnqueueReceipt): string {
  if (deduplicated)
    return willRun
      ? "yes: this task holds the unique key"
      : "yes: this task holds the unique key and has ended, nothing will run";
  return willRun
    ? "yes: it was accepted before"
    : "yes: it was accepted before and has ended, nothing will run";
}

/** Waits for the end of the task and prints its state. Returns null if the id belongs to no task any more. */
async function wait(context: Context, producer: Queue, id: string, waitMs: number): Promise<ExitCode | null> {
  const task = await producer.wait(id, { waitMs, signal: context.io.signal }).catch((error: unknown) => {
    context.out.say(`task ${id} was accepted`);
    throw error;
  });
  if (task === null) return null;
  printTask(context, task);
  if (!(TERMINAL_STATES as readonly string[]).includes(task.state))
    context.out.say(
      `holdfast: the task was accepted, but did not end within the time of --wait: it is ${task.state}`,
    );
  return task.state === "completed" ? EXIT.ok : EXIT.failed;
}

function taskOptions(given: EnqueueOptions): TaskOptions {
  const options: TaskOptions = {};
  if (given.id !== undefined) options.id = given.id;
  if (given.ifEnded !== undefined) options.ifEnded = given.ifEnded;
  if (given.priority !== undefined) options.priority = given.priority;
  if (given.delay !== undefined) options.delayMs = given.delay;
  if (given.runAt !== undefined) options.runAt = given.runAt;
  if (given.maxRetries !== undefined) options.maxRetries = given.maxRetries;
  if (given.timeout !== undefined) options.timeoutMs = given.timeout;
  if (given.expiresAt !== undefined) options.expiresAt = given.expiresAt;
  if (given.tag !== undefined) options.tags = given.tag;
  if (given.durability !== undefined) options.durability = given.durability;
  if (given.partitionKey !== undefined) options.partitionKey = given.partitionKey;
  if (given.key !== undefined) options.key = given.key;
  if (given.cost !== undefined) options.cost = given.cost;
  const keep = keepOf(given);
  if (keep !== undefined) options.keep = keep;
  const unique = uniqueOf(given);
  if (unique !== undefined) options.unique = unique;
  return options;
}

async function readAll(stdin: NodeJS.ReadStream): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return receivedText(Buffer.concat(chunks)).bytes.toString();
}
