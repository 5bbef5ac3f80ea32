import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { HoldfastError } from "@holdfast/contracts";
import { isText, listOf, MAX_TIMER_MS, whole } from "../options/kinds.ts";
import { checkShape, shapeOf, shown } from "../options/shape.ts";
import { ownCode } from "../own-code.ts";
import { AttemptAborted } from "../worker/attempt-aborted.ts";
import type { Handler, HandlerContext, Handlers, HandlerTask } from "../worker/handler.ts";
import { JsonText } from "../worker/json-text.ts";
import { type HandlerProcess, type RunEnd, unstorable } from "./handler-process.ts";
import { ProcessPool } from "./pool.ts";

/** Options of `isolated`. */
export interface IsolationOptions {
  /**
   * The most child processes. Each runs one attempt at a time. Give the worker the same `concurrency`, because
   * otherwise attempts wait for a process while their leases run. 1 to 1_000. @default 4
   */
  processes?: number | undefined;
  /**
   * The most memory of a child, both for its heap and for its resident set. A child that uses more is killed. Node
   * alone takes about 60. Megabytes, 128 to 65_536. @default 256
   */
  memoryMb?: number | undefined;
  /**
   * How long a handler may run after its signal was aborted. After a time-out it is killed at once. Milliseconds.
   * @default 5_000
   */
  killAfterMs?: number | undefined;
  /** After this many attempts, a child ends and is replaced. @default 10_000 */
  recycleAfter?: number | undefined;
  /** A child that has been idle for this long ends. Milliseconds. @default 60_000 */
  idleMs?: number | undefined;
  /** How long a child may take to load the modules. Milliseconds. @default 30_000 */
  startMs?: number | undefined;
  /** Flags of Node for the children, such as `["--import", "tsx"]`. @default none */
  execArgv?: readonly string[] | undefined;
  /** The environment of the children. @default the environment of this process, including its secrets */
  env?: NodeJS.ProcessEnv | undefined;
}

export const isolationShape = shapeOf<IsolationOptions>({
  what: "isolated()",
  title: "Isolation",
  example: "{ processes: 4 }",
  kinds: {
    processes: whole(1, 1_000),
    memoryMb: whole(128, 65_536),
    killAfterMs: whole(0, 3_600_000),
    recycleAfter: whole(1, Number.MAX_SAFE_INTEGER),
    idleMs: whole(1, MAX_TIMER_MS),
    startMs: whole(1, 3_600_000),
    execArgv: listOf({ wants: "a flag", is: isText }, "a list of flags of Node", 0, 1_000),
    env: {
      wants: "an object of variables",
      is: (value) => typeof value === "object" && value !== null,
      isSecret: true,
    },
  },
  hints: {
    concurrency: "processes",
    memory: "memoryMb",
    timeout: "the time-out is an option of the task: timeoutMs",
  },
});

/** Handlers that run in child processes. */
export interface IsolatedHandlers {
  /** The handlers for `new Worker(queue, handlers, …)`. */
  readonly handlers: Handlers;
  /** The process ids of the running children. */
  readonly pids: number[];
  /** Ends the children. Call it after `worker.stop()`. Resolves when all have ended. May be called several times. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/**
 * Loads handlers in child processes, never in this one, and passes each attempt on to one of them. If an attempt
 * exceeds its time-out, its memory or its time after an abort, its process is killed and the attempt fails as
 * `HandlerKilled`. The same happens if the process ends by itself. The worker, its leases and its other attempts are
 * not affected.
 * @param modules path or file URL of a module that exports `handlers` (or of several such modules), in the form that
 * the worker service loads
 * @throws HoldfastError invalid_argument if an option is out of range or a module does not load
 */
export async function isolated(
  modules: string | URL | readonly (string | URL)[],
  options: IsolationOptions = {},
): Promise<IsolatedHandlers> {
  const isModule = (value: unknown) => typeof value === "string" || value instanceof URL;
  const list = (isModule(modules) ? [modules] : modules) as readonly (string | URL)[];
  if (!Array.isArray(list) || list.length === 0 || !list.every(isModule))
    throw new HoldfastError(
      "invalid_argument",
      `isolated() takes the path or file URL of a module, or several, got ${shown(modules)}`,
    );
  checkShape(isolationShape, options);
  const { killAfterMs = 5_000 } = options;
  const pool = new ProcessPool({
    code: await ownCode("isolationChild"),
    files: list.map(fileOf),
    processes: options.processes ?? 4,
    memoryMb: options.memoryMb ?? 256,
    recycleAfter: options.recycleAfter ?? 10_000,
    idleMs: options.idleMs ?? 60_000,
    startMs: options.startMs ?? 30_000,
    execArgv: options.execArgv ?? [],
    env: options.env,
  });
  const sent = await pool.start();
  const handler: Handler = (task, ctx) => runIn(pool, task, ctx, killAfterMs);
  return {
    handlers: Object.fromEntries(
      Object.entries(sent).map(([rule, options]) => [
        rule,
        Object.keys(options).length === 0 ? handler : { handler, ...options },
      ]),
    ),
    get pids() {
      return pool.pids;
    },
    close: () => pool.close(),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

async function runIn(
  pool: ProcessPool,
  task: HandlerTask,
  ctx: HandlerContext,
  killAfterMs: number,
): Promise<unknown> {
  const { signal } = ctx;
  const process = await pool.take(signal);
  let grace: NodeJS.Timeout | undefined;
  const onAbort = () => {
    grace = stopAttempt(process, signal.reason, killAfterMs);
  };
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    const { id, type, queue, payloadText, attempt, enqueuedAt, tags, schedule } = task;
    const { token, traceparent = null } = ctx;
    const flow = ctx.flow && { id: ctx.flow.id, name: ctx.flow.name };
    const sent = {
      id,
      type,
      queue,
      payloadText,
      attempt,
      enqueuedAt,
      tags,
      schedule,
      flow,
      token,
      traceparent,
    };
    const running = process.run(sent, ctx);
    // The signal may have been aborted before the listener was added.
    if (signal.aborted) onAbort();
    return resultOf(await running);
  } finally {
    clearTimeout(grace);
    signal.removeEventListener("abort", onAbort);
    pool.giveBack(process);
  }
}

function stopAttempt(
  process: HandlerProcess,
  reason: unknown,
  killAfterMs: number,
): NodeJS.Timeout | undefined {
  const why = reason instanceof AttemptAborted ? reason.reason : "shutdown";
  const message = reason instanceof Error ? reason.message : String(reason);
  if (why === "timed_out") {
    process.kill("timed_out", message);
    return undefined;
  }
  process.abort(why, message);
  return setTimeout(
    () => process.kill("aborted", `${message}; its process was killed ${killAfterMs} ms later`),
    killAfterMs,
  );
}

function resultOf({ text, tooLarge }: RunEnd): unknown {
  if (tooLarge !== undefined) return unstorable({ code: "payload_too_large", message: tooLarge });
  return text === undefined ? undefined : new JsonText(text);
}

function fileOf(module: string | URL): string {
  const url = typeof module === "string" && module.startsWith("file:") ? new URL(module) : module;
  return typeof url === "string" ? resolve(url) : fileURLToPath(url);
}
