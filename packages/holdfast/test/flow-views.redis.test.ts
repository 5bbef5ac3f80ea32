import { setTimeout as delay } from "node:timers/promises";
import { until } from "@holdfast/testing";
import { expect, test, vi } from "vitest";
import { FatalError, fanIn, Worker } from "../src/index.ts";
import { library, started } from "./support/library.ts";

const node = (name: string, more: object = {}) => ({ name, type: "t", ...more });

test("why names the task because of which a node was skipped, also over another skipped node, and the remedy", async () => {
  const { queue, observer, name, redis } = library();
  const nodes = [node("a"), node("b", { after: ["a"] }), node("c", { after: ["b"] })];
  await queue.flow({ id: "f", nodes });
  await started(new Worker(name, { t: () => Promise.reject(new FatalError("no")) }, { redis }));
  await until("the last node was skipped", async () => (await queue.get("f.c"))?.state === "cancelled");
  for (const id of ["f.b", "f.c"])
    expect(await observer.why(name, id)).toEqual({
      state: "cancelled",
      reason: "skipped",
      detail:
        "it was skipped because of task f.a, which is dead (fatal): a replay of that dead letter opens this task again",
      ...{ position: null, positionIsEstimate: false, expectedStartAt: null },
    });
});

test("why names the node before a skipped node, whether that node was cancelled or is no longer kept", async () => {
  const { queue, observer, name } = library();
  await queue.flow({ id: "f", nodes: [node("a"), node("b", { after: ["a"] })] });
  await queue.cancel("f.a");
  await queue.flow({ nodes: [] }); // makes the queue count the ends of nodes, as a worker or a janitor would
  await until("the node was skipped", async () => (await queue.get("f.b"))?.state === "cancelled");
  const why = async () => (await observer.why(name, "f.b"))?.detail;
  expect(await why()).toBe("it was skipped because of task f.a, which is cancelled");
  await observer.empty(name, ["cancelled"]);
  expect(await why()).toBe("it was skipped because of task f.a, which did not complete");
});

test("why names the unfinished nodes before a node, and the slowest, in few calls, even of thousands of nodes", async () => {
  const { queue, observer, name, redis, client } = library();
  const many = Array.from({ length: 4_497 }, (_, at) => node(`n${at}`));
  const last = [
    node("slow", { type: "hangs" }),
    node("alone", { type: "nobody" }),
    node("dies", { onDead: "hold" }),
  ];
  const { id } = await queue.flow({ id: "f", nodes: fanIn([...many, ...last], node("sum")) });
  const fails = (task: { id: string }) => {
    if (task.id === "f.dies") throw new FatalError("no");
  };
  const hangs = (_: unknown, { signal }: { signal: AbortSignal }) =>
    new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
  await started(new Worker(name, { t: fails, hangs }, { redis, concurrency: 50 }));
  await until("three nodes are left", async () => (await queue.get("f.sum"))?.flow?.waitsFor === 3);
  const script = vi.spyOn(client.connection, "script");
  const why = await observer.why(name, "f.sum");
  const asked = script.mock.calls.filter(([{ name }]) => name === "flowNodes").length;
  expect([why?.reason, asked]).toEqual(["after", 3]);
  expect(why?.detail).toMatch(
    /^it waits for 3 of the 4500 nodes before it in flow f: slow \(processing\), alone \(pending\), dies \(dead: replay or discard it\); the slowest, slow, has run for \d+ (ms|s)$/,
  );
  expect((await observer.flowNodes(name, id, { cursor: "4400", state: "processing" })).nodes).toMatchObject([
    { name: "slow", startedAt: expect.any(Number), endedAt: null },
  ]);
  const graph = await observer.flowGraph(name, id);
  expect(graph).toMatchObject({
    flow: { id, counts: { total: 4_501, completed: 4_497 } },
    scanned: 4_501,
    path: { by: "length", total: 2 },
    waitsFor: { total: 3, nodes: [{ name: "slow", state: "processing" }, {}, {}] },
  });
  expect(graph.groups.map(({ layer, type, total, after }) => [layer, type, total, after])).toEqual([
    [0, "t", 4_498, []],
    [0, "hangs", 1, []],
    [0, "nobody", 1, []],
    [1, "t", 1, [0, 1, 2]],
  ]);
  const [done] = (await observer.flowNodes(name, id, { limit: 1 })).nodes;
  expect((done?.endedAt ?? 0) >= (done?.startedAt ?? Number.POSITIVE_INFINITY)).toBe(true);
});

test("the graph of a flow has a group per node, and the critical path of an ended flow; an unknown flow is refused", async () => {
  const { queue, observer, name, redis } = library();
  const nodes = [node("a"), node("b", { after: ["a"] }), node("c", { after: ["a", "b"] })];
  const { id } = await queue.flow({ nodes });
  await expect(observer.flowGraph(name, "other")).rejects.toMatchObject({ code: "not_found" });
  await started(new Worker(name, { t: () => {} }, { redis }));
  await until("the flow has ended", async () => (await queue.getFlow(id))?.state === "ended");
  const { groups, path, waitsFor } = await observer.flowGraph(name, id);
  expect(groups.map(({ names, layer, states, after }) => [names, layer, states, after])).toEqual([
    [["a"], 0, [{ state: "completed", count: 1 }], []],
    [["b"], 1, [{ state: "completed", count: 1 }], [0]],
    [["c"], 2, [{ state: "completed", count: 1 }], [0, 1]],
  ]);
  expect([path.by, path.nodes.map(({ name }) => name)]).toEqual(["time", ["a", "b", "c"]]);
  expect(waitsFor.total).toBe(0);
  const [a, b] = path.nodes;
  expect((a?.endedAt ?? 0) <= (b?.startedAt ?? 0)).toBe(true);
});

test("the stats have the age of the oldest running flow, and the list of flows begins with that flow", async () => {
  const { queue, observer, name, redis } = library();
  const gate = { isBroken: true, isOpen: false };
  const handlers = {
    t: () => {
      if (gate.isBroken) throw new FatalError("no");
    },
    held: () => until("the gate is open", () => gate.isOpen),
  };
  const order = async () => (await observer.flows(name)).flows.map(({ id, state }) => `${id} ${state}`);
  /** Returns the flow whose age the stats show as the oldest. */
  const oldest = async () => {
    const { at, oldestFlowAgeMs } = await observer.stats(name);
    const { flows } = await observer.flows(name);
    return flows.filter(({ createdAt }) => at - createdAt === oldestFlowAgeMs).map(({ id }) => id);
  };
  await queue.enqueue("other", 1);
  expect((await observer.stats(name)).oldestFlowAgeMs).toBe(0);
  await queue.openFlow({ id: "unsealed" });
  await delay(5); // the flows below must not begin in the same millisecond
  expect((await observer.stats(name)).oldestFlowAgeMs).toBe(0);
  for (const id of ["first", "second"]) {
    await queue.flow({ id, nodes: [node("a", id === "second" ? { type: "held" } : {})] });
    await delay(5);
  }
  await queue.flow({ id: "empty", nodes: [] });
  expect([await order(), await oldest()]).toEqual([
    ["first running", "second running", "empty ended", "unsealed open"],
    ["first"],
  ]);
  await started(new Worker(name, handlers, { redis }));
  await until("the first flow has failed", async () => (await queue.getFlow("first"))?.state === "ended");
  expect([await order(), await oldest()]).toEqual([
    ["second running", "first ended", "empty ended", "unsealed open"],
    ["second"],
  ]);
  await observer.pause(name);
  await observer.replayAll(name, { flow: "first" });
  await queue.flow({ nodes: [] }); // makes the queue count the replay, as a worker or a janitor would
  expect(await oldest()).toEqual(["first"]);
  await observer.cancelFlow(name, "unsealed");
  expect((await order()).slice(0, 2)).toEqual(["unsealed running", "first running"]);
  gate.isBroken = false;
  gate.isOpen = true;
  await observer.resume(name);
  await until("all flows have ended", async () => (await observer.stats(name)).flows === 0);
  expect((await observer.stats(name)).oldestFlowAgeMs).toBe(0);
});
