import { Worker as Thread } from "node:worker_threads";
import { HoldfastError } from "@holdfast/contracts";
import { traceIdOf } from "../tracing/trace-context.ts";
import type { Handler, HandlerContext, HandlerTask } from "../worker/handler.ts";
import { AttemptAborted, resultText } from "../worker/running-task.ts";
import { loadHandlerModules } from "./handler-module.ts";
import type { FromChild, SentError, SentTask, ToChild } from "./messages.ts";
import { receivedError, sentError } from "./sent-error.ts";

/** What runs in a child process: argv holds the pid of the worker and the files of the handlers. One attempt at a time comes over the channel. */

const calls = new Map<number, { resolve: () => void; reject: (error: unknown) => void }>();
let lastCall = 0;
let current: { run: number; abort: AbortController } | undefined;

function say(message: FromChild): void {
  // A channel that is gone ends this process; nobody is left who could be told.
  if (process.connected) process.send?.(message, () => {});
}

function ask(kind: "progress" | "log", run: number, text: string): Promise<void> {
  const call = ++lastCall;
  return new Promise((resolve, reject) => {
    calls.set(call, { resolve, reject });
    say({ kind, run, call, text });
  });
}

/** A task and its context, as in a worker: the payload is parsed when it is first read. */
class SentAttempt implements HandlerTask, HandlerContext {
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  readonly payloadText: string;
  readonly attempt: number;
  readonly enqueuedAt: number;
  readonly tags: readonly string[];
  readonly token: string;
  readonly traceparent: string | null;
  readonly signal: AbortSignal;
  readonly #run: number;
  #payload: { value: unknown } | undefined;

  constructor(task: SentTask, run: number, signal: AbortSignal) {
    this.id = task.id;
    this.type = task.type;
    this.queue = task.queue;
    this.payloadText = task.payloadText;
    this.attempt = task.attempt;
    this.enqueuedAt = task.enqueuedAt;
    this.tags = task.tags;
    this.token = task.token;
    this.traceparent = task.traceparent;
    this.signal = signal;
    this.#run = run;
  }

  get payload(): unknown {
    this.#payload ??= { value: JSON.parse(this.payloadText) };
    return this.#payload.value;
  }

  get traceId(): string | null {
    return this.traceparent === null ? null : traceIdOf(this.traceparent);
  }

  async progress(value: unknown): Promise<void> {
    const text = JSON.stringify(value);
    if (text === undefined) throw new HoldfastError("invalid_argument", "the progress has no JSON form");
    return ask("progress", this.#run, text);
  }

  async log(line: string): Promise<void> {
    return ask("log", this.#run, String(line));
  }
}

async function run(handlers: Record<string, Handler>, number: number, task: SentTask): Promise<void> {
  const abort = new AbortController();
  current = { run: number, abort };
  const attempt = new SentAttempt(task, number, abort.signal);
  let returned: unknown;
  try {
    const handler = handlers[task.type];
    if (!handler) throw new Error(`this process has no handler for "${task.type}"`);
    returned = await handler(attempt, attempt);
  } catch (error) {
    say({ kind: "failed", run: number, error: sentError(error) });
    return;
  }
  try {
    const text = resultText(returned);
    say({ kind: "done", run: number, ...(text === undefined ? {} : { text }) });
  } catch (error) {
    say({ kind: "done", run: number, unstorable: (error as Error).message });
  }
}

function answer(call: number, error: SentError | undefined): void {
  const asked = calls.get(call);
  calls.delete(call);
  if (error) asked?.reject(receivedError(error));
  else asked?.resolve();
}

process.on("disconnect", () => process.exit(0));
process.on("uncaughtExceptionMonitor", (error, origin) => {
  const { name, message, text } = sentError(error);
  say({ kind: "uncaught", message: `${origin}: ${text ?? `${name}: ${message}`}` });
});
new Thread(new URL("./parent-watch.js", import.meta.url), {
  workerData: Number(process.argv[2]),
  execArgv: [],
  resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 },
}).unref();

try {
  const handlers = await loadHandlerModules(process.argv.slice(3));
  process.on("message", (message: ToChild) => {
    if (message.kind === "run") void run(handlers, message.run, message.task);
    else if (message.kind === "answer") answer(message.call, message.error);
    else if (current?.run === message.run)
      current.abort.abort(new AttemptAborted(message.reason, message.message));
  });
  // Closed while the modules were loading, when nobody listened yet.
  if (!process.connected) process.exit(0);
  say({ kind: "ready", types: Object.keys(handlers) });
} catch (error) {
  say({ kind: "broken", message: (error as Error).message });
}
