import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "@holdfast/testing";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import {
  defineTask,
  type Handlers,
  isolated,
  type StandardSchema,
  type Tracing,
  type WorkerOptions,
} from "../../src/index.ts";
import { setupSystem, type WatchedWorker } from "./harness.ts";

const folder = mkdtempSync(join(tmpdir(), "holdfast-user-code-"));
let files = 0;
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** The process events that would end the process of a worker. */
const fatal: unknown[] = [];
const onFatal = (error: unknown) => void fatal.push(error);
const warnings: Error[] = [];
const onWarning = (warning: Error) => void warnings.push(warning);
const EVENTS = ["uncaughtException", "unhandledRejection"] as const;
/**
 * The listeners of the test runner. They are removed during a test, because they would count these errors as
 * failures.
 */
let others: [(typeof EVENTS)[number], (...args: never[]) => void][] = [];

beforeEach(() => {
  fatal.length = 0;
  warnings.length = 0;
  others = EVENTS.flatMap((event) =>
    process.listeners(event as "uncaughtException").map((listener) => [event, listener] as never),
  );
  for (const event of EVENTS) process.removeAllListeners(event).on(event, onFatal);
  process.on("warning", onWarning);
});
afterEach(() => {
  process.off("warning", onWarning);
  for (const event of EVENTS) process.removeListener(event, onFatal);
  for (const [event, listener] of others) process.on(event, listener as never);
});

const boom = (): never => {
  throw new Error("a bug of the user's");
};
// Each warning needs a different text, because Node prints the same warning only once.
const rejects = async (): Promise<never> => {
  throw new Error("an async bug of the user's");
};
const evilName = () =>
  Object.defineProperty(new Error("x"), "name", {
    get: () => boom(),
  });
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable(new Error("x"), {});
  revoke();
  return proxy;
}

const span = () => ({
  context: undefined,
  run: <T>(handler: () => T): T => handler(),
  log() {},
  ended() {},
  settled() {},
});
function tracing(attempt: Tracing["attempt"]): Tracing {
  return { enqueue: () => ({ context: undefined, end() {} }), attempt };
}

const throwingSchema: StandardSchema<unknown> = {
  "~standard": { version: 1, vendor: "test", validate: () => boom() },
};

interface Row {
  /** The handler of the task of type "bad". @default a handler that returns 1 */
  bad?: Handlers[string];
  options?: Partial<WorkerOptions>;
  listen?(worker: WatchedWorker["worker"]): void;
  /** How the bad task ends. @default "completed" */
  state?: "completed" | "dead";
  /** The error that the worker reports; null if it reports none. @default the error that the user's code throws */
  error?: RegExp | null;
  warning?: RegExp;
}

const BUG = /an? (async )?bug of the user's/;

const ROWS: Record<string, Row> = {
  "a handler throws an error whose name cannot be read": {
    bad: () => {
      throw evilName();
    },
    state: "dead",
    error: null,
  },
  "a handler rejects with an error whose name cannot be read": {
    bad: async () => {
      throw evilName();
    },
    state: "dead",
    error: null,
  },
  "a handler throws a revoked proxy": {
    bad: () => {
      throw revoked();
    },
    state: "dead",
    error: null,
  },
  "a handler throws a RetryAfter whose wait is a symbol": {
    bad: () => {
      throw Object.assign(new Error("x"), { name: "RetryAfter", delayMs: Symbol("s") });
    },
    state: "dead",
    error: null,
  },
  "a handler returns a value without a JSON form": {
    bad: () => ({
      toJSON: () => {
        throw Object.create(null);
      },
    }),
    state: "dead",
    error: null,
  },
  "a handler returns a thenable whose `then` throws": {
    bad: () => ({
      // biome-ignore lint/suspicious/noThenProperty: the test needs an object like this
      get then() {
        return boom();
      },
    }),
    state: "dead",
    error: null,
  },
  "a handler returns a promise whose `then` was replaced": {
    // biome-ignore lint/suspicious/noThenProperty: the test needs an object like this
    bad: () => Object.assign(Promise.resolve(1), { then: rejects }),
    error: null,
  },
  "a handler returns a thenable that settles twice": {
    bad: () => ({
      // biome-ignore lint/suspicious/noThenProperty: the test needs an object like this
      then(ok: (value: number) => void, no: (error: Error) => void) {
        ok(1);
        no(new Error("x"));
        ok(2);
      },
    }),
    error: null,
  },
  "a handler reports a BigInt as progress and does not wait": {
    bad: (_, { progress }) => {
      void progress(10n);
    },
    error: /ctx\.progress of task \S+: the progress has no JSON form/,
  },
  "a handler reports nothing as progress and does not wait": {
    bad: async (_, { progress }) => {
      void progress(undefined);
      await new Promise(setImmediate);
    },
    error: /ctx\.progress of task \S+: the progress has no JSON form/,
  },
  "a handler reports a progress that is too large": {
    bad: (_, { progress }) => progress("x".repeat(10_000)),
    error: /ctx\.progress of task \S+: the progress has 10002 bytes of JSON, more than 8192/,
  },
  "a handler logs a value that is not text": { bad: (_, { log }) => log(Object.create(null)), error: null },
  "a listener of `settled` throws": { listen: (worker) => worker.on("settled", boom) },
  "a listener of `settled` rejects": { listen: (worker) => worker.on("settled", rejects) },
  "a listener of `error` throws": {
    bad: (_, { progress }) => progress(10n),
    listen: (worker) => worker.prependListener("error", boom),
    error: null,
    warning: BUG,
  },
  "a listener of `error` rejects": {
    bad: (_, { progress }) => progress(10n),
    listen: (worker) => worker.on("error", rejects),
    error: /ctx\.progress/,
    warning: /an async bug/,
  },
  "`attempt` of a tracing throws": { options: { tracing: tracing(boom) } },
  "`context` of a span throws": {
    options: {
      tracing: tracing(() => ({
        ...span(),
        get context() {
          return boom();
        },
      })),
    },
  },
  "`context` of a span is not a trace context": {
    options: { tracing: tracing(() => ({ ...span(), context: { traceparent: "a\nb" } })) },
    error: /not a W3C trace context/,
  },
  "`run` of a span throws before it calls the handler": {
    options: { tracing: tracing(() => ({ ...span(), run: boom })) },
  },
  "`run` of a span throws after it has called the handler": {
    options: {
      tracing: tracing(() => ({
        ...span(),
        run: (handler) => {
          handler();
          return boom();
        },
      })),
    },
  },
  "`run` of a span is async, and the handler rejects": {
    bad: rejects,
    options: {
      tracing: tracing(() => ({ ...span(), run: (async (handler: () => unknown) => handler()) as never })),
    },
    state: "dead",
    error: null,
  },
  "`run` of a span never calls the handler": {
    options: { tracing: tracing(() => ({ ...span(), run: () => undefined as never })) },
    error: null,
  },
  "`log` of a span throws": {
    bad: (_, { log }) => log("a line"),
    options: { tracing: tracing(() => ({ ...span(), log: boom })) },
  },
  "`ended` of a span throws": { options: { tracing: tracing(() => ({ ...span(), ended: boom })) } },
  "`ended` of a span rejects": {
    options: { tracing: tracing(() => ({ ...span(), ended: rejects as never })) },
  },
  "`settled` of a span throws": { options: { tracing: tracing(() => ({ ...span(), settled: boom })) } },
  "`onScript` throws": {
    options: { onScript: boom },
    error: null,
    warning: /`onScript` threw: Error: a bug/,
  },
  "`onScript` rejects": {
    options: { onScript: rejects as never },
    error: null,
    warning: /`onScript` threw: Error: an async bug/,
  },
  "a validator throws": {
    bad: Object.values(defineTask("bad", { schema: throwingSchema }).handler(() => 1))[0] as Handlers[string],
    state: "dead",
    error: null,
  },
};

describe("no fault of a user's code ends a worker, loses a slot, or stops other tasks", () => {
  test.each(Object.keys(ROWS))("%s", async (name) => {
    const {
      bad = () => 1,
      options = {},
      listen,
      state = "completed",
      error = BUG,
      warning,
    } = ROWS[name] as Row;
    const system = await setupSystem();
    const watched = system.worker(
      "work",
      { bad, ok: () => "ok" },
      {
        concurrency: 2,
        maxRetries: 1,
        backoff: { kind: "fixed", baseMs: 0, jitter: "none" },
        pollMs: 50,
        ...options,
      },
    );
    listen?.(watched.worker);
    await watched.worker.start();
    const queue = system.queue();
    // There are twice as many tasks as slots, which shows that each slot becomes free again.
    const types = ["bad", "ok", "bad", "ok", "bad", "ok", "bad", "ok"];
    const receipts = await Promise.all(types.map((type) => queue.enqueue(type, 0)));
    const ended = await Promise.all(receipts.map(({ id }) => queue.result(id, { waitMs: 10_000 })));
    expect(ended.map((task) => task?.state)).toEqual(
      types.map((type) => (type === "ok" ? "completed" : state)),
    );
    await until("every slot is free", () => watched.worker.busy === 0);
    if (error)
      await until("the fault is reported", () => watched.errors.some(({ message }) => error.test(message)));
    else expect(watched.errors).toEqual([]);
    if (warning)
      await until("the fault is printed", () => warnings.some(({ message }) => warning.test(message)));
    await watched.worker.stop({ graceMs: 2_000 });
    expect(fatal).toEqual([]);
  });

  test("a handler still reports after its worker was stopped", async () => {
    const system = await setupSystem();
    let calls = 0;
    let ticker: NodeJS.Timeout | undefined;
    const { worker, errors } = await system.started("work", {
      bad: async (_, { progress, log }) => {
        ticker = setInterval(async () => {
          await progress(calls);
          await log("still here");
          calls++;
        }, 5);
        await new Promise(() => {});
      },
    });
    await system.queue().enqueue("bad", 0);
    await until("the handler reports", () => calls > 0);
    await worker.stop({ graceMs: 50 });
    const before = calls;
    await until("the handler continues to report", () => calls > before + 5);
    clearInterval(ticker);
    expect(errors).toEqual([]);
    expect(fatal).toEqual([]);
  });

  test.each([
    ["null", "process.send(null)"],
    ["a text", 'process.send("ready")'],
    ["a forged result", 'process.send({ kind: "done", run: 1, text: "1" })'],
    [
      "a forged failure without its error",
      'for (let run = 0; run < 9; run++) process.send({ kind: "failed", run })',
    ],
    ["forged progress", 'process.send({ kind: "progress", run: 1, call: 1, text: "not JSON" })'],
    ["a forged start", 'process.send({ kind: "ready", types: [] })'],
  ])("a handler in a child process sends %s over its channel", async (_, code) => {
    const body = `export const handlers = {
      bad: async () => { ${code}; await new Promise((resolve) => setTimeout(resolve, 50)); return "its own"; },
      ok: () => "ok",
    };`;
    const file = join(folder, `${++files}.mjs`);
    writeFileSync(file, body);
    const pool = await isolated(file, { processes: 2 });
    try {
      const system = await setupSystem();
      const { worker, errors } = await system.started("work", pool.handlers, {
        concurrency: 2,
        maxRetries: 0,
      });
      const queue = system.queue();
      const receipts = await Promise.all(["bad", "ok", "bad", "ok"].map((type) => queue.enqueue(type, 0)));
      const ended = await Promise.all(receipts.map(({ id }) => queue.result(id, { waitMs: 10_000 })));
      expect(ended.map((task) => task?.resultText)).toEqual(['"its own"', '"ok"', '"its own"', '"ok"']);
      await until("every slot is free", () => worker.busy === 0);
      expect([errors, fatal]).toEqual([[], []]);
    } finally {
      await pool.close();
    }
  });
});
