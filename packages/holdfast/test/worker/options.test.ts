import { expect, test } from "vitest";
import { Janitor, Observer, Schedules, Worker } from "../../src/index.ts";
import { isolated } from "../../src/isolation/isolated.ts";
import { testWorker } from "../../src/testing/index.ts";

const redis = "redis://127.0.0.1:1";
const fine = { t: () => 1 };

/** Wrong options are refused before a connection is made, so these tests need no Redis. */
async function refusalOf(make: () => unknown): Promise<{ name: string; code: string; message: string }> {
  try {
    await make();
  } catch (error) {
    return error as { name: string; code: string; message: string };
  }
  return expect.unreachable("the options were accepted");
}

const loosely = <Made>(made: unknown) => made as new (...args: unknown[]) => Made;
const AnyWorker = loosely<Worker>(Worker);

test.each<[unknown, string]>([
  [{ connection: {} }, "connection is not an option of a worker: did you mean redis?"],
  [{ redis, limiter: { max: 1, duration: 1 } }, "queue.setLimits({ queue: { rate } })"],
  [{ redis, lockDuration: 1 }, "did you mean leaseMs?"],
  [{ redis, stalledInterval: 1 }, "a Janitor takes back"],
  [{ redis, timeoutMs: 5 }, "it is an option of a handler, { handler, timeoutMs }, or of a task"],
  [{ redis, concurency: 5 }, "did you mean concurrency?"],
  [{ redis, backoff: 5_000 }, "backoff has to be an object"],
  [{ redis, isFailure: true }, "isFailure has to be a function, got true"],
  [{ redis, queueOrder: "fifo" }, 'queueOrder has to be weighted or strict, got "fifo"'],
  [{ redis, concurrency: 10, maxConcurrency: 5 }, "maxConcurrency has to be at least concurrency"],
  [{ redis, backoff: { type: "fixed", delay: 5_000 } }, "did you mean backoff.kind?"],
  [
    { redis, backoff: { baseMs: "200ms" } },
    'backoff.baseMs has to be a whole number from 0 to 86400000, got "200ms"',
  ],
  [{ redis, backoff: { baseMs: Number.NaN } }, "got NaN"],
  [{ redis, backoff: { baseMs: -5 } }, "got -5"],
  [{ redis, concurrency: "5" }, 'concurrency has to be a whole number from 1 to 5000, got "5"'],
  [{ redis, id: "my worker" }, "id has to be 1 to 128 of"],
  [{ redis, onScript: 5 }, "onScript has to be a function"],
  [{ redis, tracing: {} }, "tracing has to be a Tracing"],
  [{}, "redis is missing"],
  [undefined, "have to be an object such as"],
  [redis, "have to be an object such as"],
])("a worker with the options %j is refused, and the error says why", async (options, message) => {
  const refusal = await refusalOf(() => new AnyWorker("q", fine, options));
  expect(refusal).toMatchObject({ name: "HoldfastError", code: "invalid_argument" });
  expect(refusal.message).toContain(message);
});

test.each<[string, unknown, string]>([
  ["a function", async () => 1, 'for all task types write { "*": handler }'],
  ["a Map", new Map([["t", () => 1]]), "Object.fromEntries(map)"],
  ["nothing", undefined, "got undefined"],
  ["null", null, "got null"],
  ["a list", [() => 1], "got an array"],
  [
    "the result of isolated()",
    { handlers: fine, pids: [], close() {} },
    "use the field handlers of the result of isolated()",
  ],
  [
    "a text as handler",
    { t: "x" },
    'handlers["t"] has to be a function, or an object with a handler, got "x"',
  ],
  [
    "no handler",
    { t: undefined },
    'handlers["t"] has to be a function, or an object with a handler, got undefined',
  ],
  ["an object as handler", { t: { run() {} } }, 'did you mean handlers["t"].handler?'],
  ["options without a handler", { t: { maxRetries: 1 } }, 'handlers["t"].handler is missing'],
  [
    "an option out of range",
    { t: { handler() {}, concurrency: 0 } },
    'handlers["t"].concurrency has to be a whole number from 1 to 5000, got 0',
  ],
  [
    "a wrong backoff",
    { t: { handler() {}, backoff: { kind: "x" } } },
    'handlers["t"].backoff.kind has to be',
  ],
])("wrong handlers are refused, and the error says why: %s", async (_, handlers, message) => {
  for (const make of [() => new AnyWorker("q", handlers, { redis }), () => testWorker(handlers as never)]) {
    const refusal = await refusalOf(make);
    expect(refusal).toMatchObject({ name: "HoldfastError", code: "invalid_argument" });
    expect(refusal.message).toContain(message);
  }
});

test.each<[unknown, string]>([
  [["a", "b", "a"], 'queue "a" is named twice'],
  [[], "needs at least one queue"],
  [{}, "needs at least one queue"],
  [{ a: 0 }, 'the weight of queue "a" has to be'],
  [{ a: "2" }, 'got "2"'],
  [undefined, "got undefined"],
  [new Map([["a", 1]]), "got a Map"],
  [5, "got 5"],
  [["a b"], "is not a valid queue name"],
  [[undefined], "undefined is not a valid queue name"],
])("the queues %j of a worker are refused, and the error says why", async (queues, message) => {
  const refusal = await refusalOf(() => new AnyWorker(queues, fine, { redis }));
  expect(refusal).toMatchObject({ name: "HoldfastError", code: expect.stringMatching(/^invalid_/) });
  expect(refusal.message).toContain(message);
});

/** With these values a timer of Node would wait for 1 ms, or for ever. */
const NO_TIMES = [Number.NaN, Number.POSITIVE_INFINITY, 2 ** 31, -1, 1.5, "5000", null];

test.each<[string, (ms: unknown) => unknown]>([
  ["pollMs of a worker", (pollMs) => new AnyWorker("q", fine, { redis, pollMs })],
  ["leaseMs of a worker", (leaseMs) => new AnyWorker("q", fine, { redis, leaseMs })],
  ["aheadMs of a worker", (aheadMs) => new AnyWorker("q", fine, { redis, aheadMs })],
  ["watchMs of a worker", (watchMs) => new AnyWorker("q", fine, { redis, watchMs })],
  ["graceMs of a worker", (graceMs) => new Worker("q", fine, { redis }).stop({ graceMs } as never)],
  ["graceMs of a janitor", (graceMs) => new Janitor({ redis }).stop({ graceMs } as never)],
  ["sweepIntervalMs of a janitor", (sweepIntervalMs) => new (loosely(Janitor))({ redis, sweepIntervalMs })],
  ["auditIntervalMs of a janitor", (auditIntervalMs) => new (loosely(Janitor))({ redis, auditIntervalMs })],
  ["killAfterMs of isolated", (killAfterMs) => isolated("x.mjs", { killAfterMs } as never)],
  ["idleMs of isolated", (idleMs) => isolated("x.mjs", { idleMs } as never)],
  [
    "commandTimeoutMs",
    (commandTimeoutMs) => new AnyWorker("q", fine, { redis: { url: redis, commandTimeoutMs } }),
  ],
])("%s is checked like every time in ms", async (name, make) => {
  for (const ms of NO_TIMES) {
    expect(await refusalOf(() => make(ms))).toMatchObject({
      code: "invalid_argument",
      message: expect.stringMatching(
        new RegExp(`${name.split(" ")[0]} has to be a whole number from \\d+ to \\d+, got`),
      ),
    });
  }
});

test.each<[string, () => unknown, string]>([
  [
    "a janitor with an unknown option",
    () => new (loosely(Janitor))({ redis, interval: 5 }),
    "did you mean sweepIntervalMs?",
  ],
  [
    "a janitor with an invalid name",
    () => new Janitor({ redis, queues: ["a b"] }),
    "is not a valid queue name",
  ],
  ["a janitor without options", () => new (loosely(Janitor))(), "have to be an object"],
  ["an observer with a connection", () => new (loosely(Observer))({ connection: {} }), "did you mean redis?"],
  ["an observer without options", () => new (loosely(Observer))(), "have to be an object"],
  ["schedules with a connection", () => new (loosely(Schedules))({ connection: {} }), "did you mean redis?"],
  [
    "a stop with a time-out",
    () => new Janitor({ redis }).stop({ timeout: 5 } as never),
    "did you mean graceMs?",
  ],
  ["isolated without a module", () => isolated(undefined as never), "takes the path or file URL of a module"],
  [
    "isolated with an unknown option",
    () => isolated("x", { concurrency: 5 } as never),
    "did you mean processes?",
  ],
])("wrong options are refused, and the error says why: %s", async (_, make, message) => {
  const refusal = await refusalOf(make);
  expect(refusal.name).toBe("HoldfastError");
  expect(refusal.message).toContain(message);
});
