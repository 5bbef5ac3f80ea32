import { Worker as Thread } from "node:worker_threads";
import { asHoldfastError, HoldfastError } from "@holdfast/contracts";
import type { FlowChild } from "../flows/node-flow.ts";
import type { StepStore } from "../steps/step-store.ts";
import { Steps } from "../steps/steps.ts";
import { AttemptAborted } from "../worker/attempt-aborted.ts";
import { batchSettings } from "../worker/batch.ts";
import type { ContextCalls } from "../worker/context-calls.ts";
import type { Handlers } from "../worker/handler.ts";
import { type Attempt, handlerContext, handlerTask } from "../worker/handler-arguments.ts";
import { HandlerTable } from "../worker/handler-table.ts";
import { checkpointText, logLevel, logText, progressText, storedResult } from "../worker/json-text.ts";
import { readThrown } from "../worker/thrown.ts";
import { loadHandlerModules } from "./handler-module.ts";
import type { FromChild, Refused, SentHandlers, SentTask, ToChild } from "./messages.ts";
import { receivedError } from "./sent-error.ts";

type Answer = Extract<ToChild, { kind: "answer" }>;

/**
 * The code of a child process that runs handlers. Its argument is the process id of the worker. The worker sends one
 * attempt at a time over the IPC channel.
 */

// Stored before a handler is loaded, because a handler might replace process.send.
const send = process.send?.bind(process);
const calls = new Map<number, (answer: Answer) => void>();
let key = "";
let handlers = new HandlerTable({});
let lastCall = 0;
let current: { run: number; abort: AbortController } | undefined;

/**
 * The code of a thread in each child process, which kills the child when its worker is gone. A handler that blocks the
 * event loop would not notice that the channel is closed, and would run for ever. The thread gets this function as
 * text, so it may not use anything outside of it.
 */
function watchParent(parentPid: number): void {
  setInterval(() => {
    if (process.ppid === parentPid) return;
    try {
      // A negative process id stands for the process group of the child, so processes that it has started are killed
      // too.
      process.kill(-process.pid, "SIGKILL");
    } catch {
      process.kill(process.pid, "SIGKILL");
    }
  }, 500);
}

function say(message: FromChild): void {
  // Without a channel the process is about to end, and nobody would get the message.
  if (process.connected) send?.({ key, ...message }, () => {});
}

/** Sends a request to the worker. Resolves with its answer, which may have a text, when the work is done. */
function ask(message: (call: number) => FromChild): Promise<string | undefined> {
  const call = ++lastCall;
  return new Promise((resolve, reject) => {
    calls.set(call, ({ text, error }) => (error ? reject(receivedError(error)) : resolve(text)));
    say(message(call));
  });
}

function reported(value: unknown): { text: string } | { refused: Refused } {
  try {
    return { text: progressText(value) };
  } catch (error) {
    const { code, message } = asHoldfastError(error);
    return { refused: { code: code === "payload_too_large" ? code : "invalid_argument", message } };
  }
}

const notHere = (what: string) =>
  new HoldfastError(
    "invalid_argument",
    `${what} cannot be used in a child process: run this handler in the worker itself`,
  );
/** A step store whose methods are called in the worker. */
function storeOfWorker(run: number): StepStore {
  const asked =
    (method: keyof StepStore) =>
    async (argument?: unknown): Promise<never> => {
      const told = JSON.stringify(argument) ?? "";
      const text = await ask((call) => ({ kind: "steps", run, call, method, argument: told }));
      return (text === undefined ? undefined : JSON.parse(text)) as never;
    };
  return {
    read: asked("read"),
    readText: asked("readText"),
    write: asked("write"),
    wait: asked("wait"),
    call: asked("call"),
    mintId: asked("mintId"),
    readCalled: asked("readCalled"),
    suspend: asked("suspend"),
  };
}

function attemptOf(task: SentTask, run: number, signal: AbortSignal): Attempt {
  let parsed: { value: unknown } | undefined;
  return {
    get payload(): unknown {
      parsed ??= { value: JSON.parse(task.payloadText) };
      return parsed.value;
    },
    signal,
    flow: task.flow && { ...task.flow, add: () => Promise.reject(notHere("ctx.flow.add")) },
    calls: callsOf(task, run, signal),
  };
}

/** The calls of the context. The worker carries them out. */
function callsOf(task: SentTask, run: number, signal: AbortSignal): ContextCalls {
  const stepStore = storeOfWorker(run);
  return {
    progress: async (value) => {
      await ask((call) => ({ kind: "progress", run, call, ...reported(value) }));
    },
    checkpoint: async (value) => {
      const text = checkpointText(value);
      await ask((call) => ({ kind: "checkpoint", run, call, text }));
    },
    readCheckpoint: async () => {
      const text = await ask((call) => ({ kind: "read_checkpoint", run, call }));
      return text === undefined ? undefined : JSON.parse(text);
    },
    log: async (line, options) => {
      const level = logLevel(options?.level);
      await ask((call) => ({ kind: "log", run, call, text: logText(line), level }));
    },
    stepStore,
    steps: new Steps(stepStore, { taskId: task.id, signal: () => signal, suspends: true }),
    // biome-ignore lint/correctness/useYield: it only refuses
    async *children(): AsyncGenerator<FlowChild> {
      if (task.flow) throw notHere("ctx.children");
    },
  };
}

async function run(number: number, task: SentTask): Promise<void> {
  const abort = new AbortController();
  current = { run: number, abort };
  const attempt = attemptOf(task, number, abort.signal);
  try {
    const entry = handlers.find(task.type);
    if (!entry) throw new Error(`this process has no handler for "${task.type}"`);
    const returned = await entry.handler(handlerTask(task, attempt), handlerContext(task, attempt));
    const { text, tooLarge } = storedResult(returned);
    const kept = text === undefined ? {} : { text };
    say({ kind: "done", run: number, ...kept, ...(tooLarge ? { tooLarge: tooLarge.message } : {}) });
  } catch (error) {
    say({ kind: "failed", run: number, error: readThrown(error) });
  }
}

/** Returns the options of the handlers in a form that can be sent. @throws Error if an option cannot be sent */
function sentHandlers(loaded: Handlers): SentHandlers {
  return Object.fromEntries(
    Object.entries(loaded).map(([rule, entry]) => {
      if (batchSettings(entry))
        throw new Error(
          `"${rule}" is a batch handler, which cannot run in child processes, because each of them runs one task at a time: run it in the worker itself (in the worker service, HANDLER_ISOLATION=none)`,
        );
      if (typeof entry === "function") return [rule, {}];
      const { handler: _, ...options } = entry;
      for (const [name, value] of Object.entries(options))
        if (typeof value === "function")
          throw new Error(
            `${name} of "${rule}" is a function, which cannot be used from a child process: give it to the worker, new Worker(queue, handlers, { ${name} })`,
          );
      return [rule, options];
    }),
  );
}

async function start(message: Extract<ToChild, { kind: "start" }>): Promise<void> {
  key = message.key;
  try {
    const loaded = await loadHandlerModules(message.files);
    handlers = new HandlerTable(loaded);
    say({ kind: "ready", handlers: sentHandlers(loaded) });
  } catch (error) {
    say({ kind: "broken", message: (error as Error).message });
  }
}

process.on("message", (message: ToChild) => {
  if (message.kind === "run") void run(message.run, message.task);
  else if (message.kind === "abort") {
    if (current?.run === message.run)
      current.abort.abort(new AttemptAborted(message.reason, message.message));
  } else if (message.kind === "answer") {
    calls.get(message.call)?.(message);
    calls.delete(message.call);
  } else void start(message);
});
process.on("disconnect", () => process.exit(0));
process.on("uncaughtExceptionMonitor", (error, origin) => {
  const { name, message, text } = readThrown(error);
  say({ kind: "uncaught", message: `${origin}: ${text ?? `${name}: ${message}`}` });
});
new Thread(`(${watchParent})(${Number(process.argv[2])})`, {
  eval: true,
  execArgv: [],
  resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 2 },
}).unref();
