import { setTimeout as sleep } from "node:timers/promises";
import { nanoid } from "nanoid";
import { describe, expect, test } from "vitest";
import { chain, fanIn, type Handlers, Janitor, Observer, Queue, Worker } from "../../src/index.ts";
import { afterwards, library, started } from "../support/library.ts";

async function until(what: string, isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`not within 10 s: ${what}`);
    await sleep(10);
  }
}

const ended = (queue: Queue, id: string) =>
  until(`flow ${id} ends`, async () => (await queue.getFlow(id))?.state === "ended");

/** Makes two queues under a key prefix of their own. One is partitioned if `partitions` is given. */
async function setup({ partitions }: { partitions?: number } = {}) {
  const prefix = `t${nanoid(8).replaceAll(/[^A-Za-z0-9]/g, "x")}`;
  const { client, queue: orders, name, redis } = library({ prefix });
  const other = new Queue("mail", { client, ...(partitions === undefined ? {} : { partitions }) });
  afterwards(() => other.close());
  await orders.ready();
  await other.ready();
  const observer = new Observer({ client });
  const work = (queue: string, handlers: Handlers) =>
    started(new Worker(queue, handlers, { redis, prefix, pollMs: 200 }));
  const sweeps = () => started(new Janitor({ redis, prefix, sweepIntervalMs: 100, auditIntervalMs: 0 }));
  return { client, prefix, name, orders, other, observer, work, sweeps };
}

describe("a flow over two queues", () => {
  test("runs each node in its queue, and hands on the results", async () => {
    const { name, orders, other, observer, work } = await setup();
    const seen: unknown[] = [];
    const { id } = await orders.flow({
      nodes: chain([
        { name: "pay", type: "pay", payload: 1 },
        { name: "mail", type: "mail", queue: "mail", payload: 2 },
        { name: "close", type: "close" },
      ]),
      on: { success: { type: "told", queue: "mail" } },
    });
    expect(await observer.why(name, `${id}.mail`)).toMatchObject({
      reason: "after",
      detail: expect.stringContaining("pay (pending)"),
    });
    const handler: Handlers[string] = async (task, ctx) => {
      const before: unknown[] = [];
      for await (const { name, result } of ctx.children()) before.push([name, result]);
      seen.push([task.queue, ctx.flow?.name, before]);
      return `${ctx.flow?.name} done`;
    };
    await work(name, { "*": handler });
    await work("mail", { "*": handler });
    await until("the callback ran", () => seen.length === 4);
    expect(seen).toEqual([
      [name, "pay", []],
      ["mail", "mail", [["pay", "pay done"]]],
      [name, "close", [["mail", "mail done"]]],
      [
        "mail",
        "success",
        [
          ["pay", "pay done"],
          ["mail", "mail done"],
          ["close", "close done"],
        ],
      ],
    ]);
    expect(await orders.getFlow(id)).toMatchObject({ queue: name, outcome: "success" });
    expect((await orders.flowNodes(id)).nodes).toMatchObject([
      { name: "pay", queue: name },
      { name: "mail", queue: "mail", state: "completed", resultText: '"mail done"' },
      { name: "close", queue: name, after: ["mail"] },
    ]);
    expect(await other.get(`${id}.mail`)).toMatchObject({ queue: "mail", state: "completed" });
    expect(await orders.get(`${id}.mail`)).toBeNull();
    expect(await other.getFlow(id)).toBeNull();
  });

  test("is refused as a whole if one queue is full, and the error names it", async () => {
    const { orders, observer, name } = await setup();
    await observer.configure("mail", { maxWaiting: 2 });
    const nodes = [1, 2, 3].map((n) => ({ name: `m${n}`, type: "m", queue: "mail" }));
    await expect(orders.flow({ id: "f", nodes: [{ name: "a", type: "t" }, ...nodes] })).rejects.toMatchObject(
      {
        code: "queue_full",
        message: expect.stringContaining('"mail"'),
      },
    );
    expect(await orders.getFlow("f")).toBeNull();
    expect((await observer.stats(name)).totals.enqueued).toBe(0);
    await orders.flow({ id: "f", nodes: nodes.slice(0, 2) });
    // A repeated flow needs no room in the other queue. Messages that follow later are always accepted.
    expect(await orders.flow({ id: "f", nodes: nodes.slice(0, 2) })).toMatchObject({ duplicate: true });
    expect((await observer.stats("mail")).pending).toBe(2);
  });

  test("is refused if the other queue has a flow with its id", async () => {
    const { orders, other } = await setup();
    await other.flow({ id: "f", nodes: [{ name: "x", type: "t" }] });
    await expect(
      orders.flow({ id: "f", nodes: [{ name: "a", type: "t", queue: "mail" }] }),
    ).rejects.toMatchObject({ code: "conflict", message: expect.stringContaining('"mail"') });
    expect(await orders.getFlow("f")).toBeNull();
    await orders.flow({ id: "g", nodes: [{ name: "a", type: "t", queue: "mail" }] });
    await expect(other.flow({ id: "g", nodes: [] })).rejects.toMatchObject({ code: "conflict" });
  });

  test("is cancelled in both before the answer", async () => {
    const { orders, other } = await setup();
    const nodes = ["mail", undefined].map((queue, at) => ({ name: `n${at}`, type: "t", queue }));
    const { id } = await orders.flow({ nodes });
    expect((await other.get(`${id}.n0`))?.state).toBe("pending");
    expect(await orders.cancelFlow(id)).toBe("cancelled");
    expect((await other.get(`${id}.n0`))?.state).toBe("cancelled");
  });

  test("is carried on by janitors alone, if the processes that ended its nodes died", async () => {
    const { client, orders, other, sweeps } = await setup();
    const { id } = await orders.flow({
      nodes: chain([
        { name: "a", type: "t", queue: "mail" },
        { name: "b", type: "t" },
      ]),
    });
    // Only a janitor can report this end to the flow.
    expect(await client.engine("mail").cancel(`${id}.a`)).toBe("cancelled");
    await sweeps();
    await ended(orders, id);
    expect((await orders.flowNodes(id)).nodes).toMatchObject([
      { state: "cancelled", queue: "mail" },
      { state: "cancelled", skippedBy: `${id}.a` },
    ]);
    expect(await other.get(`${id}.b`)).toBeNull();
  });

  test("fails if the other queue is deleted", async () => {
    const { orders, observer } = await setup();
    const { id } = await orders.flow({
      nodes: chain([
        { name: "a", type: "t", queue: "mail" },
        { name: "b", type: "t" },
      ]),
      on: { done: { type: "t", queue: "mail" } },
    });
    await observer.pause("mail");
    // Two tasks are removed: the node, and the callback for the failure that follows from its removal.
    expect(await observer.deleteQueue("mail")).toEqual({ removed: 2 });
    await ended(orders, id);
    expect(await orders.getFlow(id)).toMatchObject({
      outcome: "failed",
      counts: { cancelled: 1, skipped: 1 },
    });
    expect((await orders.flowNodes(id)).nodes).toMatchObject([
      { state: "cancelled" },
      { skippedBy: `${id}.a` },
    ]);
  });

  test("leaves tasks without a flow in the other queue, if its own queue is deleted", async () => {
    const { client, orders, other, observer, name, work } = await setup();
    const { id } = await orders.flow({
      nodes: [
        { name: "a", type: "t", queue: "mail" },
        { name: "b", type: "t", options: { delayMs: 60_000 } },
      ],
    });
    let end: (() => void) | undefined;
    await work("mail", { t: () => new Promise<void>((resolve) => (end = resolve)) });
    await until("the node runs", () => end !== undefined);
    await observer.pause(name);
    await observer.deleteQueue(name);
    expect(await client.connection.command("HKEYS", client.engine("mail").keys.state)).not.toContain(
      `%${id}`,
    );
    end?.();
    const task = await other.result(`${id}.a`, { waitMs: 5_000 });
    expect(task?.state).toMatch(/completed|cancelled/);
    await orders.ready();
  });

  test("takes nodes that a node in the other queue adds", async () => {
    const { name, orders, other, work } = await setup();
    const { id } = await orders.flow({
      nodes: chain([
        { name: "list", type: "list", queue: "mail" },
        { name: "sum", type: "sum" },
      ]),
    });
    await work("mail", {
      list: async (_, ctx) => {
        await ctx.flow?.add([
          { name: "x", type: "part", payload: 1 },
          { name: "y", type: "part", payload: 2, queue: "mail" },
        ]);
      },
      part: async ({ payload }) => payload,
    });
    await work(name, {
      part: async ({ payload }) => payload,
      sum: async (_, ctx) => {
        let sum = 0;
        for await (const { result } of ctx.children()) sum += result ?? 0;
        return sum;
      },
    });
    expect((await orders.result(`${id}.sum`, { waitMs: 10_000 }))?.resultText).toBe("3");
    expect(await other.get(`${id}.list.y`)).toMatchObject({ state: "completed" });
    expect(await orders.get(`${id}.list.x`)).toMatchObject({ state: "completed" });
  });
});

describe("a flow in a queue with partitions", () => {
  test("spreads its nodes over the partitions, and each is found by its id", async () => {
    const { other: queue, observer, work } = await setup({ partitions: 4 });
    const parts = Array.from({ length: 40 }, (_, at) => ({ name: `p${at}`, type: "part", payload: at }));
    const { id } = await queue.flow({
      nodes: fanIn(parts, { name: "sum", type: "sum" }),
      on: { success: { type: "part", payload: "told" } },
    });
    expect(await queue.get(`${id}.p7`)).toMatchObject({ state: "pending", queue: "mail" });
    expect(await queue.get(`${id}.sum`)).toMatchObject({ state: "waiting", flow: { waitsFor: 40 } });
    expect(await observer.why("mail", `${id}.sum`)).toMatchObject({ reason: "after" });
    const spread = await Promise.all(
      [0, 1, 2, 3].map(async (part) => (await observer.stats(`mail/${part}`)).pending),
    );
    expect(spread.filter((count) => count > 0).length).toBeGreaterThan(1);
    expect(spread.reduce((sum, count) => sum + count, 0)).toBe(40);
    const waits = queue.result(`${id}.sum`, { waitMs: 10_000 });
    await work("mail", {
      part: async ({ payload }) => payload,
      sum: async (_, ctx) => {
        let sum = 0;
        for await (const { result } of ctx.children()) sum += result;
        return sum;
      },
    });
    expect((await waits)?.resultText).toBe("780");
    await until("the callback came", async () => (await queue.get(`${id}:success`)) !== null);
    expect((await queue.result(`${id}:success`, { waitMs: 10_000 }))?.resultText).toBe('"told"');
    expect(await queue.getFlow(id)).toMatchObject({
      queue: "mail",
      outcome: "success",
      counts: { completed: 41 },
    });
    const { nodes, cursor } = await queue.flowNodes(id, { limit: 30 });
    expect([nodes.length, cursor]).toEqual([30, "30"]);
    expect(nodes[3]).toMatchObject({ name: "p3", queue: "mail", resultText: "3", state: "completed" });
  });

  test("is opened, extended by its nodes, sealed, listed in pages and cancelled", async () => {
    const { other: queue, observer } = await setup({ partitions: 3 });
    const ids = Array.from({ length: 7 }, (_, at) => `flow-${at}`);
    for (const id of ids) {
      const flow = await queue.openFlow({ id });
      await flow.add([{ name: "a", type: "t" }]);
      await flow.add([{ name: "b", type: "t", after: ["a"] }]);
      await flow.seal();
    }
    const listed: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null; ) {
      const page = await observer.flows("mail", { limit: 2, ...(cursor === undefined ? {} : { cursor }) });
      expect(page.flows.length).toBeLessThanOrEqual(2);
      listed.push(...page.flows.map(({ id }) => id));
      ({ cursor } = page);
    }
    expect(listed.sort()).toEqual(ids);
    expect(await queue.cancelFlow("flow-3")).toBe("cancelled");
    expect(await queue.getFlow("flow-3")).toMatchObject({ outcome: "cancelled" });
    // Tasks of a flow can be cancelled by their ids, whether they wait for other nodes or not.
    expect(await queue.cancel("flow-4.b")).toBe("cancelled");
    expect(await observer.cancel("mail", "flow-4.a")).toBe("cancelled");
    expect(await queue.cancel("flow-4.none")).toBe("not_found");
  });

  test("refuses a node with a key, since its id decides its partition", async () => {
    const { other: queue } = await setup({ partitions: 2 });
    const nodes = [{ name: "a", type: "t", options: { key: "k" } }];
    await expect(queue.flow({ id: "f", nodes })).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringMatching(/node "a" has a key .*"mail", which has partitions/),
    });
    expect(await queue.getFlow("f")).toBeNull();
  });

  test("repairs itself if a dead node is replayed", async () => {
    const { client, other: queue, observer, work } = await setup({ partitions: 3 });
    const { id } = await queue.flow({
      nodes: fanIn(
        ["a", "b", "c", "d"].map((name) => ({ name, type: "t", options: { maxRetries: 0 } })),
        { name: "last", type: "t" },
      ),
    });
    let fails = true;
    const worker = await work("mail", {
      t: async (_, ctx) => {
        if (fails && ctx.flow?.name === "c") throw new Error("no");
      },
    });
    await ended(queue, id);
    expect(await queue.getFlow(id)).toMatchObject({ outcome: "failed", counts: { dead: 1, skipped: 1 } });
    expect(await observer.why("mail", `${id}.last`)).toMatchObject({
      reason: "skipped",
      detail: expect.stringContaining("is dead (retries_exhausted)"),
    });
    fails = false;
    expect(await observer.replay("mail", [`${id}.c`])).toMatchObject([{ outcome: "replayed" }]);
    await until("it succeeds", async () => (await queue.getFlow(id))?.outcome === "success");
    await worker.stop({ graceMs: 1_000 });
    await observer.pause("mail");
    await observer.deleteQueue("mail");
    const keys = await client.connection.command<string[]>("KEYS", `${client.prefix}:{mail/*`);
    expect(keys).toEqual([]);
  });

  test("goes over a queue with partitions and one without", async () => {
    const { name, orders, work } = await setup({ partitions: 3 });
    const sent = Array.from({ length: 12 }, (_, at) => ({ name: `m${at}`, type: "t", queue: "mail" }));
    const { id } = await orders.flow({
      nodes: [{ name: "first", type: "t" }, ...fanIn(sent, { name: "last", type: "t" })],
    });
    await work(name, { t: async () => 1 });
    await work("mail", { t: async () => 1 });
    await ended(orders, id);
    expect(await orders.getFlow(id)).toMatchObject({ outcome: "success", counts: { completed: 14 } });
  });
});
