import { expect, test } from "vitest";
import { Holdfast, type HoldfastError, Queue } from "../../src/index.ts";
import { library } from "../support/library.ts";
import { redisUrl } from "../support/setup.ts";

type Outcome = { code: string; message: string } | "accepted";

/** Returns the outcome of a call that may throw, reject, or return a result per task. */
async function outcomeOf(call: () => unknown): Promise<Outcome> {
  try {
    const result = await call();
    const [first] = Array.isArray(result) ? result : [];
    if (first && first.ok === false) return first.error;
    return "accepted";
  } catch (error) {
    expect((error as Error).name, String((error as Error).stack)).toBe("HoldfastError");
    return error as HoldfastError;
  }
}

const loosely = (queue: Queue) => queue as unknown as Record<string, (...args: unknown[]) => unknown>;

/** The ways to enqueue a task. */
const WAYS: Record<string, (queue: Queue, type: unknown) => unknown> = {
  enqueue: (queue, type) => loosely(queue).enqueue?.(type, 1),
  "enqueue with options": (queue, type) => loosely(queue).enqueue?.(type, 1, { priority: "high" }),
  "enqueue with an id": (queue, type) => loosely(queue).enqueue?.(type, 1, { id: `id-${Math.random()}` }),
  enqueueText: (queue, type) => loosely(queue).enqueueText?.(type, "1"),
  enqueueMany: (queue, type) => loosely(queue).enqueueMany?.([{ type, payload: 1 }]),
  "enqueueMany with options": (queue, type) =>
    loosely(queue).enqueueMany?.([{ type, payload: 1, maxRetries: 1 }]),
  enqueueColumns: async (queue, type) => {
    const plain = { bytes: Buffer.from("11"), types: [type, "t"], spans: [0, 1, 1, 2] };
    const result = (await loosely(queue).enqueueColumns?.(plain)) as { results?: unknown[] } | undefined;
    return result?.results ?? [];
  },
};

test.each(Object.entries(WAYS))(
  "%s refuses an invalid type: as the first call, after a valid type, and twice",
  async (_, way) => {
    const { name, client, observer } = library();
    for (const wrong of [undefined, null, "", 5, "a b", Symbol("x"), {}]) {
      const queue = new Queue(name, { client });
      const refused = { code: "invalid_task_type" };
      expect(await outcomeOf(() => way(queue, wrong))).toMatchObject(refused);
      expect(await outcomeOf(() => way(queue, wrong))).toMatchObject(refused);
      expect(await outcomeOf(() => way(queue, "right"))).toBe("accepted");
      expect(await outcomeOf(() => way(queue, wrong))).toMatchObject(refused);
      expect(await outcomeOf(() => way(queue, "right"))).toBe("accepted");
      expect(await outcomeOf(() => way(queue, "other"))).toBe("accepted");
      expect(await outcomeOf(() => way(queue, wrong))).toMatchObject(refused);
      await queue.close();
    }
    const { tasks } = await observer.list(name, { state: "pending", limit: 100 });
    for (const { type } of tasks) expect(["right", "other", "t"]).toContain(type);
  },
);

test("options that were valid are checked again after a change", async () => {
  const { queue } = library();
  const options: Record<string, unknown> = { delayMs: 60_000 };
  expect(await outcomeOf(() => queue.enqueue("t", 1, options))).toBe("accepted");
  options.delay = 5;
  expect(await outcomeOf(() => queue.enqueue("t", 1, options))).toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("did you mean delayMs?"),
  });
});

test.each<[string, (queue: Record<string, (...args: unknown[]) => unknown>) => unknown, string]>([
  ["enqueue(t, 1, null)", (q) => q.enqueue?.("t", 1, null), "got null"],
  ["enqueue(t, 1, high)", (q) => q.enqueue?.("t", 1, "high"), 'got "high"'],
  ["enqueue(t, 1, { delay })", (q) => q.enqueue?.("t", 1, { delay: 5 }), "did you mean delayMs?"],
  [
    "enqueue(t, 1, { backoff: 1000 })",
    (q) => q.enqueue?.("t", 1, { backoff: 1000 }),
    "backoff has to be an object",
  ],
  ["enqueueText(t, undefined)", (q) => q.enqueueText?.("t", undefined), "payloadText has to be JSON text"],
  ["enqueueText(t, 1, { delay })", (q) => q.enqueueText?.("t", "1", { delay: 5 }), "did you mean delayMs?"],
  ["enqueueMany(undefined)", (q) => q.enqueueMany?.(undefined), "takes an array of tasks"],
  ["enqueueMany(a task)", (q) => q.enqueueMany?.({ type: "t", payload: 1 }), "takes an array of tasks"],
  ["enqueueMany(a Set)", (q) => q.enqueueMany?.(new Set([1])), "takes an array of tasks"],
  ["enqueueMany([[]])", (q) => q.enqueueMany?.([[]]), "the payload has no JSON form"],
  ["enqueueMany([null])", (q) => q.enqueueMany?.([null]), "got null"],
  [
    "enqueueMany([{ options: { delay } }])",
    (q) => q.enqueueMany?.([{ type: "t", payload: 1, options: { delay: 5 } }]),
    "did you mean delayMs?",
  ],
  ["enqueueMany([], { traces })", (q) => q.enqueueMany?.([], { traces: 1 }), "did you mean trace?"],
  ["get(Symbol)", (q) => q.get?.(Symbol("x")), "a symbol is not a valid task id"],
  ["cancel(undefined)", (q) => q.cancel?.(undefined), "undefined is not a valid task id"],
  ["wait(id)", (q) => q.wait?.("x"), "have to be an object such as { waitMs: 10_000 }, got undefined"],
  ["wait(id, {})", (q) => q.wait?.("x", {}), "waitMs is missing"],
  ["wait(id, { waitMs: NaN })", (q) => q.wait?.("x", { waitMs: Number.NaN }), "got NaN"],
  ["wait(id, { waitMs: 2^31 })", (q) => q.wait?.("x", { waitMs: 2 ** 31 }), "got 2147483648"],
  ["result(id, { timeout })", (q) => q.result?.("x", { timeout: 5 }), "did you mean waitMs?"],
  ["result(id, { waitMs: '200' })", (q) => q.result?.("x", { waitMs: "200" }), 'got "200"'],
])("the error of %s says what is wrong, on a queue with and without partitions", async (_, call, message) => {
  const { name, client, queue } = library();
  const partitioned = new Queue(`${name}-p`, { client, partitions: 2 });
  for (const each of [queue, partitioned])
    expect(await outcomeOf(() => call(loosely(each)))).toMatchObject({
      code: expect.stringMatching(/^invalid_/),
      message: expect.stringContaining(message),
    });
});

test.each<[string, unknown, string]>([
  ["bytes", { bytes: "1", types: ["t"], spans: [0, 1] }, "bytes of tasks in columns has to be a Buffer"],
  ["types", { bytes: Buffer.from("1"), type: "t" }, "types of tasks in columns"],
  ["spans", { bytes: Buffer.from("1"), types: ["t"] }, "spans of tasks in columns"],
  ["too few spans", { bytes: Buffer.from("1"), types: ["t", "t"], spans: [0, 1] }, "an array of 4 numbers"],
  [
    "options",
    { bytes: Buffer.from("1"), types: ["t"], spans: [0, 1], options: {} },
    "options of tasks in columns",
  ],
  ["nothing", undefined, "bytes of tasks in columns"],
])("enqueueColumns with wrong %s", async (_, tasks, message) => {
  const { queue } = library();
  expect(await outcomeOf(() => loosely(queue).enqueueColumns?.(tasks))).toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining(message),
  });
});

test.each<[string, unknown, string]>([
  ["nothing", undefined, 'such as { redis: "redis://127.0.0.1:6379" }, got undefined'],
  ["a URL", "redis://127.0.0.1:6379", "the options of a queue have to be an object"],
  ["{}", {}, "redis is missing"],
  [
    "{ connection }",
    { connection: { host: "h" } },
    "connection is not an option of a queue: did you mean redis?",
  ],
  ["{ redis: undefined }", { redis: undefined }, "is an environment variable missing?"],
  ["{ client: {} }", { client: {} }, "client has to be a client: new Holdfast({ redis }), got an object"],
  ["{ prefix: {a} }", { redis: "redis://h", prefix: "{a}" }, "prefix has to be 1 to 64 of"],
  ["{ prefix: '' }", { redis: "redis://h", prefix: "" }, "prefix has to be"],
  ["{ prefix: 'a b' }", { redis: "redis://h", prefix: "a b" }, "prefix has to be"],
  [
    "{ lingerMs: Infinity }",
    { redis: "redis://h", lingerMs: Number.POSITIVE_INFINITY },
    "lingerMs has to be",
  ],
  ["{ defaultJobOptions }", { redis: "redis://h", defaultJobOptions: {} }, "defineTask"],
  ["{ tracing: {} }", { redis: "redis://h", tracing: {} }, "tracing has to be a Tracing"],
  [
    "a client and redis",
    { client: new Holdfast({ redis: "redis://h" }), redis: "redis://h" },
    "client and redis cannot be combined",
  ],
  [
    "a client and a prefix",
    { client: new Holdfast({ redis: "redis://h" }), prefix: "p" },
    "client and prefix cannot be combined",
  ],
])("a queue that is made with %s is refused, and the error says why", async (_, options, message) => {
  const queue = await outcomeOf(
    () => new (Queue as unknown as new (...args: unknown[]) => Queue)("q", options),
  );
  expect(queue).toMatchObject({ code: "invalid_argument", message: expect.stringContaining(message) });
});

test("invalid names of any type are refused", async () => {
  for (const name of [undefined, null, 5, Symbol("x"), {}, "a b", "..", "x".repeat(65)])
    expect(await outcomeOf(() => new Queue(name as string, { redis: redisUrl() }))).toMatchObject({
      code: "invalid_queue_name",
    });
});

test("ids from mintId are checked like ids from callers", async () => {
  const { name, client } = library();
  const queue = new Queue(name, { client, mintId: () => "a b" });
  expect(await outcomeOf(() => queue.enqueue("t", 1))).toMatchObject({ code: "invalid_task_id" });
  const partitioned = new Queue(`${name}-p`, { client, partitions: 2, mintId: () => "a" });
  expect(await outcomeOf(() => partitioned.enqueue("t", 1))).toMatchObject({
    code: "invalid_argument",
    message: expect.stringContaining("leave mintId out"),
  });
});

const CALLS: Record<string, (queue: Queue) => Promise<unknown>> = {
  enqueue: (queue) => queue.enqueue("t", 1),
  enqueueText: (queue) => queue.enqueueText("t", "1"),
  enqueueMany: (queue) =>
    queue.enqueueMany([{ type: "t", payload: 1 }]).then(([only]) => only?.ok || Promise.reject(only)),
  enqueueColumns: (queue) => queue.enqueueColumns({ bytes: Buffer.from("1"), types: ["t"], spans: [0, 1] }),
};

test.each(Object.entries(CALLS))(
  "close() sends the tasks that were enqueued before it: %s, on a new queue and on an idle one",
  async (_, call) => {
    const { name, observer, client } = library();
    const partitioned = `${name}-p`;
    let expected = 0;
    for (const isWarm of [false, true]) {
      const queues = [
        new Queue(name, { redis: redisUrl() }),
        new Queue(partitioned, { redis: redisUrl(), partitions: 2 }),
      ];
      for (const queue of queues) {
        if (isWarm) {
          await queue.enqueue("t", 0);
          expected++;
          // The library caches the durability of Redis for a second, so the test waits until it is read again.
          await new Promise((resolve) => setTimeout(resolve, 1_050));
        }
        // A slow Redis keeps the call open while the queue closes.
        await client.connection.command("CLIENT", "PAUSE", 200);
        const sent = call(queue);
        const closed = queue.close();
        await expect(sent).resolves.toBeDefined();
        await closed;
        expected++;
        await expect(call(queue)).rejects.toMatchObject({ code: "closed" });
      }
    }
    const all = await Promise.all(
      [name, `${partitioned}/0`, `${partitioned}/1`].map((each) =>
        observer.stats(each).then(({ pending }) => pending),
      ),
    );
    expect(all.reduce((sum, pending) => sum + pending, 0)).toBe(expected);
  },
);

test("many waits share one signal without a warning, and its abort ends them all", async () => {
  const warnings: Error[] = [];
  const onWarning = (warning: Error) => warnings.push(warning);
  process.on("warning", onWarning);
  const { queue } = library();
  const { id } = await queue.enqueue("t", 1);
  const abort = new AbortController();
  const waiting = Array.from({ length: 30 }, () =>
    queue.result(id, { waitMs: 60_000, signal: abort.signal }),
  );
  const ended = Promise.allSettled(waiting);
  await queue.get(id);
  await queue.get(id);
  abort.abort(new Error("enough"));
  for (const result of await ended)
    expect(result).toMatchObject({ status: "rejected", reason: { message: "enough" } });
  await new Promise(setImmediate);
  process.off("warning", onWarning);
  expect(warnings).toEqual([]);
});
