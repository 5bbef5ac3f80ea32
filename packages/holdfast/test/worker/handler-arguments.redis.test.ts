import { afterEach, describe, expect, test } from "vitest";
import { type Handlers, type IsolatedHandlers, isolated } from "../../src/index.ts";
import { testWorker } from "../../src/testing/index.ts";
import { setupSystem } from "./harness.ts";

const MODULE = new URL("./handler-arguments.mjs", import.meta.url);
const { handlers } = (await import(MODULE.href)) as { handlers: Handlers };
const TASK = ["id", "type", "queue", "payloadText", "attempt", "enqueuedAt", "tags", "schedule", "payload"];
const FUNCTIONS = ["progress", "checkpoint", "readCheckpoint", "log", "step", "sleep", "waitFor", "call"];
const CONTEXT = [
  ...["attempt", "token", "traceId", "traceparent"],
  ...[...FUNCTIONS, "flow", "children", "signal"],
];

const pools: IsolatedHandlers[] = [];
afterEach(async () => {
  await Promise.all(pools.splice(0).map((pool) => pool.close()));
});

/** Runs a handler as a worker does. Resolves with its result, progress and log. */
type Run = (type: string) => Promise<{ result: unknown; progress: unknown; log: string[] }>;

async function workerOf(given: Handlers): Promise<Run> {
  const system = await setupSystem();
  const { errors } = await system.started("work", given, { maxRetries: 0 });
  return async (type) => {
    const { id } = await system.queue().enqueue(type, { a: 1 }, { tags: ["x"] });
    const task = await system.queue().result(id, { waitMs: 10_000 });
    expect([task?.lastError, errors]).toEqual([null, []]);
    return {
      result: JSON.parse(task?.resultText ?? "null"),
      progress: JSON.parse(task?.progress || "null"),
      log: task?.log ?? [],
    };
  };
}

const RUNS: Record<string, () => Promise<Run>> = {
  Worker: () => workerOf(handlers),
  "isolated()": async () => {
    const pool = await isolated(MODULE, { processes: 1 });
    pools.push(pool);
    return workerOf(pool.handlers);
  },
  testWorker: async () => async (type) => {
    const { result, progress, log, error } = await testWorker(handlers).run(type, { a: 1 }, { tags: ["x"] });
    expect(error).toBeUndefined();
    return { result, progress: progress.at(-1) ?? null, log };
  },
};

describe.each(Object.keys(RUNS))("the arguments of a handler in %s", (name) => {
  const setup = () => (RUNS[name] as () => Promise<Run>)();

  test("are plain objects with the documented fields, the same everywhere", async () => {
    const run = await setup();
    const kinds = (keys: string[], getter: string, types: Record<string, string>) =>
      Object.fromEntries(
        keys.map((key) => [key, [key === getter ? "getter" : "value", types[key] ?? "string", true, true]]),
      );
    expect((await run("shape")).result).toEqual({
      task: {
        isPlain: true,
        keys: TASK,
        kinds: kinds(TASK, "payload", {
          payload: "object",
          attempt: "number",
          enqueuedAt: "number",
          tags: "object",
          schedule: "object",
        }),
      },
      ctx: {
        isPlain: true,
        keys: CONTEXT,
        kinds: kinds(CONTEXT, "signal", {
          attempt: "number",
          traceId: "object",
          traceparent: "object",
          ...Object.fromEntries([...FUNCTIONS, "children"].map((name) => [name, "function"])),
          flow: "object",
          signal: "object",
        }),
      },
    });
  });

  test("can be destructured, including functions", async () => {
    expect(await (await setup())("destructured")).toEqual({
      result: ["string", { a: 1 }, '{"a":1}', ["x"], false, 1, "string", null, null],
      progress: { done: 1 },
      log: ["a line"],
    });
  });

  test("can be spread, cloned, logged and inherited from", async () => {
    const run = await setup();
    expect(await run("spread")).toEqual({
      result: [{ a: 1 }, TASK, CONTEXT, false],
      progress: { done: 2 },
      log: ["a line"],
    });
    expect((await run("cloned")).result).toEqual([
      [TASK, { a: 1 }],
      [TASK, { a: 1 }],
    ]);
    expect((await run("inherited")).result).toEqual([{ a: 1 }, false]);
  });

  test("are the handler's own: its changes to them reach no other code", async () => {
    const run = await setup();
    for (let n = 0; n < 2; n++) expect((await run("changed")).result).toEqual([["x", "mine"], { a: 2 }]);
    expect((await run("refused")).result).toEqual(["TypeError", "TypeError"]);
    expect((await run("twice")).result).toEqual([true, true]);
  });
});
