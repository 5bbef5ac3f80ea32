import { setTimeout as sleep } from "node:timers/promises";
import type { FlowNode } from "@holdfast/contracts";
import { nanoid } from "nanoid";
import { describe, expect, test } from "vitest";
import {
  chain,
  fanIn,
  fanOut,
  type Handlers,
  type Holdfast,
  Janitor,
  type Queue,
  Worker,
} from "../../src/index.ts";
import { library, started } from "../support/library.ts";

const runs = (name: string, client: Holdfast, handlers: Handlers) =>
  started(new Worker(name, handlers, { redis: client.connection.redis, pollMs: 200 }));
/** Makes a queue under a key prefix of its own, with a janitor. */
const swept = () => {
  const prefix = `t${nanoid(8).replaceAll(/[^A-Za-z0-9]/g, "x")}`;
  return { ...library({ prefix }), prefix };
};
const sweeps = ({ redis, prefix }: ReturnType<typeof swept>) =>
  started(new Janitor({ redis, prefix, sweepIntervalMs: 100, auditIntervalMs: 0 }));

async function until(what: string, isTrue: () => Promise<boolean> | boolean): Promise<void> {
  const deadline = performance.now() + 10_000;
  while (!(await isTrue())) {
    if (performance.now() > deadline) throw new Error(`waited 10 s, but this did not happen: ${what}`);
    await sleep(10);
  }
}

const ended = (queue: Queue, id: string) =>
  until(`flow ${id} ends`, async () => (await queue.getFlow(id))?.state === "ended");

describe("a flow with workers", () => {
  test("gives the results of nodes to the nodes behind them, and to the callbacks", async () => {
    const { queue, name, client } = library();
    const seen: unknown[] = [];
    await runs(name, client, {
      "order.*": (task) => `${task.type} done`,
      "order.ship": async (_, ctx) => {
        for await (const { name, result } of ctx.children()) seen.push([name, result]);
        return ctx.flow?.name;
      },
      told: async (_, ctx) => {
        for await (const { name, result } of ctx.children({ where: { state: "completed" }, page: 1 }))
          seen.push([name, result]);
      },
      plain: async (_, ctx) => {
        for await (const child of ctx.children()) seen.push(child);
        seen.push(ctx.flow);
      },
    });
    const { id, nodes } = await queue.flow({
      nodes: fanIn(
        [
          { name: "pay", type: "order.pay" },
          { name: "pack", type: "order.pack" },
        ],
        {
          name: "ship",
          type: "order.ship",
        },
      ),
      on: { success: { type: "told" } },
    });
    expect(nodes).toBe(3);
    await queue.result(`${id}:success`, { waitMs: 5_000 });
    await until("the callback ran", () => seen.length >= 5);
    expect(seen).toEqual([
      ["pay", "order.pay done"],
      ["pack", "order.pack done"],
      ["pay", "order.pay done"],
      ["pack", "order.pack done"],
      ["ship", "ship"],
    ]);
    const plain = await queue.enqueue("plain", 1);
    await queue.result(plain.id);
    expect(seen.at(-1)).toBeNull();
    expect(seen).toHaveLength(6);
  });

  test("accepts nodes from a running node, once for all attempts of that node", async () => {
    const { queue, name, client } = library();
    const parts: number[] = [];
    await runs(name, client, {
      list: async (task, ctx) => {
        const nodes = Array.from({ length: 700 }, (_, i) => ({ name: `part${i}`, type: "part", payload: i }));
        const { added, known } = (await ctx.flow?.add(nodes)) ?? { added: 0, known: 0 };
        if (task.attempt === 1) throw new Error("again");
        return { added, known };
      },
      part: (task) => {
        parts.push(task.payload);
        return task.payload;
      },
      sum: async (_, ctx) => {
        let sum = 0;
        for await (const { name, result } of ctx.children()) if (name !== "list") sum += result;
        return sum;
      },
    });
    const backoff = { kind: "fixed", baseMs: 0, jitter: "none" } as const;
    const { id } = await queue.flow({
      nodes: chain([
        { name: "list", type: "list", options: { backoff } },
        { name: "sum", type: "sum" },
      ]),
    });
    const sum = await queue.wait(`${id}.sum`, { waitMs: 20_000 });
    expect(sum?.resultText).toBe(String((699 * 700) / 2));
    expect(parts).toHaveLength(700);
    expect((await queue.get(`${id}.list`))?.resultText).toBe('{"added":0,"known":700}');
  });

  test("is continued by the janitor if the worker dies right after its settle", async () => {
    const system = swept();
    const { queue, engine, name, observer } = system;
    const { id } = await queue.flow({
      nodes: chain([
        { name: "a", type: "t" },
        { name: "b", type: "t" },
      ]),
    });
    const args = { held: 0, leaseMs: 30_000, maxRetries: 0, workerId: "w", park: false, noHandlerAfterMs: 1 };
    const { grants } = await engine.acquire({ ...args, want: 1, nonce: "n1" });
    await engine.settle(
      grants.map(({ id, fence }) => ({ kind: "ack" as const, id, fence })),
      { ...args, want: 0, nonce: "n2" },
    );
    expect(await observer.why(name, `${id}.b`)).toMatchObject({ state: "waiting", reason: "after" });
    await sweeps(system);
    await until("node b is pending", async () => (await queue.get(`${id}.b`))?.state === "pending");
  });

  test("is cancelled by a janitor, and ends, if nobody seals it", async () => {
    const system = swept();
    const { queue, name } = system;
    const flow = await queue.openFlow({
      sealBy: Date.now() + 300,
      on: { success: { type: "t" }, cancelled: { type: "t" } },
    });
    expect(await flow.add([{ name: "a", type: "t" }])).toEqual({ added: 1, known: 0 });
    await sweeps(system);
    await ended(queue, flow.id);
    expect(await queue.getFlow(flow.id)).toMatchObject({
      outcome: "cancelled",
      callbacks: [
        { moment: "cancelled", enqueued: true },
        { moment: "success", enqueued: false },
      ],
    });
    await expect(flow.add([{ name: "b", type: "t" }])).rejects.toMatchObject({ code: "conflict" });
    await started(new Worker(name, { t: () => {} }, { redis: system.redis, prefix: system.prefix }));
    expect(await queue.result(`${flow.id}:cancelled`)).toMatchObject({ state: "completed" });
  });

  test("succeeds at once if it has no nodes", async () => {
    const { queue } = library();
    const { id } = await queue.flow({ nodes: [], on: { success: { type: "t" } } });
    expect(await queue.getFlow(id)).toMatchObject({ state: "ended", outcome: "success" });
    expect(await queue.get(`${id}:success`)).toMatchObject({
      state: "pending",
      flow: { id, name: "success" },
    });
  });

  test("of thousands of nodes can be sent as a stream, and cancelled", async () => {
    const system = swept();
    const { queue, name, observer } = system;
    const many = Array.from({ length: 1_200 }, (_, i) => ({ name: `n${i}`, type: "t", payload: i }));
    const { id, nodes } = await queue.flow({ nodes: fanOut({ name: "first", type: "t" }, many) });
    expect(nodes).toBe(1_201);
    expect(await observer.stats(name)).toMatchObject({ waiting: 1_200, pending: 1, flows: 1 });
    expect(await observer.why(name, `${id}.n3`)).toMatchObject({
      detail: `it waits for 1 of the 1 nodes before it in flow ${id}: first (pending)`,
    });
    expect(await observer.cancelFlow(name, id)).toBe("cancelled");
    await sweeps(system);
    await ended(queue, id);
    expect((await observer.getFlow(name, id))?.counts).toMatchObject({ cancelled: 1, skipped: 1_200 });
    const page = await observer.flowNodes(name, id, { state: "cancelled", limit: 2 });
    expect(page.nodes.map(({ name, state, after }) => [name, state, after])).toEqual([
      ["first", "cancelled", []],
      ["n0", "cancelled", ["first"]],
    ]);
    expect(
      (await observer.flowNodes(name, id, { cursor: page.cursor as string, limit: 1 })).nodes[0]?.name,
    ).toBe("n1");
    expect((await observer.flows(name)).flows.map(({ id }) => id)).toEqual([id]);
  });

  test("is removed with its queue", async () => {
    const { queue, observer, name } = library();
    await queue.flow({
      id: "f",
      nodes: chain([
        { name: "a", type: "t" },
        { name: "b", type: "t" },
      ]),
    });
    await observer.pause(name);
    await observer.deleteQueue(name);
    expect(await observer.queues()).not.toContain(name);
    await queue.enqueue("t", 1);
    expect(await queue.getFlow("f")).toBeNull();
  });
});

describe("a flow is refused before anything is written", () => {
  const node = (name: string, ...after: string[]): FlowNode => ({ name, type: "t", after });
  test.each<[string, FlowNode[], RegExp]>([
    [
      "a cycle",
      [node("x"), node("a", "c"), node("b", "a", "x"), node("c", "b")],
      /wait for one another: a -> b -> c -> a|c -> a -> b -> c|b -> c -> a -> b/,
    ],
    ["a node after itself", [node("a", "a")], /wait for one another: a -> a/],
    ["a node twice", [node("a"), node("b"), node("a")], /node "a" is given twice/],
    ["an unknown name", [node("a"), node("b", "none")], /node "b" is after "none"/],
    ["a name with a dot", [node("a.b")], /node a\.b: name has to be/],
    ["a unique key", [{ name: "a", type: "t", options: { unique: { key: "k" } } as never }], /unique/],
    [
      "a queue that does not exist",
      [{ name: "a", type: "t", queue: "other" }],
      /node "a": there is no queue "other"/,
    ],
    [
      "a partition instead of a queue",
      [{ name: "a", type: "t", queue: "q/1" }],
      /node a: queue has to be the name of a queue/,
    ],
    [
      "a payload that is too large",
      [{ name: "big", type: "t", payload: "x".repeat(300_000) }],
      /node "big" has more than/,
    ],
  ])("%s", async (_, nodes, message) => {
    const { queue, observer, name } = library();
    await queue.ready();
    await expect(queue.flow({ id: "f", nodes })).rejects.toThrow(message);
    expect(await queue.getFlow("f")).toBeNull();
    expect((await observer.stats(name)).totals.enqueued).toBe(0);
  });

  test("over the cap of the queue, and what was stored of it is cancelled", async () => {
    const { queue, observer, name } = library();
    await queue.ready();
    await observer.configure(name, { maxWaiting: 600 });
    const nodes = Array.from({ length: 700 }, (_, i) => node(`n${i}`));
    await expect(queue.flow({ id: "f", nodes })).rejects.toMatchObject({ code: "queue_full" });
    expect((await queue.getFlow("f"))?.cancelRequested).toBe(true);
    await expect(queue.flow({ id: "g", nodes: nodes.slice(0, 200) })).rejects.toMatchObject({
      code: "queue_full",
    });
    expect(await queue.getFlow("g")).toBeNull();
  });

  test("twice with one id, which is one flow", async () => {
    const { queue } = library();
    const flow = { id: "order-7", nodes: [node("a"), node("b", "a")] };
    expect(await queue.flow(flow)).toEqual({ id: "order-7", nodes: 2, duplicate: false });
    expect(await queue.flow(flow)).toEqual({ id: "order-7", nodes: 2, duplicate: true });
    const again = await queue.openFlow({ id: "order-7" });
    expect(again.duplicate).toBe(true);
    await expect(again.seal()).rejects.toMatchObject({ code: "conflict" });
    expect(await queue.cancelFlow("none")).toBe("not_found");
  });
});

test("a change of a node that waits for others is refused, and one that is pending is changed", async () => {
  const { queue } = library();
  const { id } = await queue.flow({
    nodes: chain([
      { name: "a", type: "t" },
      { name: "b", type: "t" },
    ]),
  });
  expect(await queue.change(`${id}.b`, { priority: "high" })).toMatchObject({
    outcome: "not_waiting",
    state: "waiting",
  });
  expect(await queue.change(`${id}.a`, { priority: "high" })).toMatchObject({ outcome: "changed" });
  expect(await queue.cancel(`${id}.b`)).toBe("cancelled");
});
