import { LIMITS } from "@holdfast/contracts";
import { startRedisServer } from "@holdfast/testing";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { decodeEnvelope } from "../../src/engine/envelope.ts";
import { Holdfast, Queue, type TaskColumns } from "../../src/index.ts";
import { afterwards, library } from "../support/library.ts";

/** Returns the tasks in columns, as a request body has them. */
function plain(tasks: [type: string, payloadText: string][]): TaskColumns {
  const spans: number[] = [];
  let text = "";
  for (const [, payloadText] of tasks) {
    const start = Buffer.byteLength(text) + 1;
    text += ` ${payloadText}`;
    spans.push(start, Buffer.byteLength(text));
  }
  return { bytes: Buffer.from(text), types: tasks.map(([type]) => type), spans };
}

const many = (count: number, from = 0) =>
  plain(Array.from({ length: count }, (_, i) => ["t", JSON.stringify({ n: from + i })]));

async function idsOf(enqueued: ReturnType<Queue["enqueueColumns"]>): Promise<string[]> {
  const { ids } = await enqueued;
  if (ids === null) throw new Error("not all were accepted");
  return ids;
}

test("plain tasks are stored like other tasks, with type and payload byte for byte, in the order given", async () => {
  const { queue, engine, client } = library();
  const tasks: [string, string][] = [
    ["a", '{"n": 12345678901234567890}'],
    ["b/c", '"é 😀 \\u0000"'],
    ["b/c", "null"],
    ["a", `"${"x".repeat(LIMITS.payloadBytes - 2)}"`],
  ];
  const ids = await idsOf(queue.enqueueColumns(plain(tasks)));
  expect(ids.every((id) => /^[A-Za-z0-9_-]{14}$/.test(id))).toBe(true);
  for (const [i, id] of ids.entries()) {
    expect(await queue.get(id)).toMatchObject({
      type: tasks[i]?.[0],
      payloadText: tasks[i]?.[1],
      state: "pending",
    });
  }
  expect(await client.connection.command("LRANGE", engine.keys.pending, 0, -1)).toEqual(ids);
});

test("tasks of many batches at once are sent in calls of at most 500, each task once", async () => {
  const { name, queue, observer } = library();
  const sizes = [1, 1_200, 300, 499, 2, 100, 100, 700];
  const runs = sizes.map((size, i) => idsOf(queue.enqueueColumns(many(size, 10_000 * i))));
  const ids = await Promise.all(runs);
  expect(ids.map(({ length }) => length)).toEqual(sizes);
  expect(new Set(ids.flat()).size).toBe(2_902);
  expect((await observer.stats(name)).pending).toBe(2_902);
  for (const [i, n] of [
    [1, 0],
    [1, 499],
    [1, 500],
    [1, 1_199],
    [7, 699],
  ] as const) {
    expect(await queue.get(ids[i]?.[n] as string)).toMatchObject({ payloadText: `{"n":${10_000 * i + n}}` });
  }
});

test("tasks that are enqueued while calls are on their way are stored before the queue closes", async () => {
  const { name, client, observer, queue } = library();
  await queue.ready();
  const own = new Queue(name, { client });
  await own.ready();
  const sent: Promise<string[]>[] = [];
  for (let wave = 0; wave < 40; wave++) {
    sent.push(idsOf(own.enqueueColumns(many(10))));
    await new Promise(setImmediate);
  }
  await own.close();
  expect((await observer.stats(name)).pending).toBe(400);
  expect(new Set((await Promise.all(sent)).flat()).size).toBe(400);
  await expect(own.enqueueColumns(many(1))).rejects.toMatchObject({ code: "closed" });
});

test("a queue that becomes full accepts the tasks that have room, and refuses the others one by one", async () => {
  const { name, queue, observer } = library();
  await observer.configure(name, { maxWaiting: 3 });
  await queue.ready();
  const [first, second] = await Promise.all([
    queue.enqueueColumns(many(2)),
    queue.enqueueColumns(many(2, 2)),
  ]);
  expect(first.ids).toHaveLength(2);
  expect(second).toMatchObject({
    ids: null,
    results: [
      { ok: true, receipt: { state: "pending", duplicate: false, durability: "memory" } },
      { ok: false, id: expect.any(String), error: { code: "queue_full", retryAfterMs: 1_000 } },
    ],
  });
  expect((await observer.stats(name)).pending).toBe(3);
});

test("a task that is refused does not stop the others", async () => {
  const { name, queue, observer } = library();
  const tasks: [string, string][] = [
    ["t", "1"],
    ["no type", "2"],
    ["t", `"${"x".repeat(LIMITS.payloadBytes)}"`],
    ["t", "4"],
  ];
  expect(await queue.enqueueColumns(plain(tasks))).toMatchObject({
    ids: null,
    results: [
      { ok: true },
      { ok: false, error: { code: "invalid_task_type" } },
      { ok: false, error: { code: "payload_too_large" } },
      { ok: true },
    ],
  });
  expect((await observer.stats(name)).pending).toBe(2);
  expect(await queue.enqueueColumns(plain([]))).toEqual({ ids: null, results: [] });
});

test.each([
  ["out of order", [2, 3, 0, 1]],
  ["beyond the bytes", [0, 1, 2, 100]],
  ["that end before they begin", [1, 0, 2, 3]],
  ["that are missing", [0, 1]],
])("spans %s are refused", async (_name, spans) => {
  const { queue } = library();
  const tasks = { bytes: Buffer.from("1,2,3"), types: ["t", "t"], spans };
  await expect(queue.enqueueColumns(tasks)).rejects.toMatchObject({ code: "invalid_argument" });
});

test("the trace of the caller is stored with each task", async () => {
  const { queue, engine } = library();
  const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  const ids = await idsOf(queue.enqueueColumns(many(2), { trace: { traceparent, tracestate: "k=v" } }));
  const stored = (await engine.get(ids)).map(({ envelope }) => decodeEnvelope(envelope));
  expect(stored).toMatchObject([
    { type: "t", traceparent, tracestate: "k=v", payloadText: '{"n":0}' },
    { type: "t", traceparent, tracestate: "k=v", payloadText: '{"n":1}' },
  ]);
});

test("durability and mintId of a queue apply to each task of a batch in columns", async () => {
  const { name, client, observer, queue } = library();
  await queue.ready();
  let minted = 0;
  const own = new Queue(name, { client, mintId: () => `own-${++minted}` });
  expect(await own.enqueueColumns(many(2))).toMatchObject({
    ids: null,
    results: [{ receipt: { id: "own-1" } }, { receipt: { id: "own-2" } }],
  });
  await observer.configure(name, { durability: "replicated" });
  const other = new Holdfast({ redis: client.connection.redis });
  afterwards(() => other.close());
  // This server has no replica that could confirm a write.
  expect(await new Queue(name, { client: other }).enqueueColumns(many(1))).toMatchObject({
    ids: null,
    results: [{ ok: false, error: { code: "durability_unavailable" } }],
  });
  await observer.configure(name, { durability: "memory" });
});

test("tasks are stored once if their connection is cut or the server loses the script", async () => {
  const server = await startRedisServer();
  const admin = new Redis(server.url);
  afterwards(async () => {
    admin.disconnect();
    await server.stop();
  });
  const { name, client, queue, observer, engine } = library({ redis: server.url });
  await queue.ready();
  const sent: Promise<string[]>[] = [];
  for (let wave = 0; wave < 12; wave++) {
    for (let i = 0; i < 6; i++) sent.push(idsOf(queue.enqueueColumns(many(120, wave * 1_000 + i))));
    // The calls are on their way to Redis from here on.
    await new Promise(setImmediate);
    if (wave % 2 === 0) await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
    else await admin.script("FLUSH");
    await client.ping();
  }
  const ids = (await Promise.all(sent)).flat();
  expect(new Set(ids).size).toBe(12 * 6 * 120);
  const { totals, pending } = await observer.stats(name);
  expect({ pending, enqueued: totals.enqueued }).toEqual({ pending: ids.length, enqueued: ids.length });
  expect((await admin.lrange(engine.keys.pending, 0, -1)).sort()).toEqual(ids.sort());
});

test("a batch in which only some tasks have options stores each with its own, and answers in order", async () => {
  const { queue } = library();
  const tasks = plain([
    ["a", "1"],
    ["b", "2"],
    ["a", "3"],
    ["a", "4"],
  ]);
  const options = new Map([
    [1, { id: "x", priority: "high" as const, maxRetries: 7 }],
    [3, { delayMs: -1 }],
  ]);
  const { ids, results } = await queue.enqueueColumns({ ...tasks, options });
  expect(ids).toBeNull();
  expect(results).toMatchObject([
    { ok: true },
    { ok: true, receipt: { id: "x", duplicate: false } },
    { ok: true },
    { ok: false, error: { code: "invalid_argument", message: expect.stringContaining("delayMs") } },
  ]);
  expect(await queue.get("x")).toMatchObject({
    type: "b",
    payloadText: "2",
    priority: "high",
    maxRetries: 7,
  });
  const again = await queue.enqueueColumns({
    ...plain([["b", "2"]]),
    options: new Map([[0, options.get(1) ?? {}]]),
  });
  expect(again.results).toMatchObject([{ ok: true, receipt: { id: "x", duplicate: true } }]);
});

test("the results of a batch that was accepted as a whole can be read one by one", async () => {
  const { queue } = library();
  const { ids, results } = await queue.enqueueColumns(many(2));
  expect(ids).toHaveLength(2);
  expect(results).toEqual(
    ids?.map((id) => ({
      ok: true,
      receipt: { id, state: "pending", duplicate: false, willRun: true, durability: "memory" },
    })),
  );
});
