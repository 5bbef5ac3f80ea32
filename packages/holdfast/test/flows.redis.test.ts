// Tests of the Lua scripts for flows. The file has more than 500 lines, because the mutants of the flow scripts
// (copies with one error) are tested with all of it.
import type { FlowPolicy } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { cancelFlow } from "../src/engine/flow-mover.ts";
import { readFlow } from "../src/engine/flow-reader.ts";
import { advanceFlows } from "../src/engine/flows.ts";
import { setLimits } from "../src/engine/limits.ts";
import type { Grant } from "../src/engine/round-trip.ts";
import { addFlow, advance, flowStates, runAll } from "./support/flow.ts";
import { setup } from "./support/setup.ts";
import { LEASE_MS, type TestQueue } from "./support/test-queue.ts";

type Lease = Awaited<ReturnType<TestQueue["grant"]>>;
const view = async (q: TestQueue, id = "f") => (await readFlow(q.engine, q.name, id))?.flow;

describe("nodes run in their order", () => {
  test("a chain", async () => {
    const q = await setup();
    expect(await addFlow(q, ["a", "b<a", "c<b"])).toMatchObject({ verdict: "n", total: 3, letters: "nnn" });
    expect(await flowStates(q)).toBe("a pending, b waiting, c waiting");
    expect((await q.stats()).waiting).toBe(2);
    expect(await runAll(q)).toEqual(["a", "b", "c", "success", "done"]);
    expect(await flowStates(q)).toBe("a completed, b completed, c completed, on success done");
    expect(await view(q)).toMatchObject({ state: "ended", outcome: "success", endedAt: q.now });
  });

  test("in a diamond, where the last node waits for two nodes", async () => {
    const q = await setup();
    await addFlow(q, ["top", "left<top", "right<top", "bottom<left,right"]);
    await q.ack(await q.grant());
    await advance(q);
    const left = await q.grant();
    const right = await q.grant();
    await q.ack(left);
    await advance(q);
    expect((await q.task("f.bottom")).flow).toEqual({
      id: "f",
      name: "bottom",
      waitsFor: 1,
      skippedBy: null,
    });
    await q.ack(right);
    await advance(q);
    expect(await flowStates(q)).toBe("top completed, left completed, right completed, bottom pending");
  });

  test("in a fan-out and a fan-in over a shared node, with few nodes per call", async () => {
    const q = await setup();
    const leaves = Array.from({ length: 40 }, (_, i) => `leaf${i}`);
    await addFlow(q, [
      "root",
      ...leaves.map((name) => `${name}<root`),
      `sum<${leaves.join(",")}`,
      "also<leaf3",
    ]);
    await q.ack(await q.grant());
    expect(await advance(q, 7)).toBeGreaterThan(5);
    const { grants } = await q.acquire(100);
    expect(grants.map(({ id }) => id)).toEqual(leaves.map((name) => `f.${name}`));
    await q.settle(grants.map(({ id, fence }) => ({ kind: "ack", id, fence })));
    await advance(q, 7);
    expect((await q.acquire(9)).grants.map(({ id }) => id).sort()).toEqual(["f.also", "f.sum"]);
  });

  test("and each node has its own priority, key and delay", async () => {
    const q = await setup();
    await addFlow(q, ["a"], { seal: false });
    await addFlow(q, ["late<a"], { how: "add", seal: false, options: { delayMs: 1_000 } });
    await addFlow(q, ["keyed<a"], { how: "add", seal: false, options: { key: "ada" } });
    await addFlow(q, ["low<a"], { how: "add", seal: false, options: { priority: "low" } });
    await addFlow(q, ["high<a"], { how: "add", options: { priority: "high" } });
    await q.ack(await q.grant());
    q.advance(10_000);
    await advance(q);
    expect(await q.task("f.late")).toMatchObject({ state: "scheduled", runAt: q.now + 1_000 });
    expect((await q.grant()).id).toBe("f.high");
    const { grants } = await q.acquire(9);
    expect(grants.map(({ id }) => id).sort()).toEqual(["f.keyed", "f.low"]);
    await q.settle(grants.map(({ id, fence }) => ({ kind: "ack", id, fence })));
    q.advance(1_000);
    expect((await q.grant()).id).toBe("f.late");
  });
});

describe("nodes that end in one call", () => {
  const acks = (grants: Awaited<ReturnType<TestQueue["acquire"]>>["grants"]) =>
    grants.map(({ id, fence }) => ({ kind: "ack" as const, id, fence }));

  test("are counted once each, each with its own policy", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b", "c", "d", "e", "last<a,b,c,d,e"], { onDead: { c: "continue", d: "hold" } });
    const verdicts = acks((await q.acquire(9)).grants);
    const [first, ...rest] = verdicts as [(typeof verdicts)[0], ...typeof verdicts];
    await q.settle([first, first, ...rest, first]);
    await advance(q);
    expect(await view(q)).toMatchObject({ counts: { total: 6, completed: 5, active: 1 } });
    expect(await flowStates(q)).toContain("last pending");
  });

  test("are counted if they have the option keep, or a key under a limit", async () => {
    const q = await setup();
    await setLimits(q.engine, { key: { concurrency: 9 } });
    await addFlow(q, ["a", "b"], { seal: false, options: { keep: { completedMs: 60_000 } } });
    await addFlow(q, ["c", "d"], { how: "add", seal: false, options: { key: "k" } });
    await addFlow(q, ["last<a,b,c,d"], { how: "add" });
    await q.settle(acks((await q.acquire(9)).grants));
    await advance(q);
    expect(await flowStates(q)).toMatch(/last pending/);
  });

  test("release or skip each node behind them, by how the nodes before it ended", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b", "c", "x<a", "y<b", "z<c", "xy<x,y"]);
    for (const grant of (await q.acquire(9)).grants)
      await (grant.id === "f.b" ? q.fatal(grant) : q.ack(grant));
    await advance(q);
    expect(await flowStates(q)).toMatch(/x pending, y skipped, z pending, xy skipped/);
    await q.engine.replay(["f.b", ""]);
    await advance(q);
    expect(await flowStates(q)).toMatch(/x pending, y waiting, z pending, xy waiting/);
    await runAll(q);
    expect(await view(q)).toMatchObject({ outcome: "success", counts: { completed: 7 } });
  });

  test("release all nodes behind one node, even if they are many", async () => {
    const q = await setup();
    await addFlow(q, ["root"], { seal: false });
    for (const part of ["a", "b", "c"])
      await addFlow(
        q,
        Array.from({ length: 300 }, (_, n) => `${part}-${1_000 + n}<root`),
        { how: "add", seal: false },
      );
    await q.ack(await q.grant());
    await advance(q);
    expect(await view(q)).toMatchObject({ counts: { completed: 1, waiting: 0, active: 900 } });
  });

  test("are counted for the right flow, if they are in several", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b"], { id: "f" });
    await addFlow(q, ["a"], { id: "f2" });
    await addFlow(q, ["a", "b"], { id: "g" });
    await cancelFlow(q.engine, "g");
    const { grants } = await q.acquire(9);
    expect(grants.map(({ id }) => id)).toEqual(["f.a", "f.b", "f2.a"]);
    await q.settle(acks(grants));
    await advance(q);
    const outcomes = await Promise.all(["f", "f2", "g"].map(async (id) => (await view(q, id))?.outcome));
    expect(outcomes).toEqual(["success", "success", "cancelled"]);
  });
});

describe("the end of a flow", () => {
  test("comes at once if the flow has no nodes", async () => {
    const q = await setup();
    await addFlow(q, []);
    await advance(q);
    expect(await runAll(q)).toEqual(["success", "done"]);
  });

  test("enqueues each callback once, although the call is repeated", async () => {
    const q = await setup();
    await addFlow(q, ["a"]);
    expect(await addFlow(q, ["a", "b"])).toMatchObject({ verdict: "d", total: 1 });
    expect(await runAll(q)).toEqual(["a", "success", "done"]);
    expect(await addFlow(q, ["a"])).toMatchObject({ verdict: "d" });
    await advance(q);
    expect(await runAll(q)).toEqual([]);
  });

  test("comes only after the flow is sealed", async () => {
    const q = await setup();
    await addFlow(q, ["a"], { seal: false });
    expect(await runAll(q)).toEqual(["a"]);
    expect(await view(q)).toMatchObject({ state: "open", counts: { total: 1, completed: 1 } });
    expect(await addFlow(q, ["b<a"], { how: "add" })).toMatchObject({ verdict: "n", total: 2 });
    expect(await runAll(q)).toEqual(["b", "success", "done"]);
    expect(await addFlow(q, ["c"], { how: "add" })).toMatchObject({ verdict: "s" });
  });

  test("comes by a cancel if nobody seals the flow in time", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b<a"], { seal: false, sealBy: q.now + 5_000 });
    const grant = await q.grant();
    q.advance(4_999);
    await advance(q);
    expect(await flowStates(q)).toBe("a processing, b waiting");
    q.advance(1);
    await advance(q);
    expect(await flowStates(q)).toBe("a processing, b skipped");
    expect((await q.task("f.a")).cancelRequested).toBe(true);
    await q.fail(grant, "stopped");
    await advance(q);
    expect(await flowStates(q)).toBe("a cancelled, b skipped, on cancelled done");
    expect(await view(q)).toMatchObject({ outcome: "cancelled" });
  });
});

/** The ways in which a node ends without completing. */
const CAUSES: Record<string, (q: TestQueue) => Promise<void>> = {
  retries: async (q) => {
    await q.fail(await q.grant({ maxRetries: 0 }));
  },
  "the crash limit": async (q) => {
    await q.grant({ maxRetries: 0 });
    await q.crash();
  },
  expiry: async (q) => {
    q.advance(60_000);
    await q.engine.expire(10);
  },
  "expiry at its grant": async (q) => {
    q.advance(60_000);
    await q.acquire(1);
  },
  cancel: async (q) => {
    await q.engine.cancel("f.child");
  },
  "a cancel while it runs": async (q) => {
    const grant = await q.grant();
    await q.engine.cancel("f.child");
    await q.fail(grant);
  },
  "no handler": async (q) => {
    await q.unrouted(await q.grant(), { types: " x" });
    q.advance(90_000_000);
    await q.engine.reject([], "nobody", 10);
  },
  emptying: async (q) => {
    await q.engine.empty("pending", "pending", 10);
  },
};
const DIES = ["retries", "the crash limit", "no handler"];

describe.each(Object.entries(CAUSES))("a child that ends by %s", (cause, end) => {
  test.each(["fail", "continue", "hold"] as FlowPolicy[])("with the policy %s", async (onDead) => {
    const q = await setup();
    const expires = cause.startsWith("expiry") ? { options: { expiresAt: q.now + 50_000 } } : {};
    await addFlow(q, ["child"], { seal: false, onDead: { child: onDead }, ...expires });
    await addFlow(q, ["parent<child", "last<parent"], { how: "add" });
    await end(q);
    await advance(q);
    const isHeld = onDead === "hold" && DIES.includes(cause);
    const parent = onDead === "continue" ? "pending" : isHeld ? "waiting" : "cancelled";
    expect((await q.task("f.parent")).state).toBe(parent);
    if (isHeld) {
      expect((await view(q))?.state).toBe("running");
      expect(await q.engine.discard(["f.child", ""])).toBe("d");
      await advance(q);
      expect((await q.task("f.parent")).flow?.skippedBy).toBe("f.child");
    }
    await runAll(q);
    const dies = DIES.includes(cause);
    expect(await view(q)).toMatchObject({
      state: "ended",
      outcome: onDead === "continue" ? "success" : "failed",
      counts: onDead === "continue" ? { completed: 2 } : { skipped: 2 },
    });
    const came = [...(dies ? ["dead"] : []), ...(onDead === "continue" ? ["success"] : []), "done"];
    expect((await flowStates(q)).replace(/.*, on /, "")).toBe(came.join(" "));
  });
});

describe("a replay", () => {
  test("lets the skipped nodes behind it run, and the success callback comes once", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b<a", "c<b", "d"]);
    await runAll(q, { a: "fatal" });
    expect(await flowStates(q)).toBe("a dead, b skipped, c skipped, d completed, on dead done");
    await q.engine.replay(["f.a", ""]);
    await advance(q);
    expect(await flowStates(q)).toBe("a pending, b waiting, c waiting, d completed, on dead done");
    expect(await view(q)).toMatchObject({ state: "running", outcome: null });
    expect(await runAll(q)).toEqual(["a", "b", "c", "success"]);
    expect(await flowStates(q)).toBe(
      "a completed, b completed, c completed, d completed, on dead success done",
    );
    await advance(q);
    expect(await runAll(q)).toEqual([]);
  });

  test("of one of two dead nodes does not open a node that comes behind both", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b", "c<a,b", "d<a"]);
    await runAll(q, { a: "fatal", b: "fatal" });
    await q.engine.replay(["f.a", ""]);
    await advance(q);
    expect(await flowStates(q)).toBe("a pending, b dead, c skipped, d waiting, on dead done");
    await q.engine.replay(["f.b", ""]);
    await advance(q);
    expect(await runAll(q)).toEqual(["a", "b", "d", "c", "success"]);
  });

  test("before the flow has counted the death changes no other node", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b<a"]);
    await q.fatal(await q.grant());
    await q.engine.replay(["f.a", ""]);
    await advance(q);
    expect(await flowStates(q)).toBe("a pending, b waiting, on dead");
    expect(await runAll(q)).toEqual(["a", "dead", "b", "success", "done"]);
  });

  test("of a node with onDead continue does not run the nodes behind it again", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b<a", "c<b"], { onDead: { a: "continue" } });
    await runAll(q, { a: "fatal" });
    await q.engine.replay(["f.a", ""]);
    await advance(q);
    expect(await runAll(q)).toEqual(["a"]);
    expect(await view(q)).toMatchObject({ counts: { completed: 3 }, outcome: "success" });
  });

  test("of a node with onDead continue does not count twice for a node that also waits for another node", async () => {
    const q = await setup();
    await addFlow(q, ["a", "slow", "b<a,slow"], { onDead: { a: "continue" } });
    const [a, slow] = (await q.acquire(9)).grants as [Lease, Lease];
    await q.fatal(a);
    await advance(q);
    await q.engine.replay(["f.a", ""]);
    await advance(q);
    expect(await runAll(q)).toEqual(["dead", "a"]);
    expect(await flowStates(q)).toMatch(/^a completed, slow processing, b waiting/);
    await q.ack(slow);
    await advance(q);
    expect(await runAll(q)).toEqual(["b", "success", "done"]);
  });

  test("of a node with onDead hold lets the nodes behind it run", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b<a"], { onDead: { a: "hold" } });
    await runAll(q, { a: "fatal" });
    expect(await flowStates(q)).toBe("a dead, b waiting, on dead");
    await q.engine.discard(["f.a", ""], undefined, { discard: "d1" });
    await advance(q);
    expect(await flowStates(q)).toBe("a dead, b skipped, on dead done");
    await q.engine.restore(["f.a"], "d1");
    await q.engine.replay(["f.a", ""]);
    await advance(q);
    expect(await flowStates(q)).toBe("a pending, b waiting, on dead done");
    expect(await runAll(q)).toEqual(["done", "a", "b", "success"]);
  });
});

describe("a cancel of a flow", () => {
  test("ends an open flow, and is too late for a flow that has ended", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b<a"]);
    await runAll(q, { a: "fatal" });
    await addFlow(q, ["x"], { id: "g", seal: false });
    expect(await cancelFlow(q.engine, "f")).toBe("too_late");
    await cancelFlow(q.engine, "g");
    await advance(q);
    expect(await flowStates(q, "g")).toBe("x cancelled, on cancelled done");
  });

  test("ends waiting nodes, asks running nodes to stop, and lets no node start", async () => {
    const q = await setup();
    await addFlow(q, ["runs"], { seal: false });
    const grant = await q.grant();
    await addFlow(q, ["late"], { how: "add", seal: false, options: { delayMs: 5_000 } });
    await addFlow(q, ["p1", "p2", "w<p1"], { how: "add" });
    expect(await cancelFlow(q.engine, "f")).toBe("cancelled");
    const trip = await q.acquire(9);
    expect([trip.grants, trip.ends, trip.again]).toEqual([[], true, true]);
    await advance(q);
    expect(await flowStates(q)).toBe("runs processing, late cancelled, p1 skipped, p2 skipped, w skipped");
    expect((await q.task("f.runs")).cancelRequested).toBe(true);
    await q.ack(grant);
    await advance(q);
    expect(await runAll(q)).toEqual(["cancelled", "done"]);
    expect(await cancelFlow(q.engine, "f")).toBe("cancelled");
    expect(await cancelFlow(q.engine, "none")).toBe("not_found");
    expect(await addFlow(q, ["new"], { how: "add" })).toMatchObject({ verdict: "x" });
  });

  test("ends a thousand nodes over several calls", async () => {
    const q = await setup();
    for (let i = 0; i < 3; i++)
      await addFlow(
        q,
        Array.from({ length: 400 }, (_, j) => `n${i}-${j}${i === 0 ? "" : `<n${i - 1}-${j}`}`),
        { seal: false },
      );
    await cancelFlow(q.engine, "f");
    expect(await advance(q)).toBe(3);
    expect(await view(q)).toMatchObject({
      state: "ended",
      counts: { cancelled: 400, skipped: 800, active: 0 },
    });
    expect(await runAll(q)).toEqual(["cancelled", "done"]);
  });
});

describe("additions", () => {
  test("can come behind nodes that have ended", async () => {
    const q = await setup();
    await addFlow(q, ["done", "dead", "held", "goes"], {
      seal: false,
      onDead: { held: "hold", goes: "continue" },
    });
    await runAll(q, { dead: "fatal", held: "fatal", goes: "fatal" });
    await addFlow(q, ["a<done", "b<dead", "c<held", "d<goes", "e<b"], { how: "add" });
    await advance(q);
    expect(await flowStates(q)).toBe(
      "done completed, dead dead, held dead, goes dead, a pending, b skipped, c waiting, d pending, e skipped, on dead",
    );
    await q.engine.replay(["f.dead", "", "f.held", "", "f.goes", ""]);
    await advance(q);
    await runAll(q);
    expect(await view(q)).toMatchObject({ outcome: "success", counts: { total: 9, completed: 9 } });
  });

  test("can come behind nodes whose end the flow has not counted yet", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b", "c", "z<a"], { seal: false, onDead: { c: "continue" } });
    const { grants } = await q.acquire(9);
    for (const grant of grants) await (grant.id === "f.a" ? q.ack(grant) : q.fatal(grant));
    await addFlow(q, ["d<a", "e<b", "g<c"], { how: "add" });
    expect(await flowStates(q)).toBe(
      "a completed, b dead, c dead, z waiting, d waiting, e waiting, g waiting",
    );
    await advance(q);
    expect(await flowStates(q)).toMatch(
      /^a completed, b dead, c dead, z pending, d pending, e skipped, g pending/,
    );
  });

  test("are refused if they come behind an unknown node or themselves, which the error names, and change nothing", async () => {
    const q = await setup();
    await addFlow(q, ["a"], { seal: false });
    const before = await q.redis.hgetall(q.keys.state);
    expect(await addFlow(q, ["b", "c<nobody"], { how: "add" })).toMatchObject({
      verdict: "m",
      letters: "c",
      missing: "nobody",
    });
    expect(await addFlow(q, ["b", "c<c"], { how: "add" })).toMatchObject({ verdict: "m", missing: "c" });
    expect(await q.redis.hgetall(q.keys.state)).toEqual(before);
    expect(await addFlow(q, ["b"], { id: "other", how: "add" })).toMatchObject({ verdict: "u" });
  });

  test("are left out if they exist already, so a call can be repeated", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b<a"], { seal: false });
    expect(await addFlow(q, ["a", "b<a", "c<b"], { how: "add" })).toMatchObject({ letters: "ddn", total: 3 });
    expect(await runAll(q)).toEqual(["a", "b", "c", "success", "done"]);
  });

  test("leave the nodes alone that exist already, even if these have another `after` now", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b", "c<b"], { seal: false });
    expect(await addFlow(q, ["c<a", "d<a"], { how: "add" })).toMatchObject({ letters: "dn", total: 4 });
    const grants = await q.acquire(2);
    await q.ack(grants.grants.find(({ id }) => id === "f.a") as Grant);
    await advance(q);
    expect(await flowStates(q)).toBe("a completed, b processing, c waiting, d pending");
  });

  test("wait for each node once, although an aborted call has stored their names already", async () => {
    const q = await setup();
    await addFlow(q, ["a", "b"], { seal: false });
    await q.redis.hset(q.keys.state, ">f.a", "0 c"); // a call does this before its commit
    await addFlow(q, ["c<a,b"], { how: "add" });
    expect(await q.redis.hget(q.keys.state, ">f.a")).toBe("0 c");
    const grants = await q.acquire(2);
    await q.ack(grants.grants.find(({ id }) => id === "f.a") as Grant);
    await advance(q);
    expect(await flowStates(q)).toBe("a completed, b processing, c waiting");
  });

  test("are refused together if the cap of waiting tasks has no room for all", async () => {
    const q = await setup();
    await q.engine.configure({ maxWaiting: 3 });
    expect(await addFlow(q, ["a", "b<a", "c", "d"])).toMatchObject({ verdict: "f" });
    expect(await view(q)).toBeUndefined();
    expect(await addFlow(q, ["a", "b<a", "c"])).toMatchObject({ verdict: "n" });
  });

  test("of a running node run before the nodes behind it, and a repeated call adds them once", async () => {
    const q = await setup();
    await addFlow(q, ["list", "sum<list"]);
    const task = await q.grant();
    const add = () =>
      addFlow(q, ["list.x", "list.y<list.x", "list.z<list"], { how: "task", seal: false, task });
    expect(await add()).toMatchObject({ verdict: "n", letters: "nnn", total: 5 });
    expect(await add()).toMatchObject({ verdict: "n", letters: "ddd", total: 5 });
    expect((await q.task("f.sum")).flow?.waitsFor).toBe(4);
    await q.ack(task);
    expect(await add()).toMatchObject({ verdict: "t" });
    await advance(q);
    expect(await runAll(q)).toEqual(["list.x", "list.z", "list.y", "sum", "success", "done"]);
    const found = await readFlow(q.engine, q.name, "f", { before: "f.sum", limit: 100 });
    expect(found?.nodes.map(({ name, resultText }) => [name, resultText])).toEqual([
      ["list", null],
      ["list.x", '"f.list.x"'],
      ["list.y", '"f.list.y"'],
      ["list.z", '"f.list.z"'],
    ]);
  });
});

test("a running node cannot make nodes wait for one another", async () => {
  const q = await setup();
  await addFlow(q, ["list", "sum<list"]);
  const task = await q.grant();
  const add = (text: string) => addFlow(q, [text], { how: "task", seal: false, task });
  expect(await add("list.x<sum")).toMatchObject({ verdict: "m", missing: "sum" });
  await add("list.x<list");
  await add("list.y<list.x");
  await q.ack(task);
  await advance(q);
  expect(await runAll(q)).toEqual(["list.x", "list.y", "sum", "success", "done"]);
});

describe("retention", () => {
  test("keeps the results and ends of nodes as long as their flow", async () => {
    const q = await setup();
    await q.engine.configure({ retentionMs: 1_000, retentionCount: 0 });
    await addFlow(q, ["a", "b<a", "c<b"]);
    await q.ack(await q.grant(), '"kept"');
    await advance(q);
    await q.engine.purge(200, 3_600_000);
    expect(await q.view("f.a")).toBeNull();
    const found = async () => (await readFlow(q.engine, q.name, "f", { limit: 10 }))?.nodes[0];
    expect(await found()).toMatchObject({ name: "a", state: "completed", resultText: '"kept"', type: null });
    expect(await runAll(q)).toEqual(["b", "c", "success", "done"]);
    q.advance(1_000);
    await advance(q);
    await q.engine.purge(200, 3_600_000);
    expect(await view(q)).toBeUndefined();
    const left = Object.keys(await q.redis.hgetall(q.keys.state)).filter((field) => !field.startsWith("#"));
    expect(left).toEqual([]);
    expect(await q.redis.exists(q.keys.results, q.keys.flowsDue)).toBe(0);
  });

  test("keeps a flow whose dead letter can be replayed, and the skipped nodes with it", async () => {
    const q = await setup();
    await q.engine.configure({ retentionMs: 1_000 });
    await addFlow(q, ["a", "b<a"], { on: [] });
    await runAll(q, { a: "fatal" });
    q.advance(100_000);
    await advance(q);
    await q.engine.purge(200, 3_600_000);
    expect(await flowStates(q)).toBe("a dead, b skipped");
    await q.engine.discard(["f.a", ""]);
    await advance(q);
    q.advance(1_000);
    await advance(q);
    expect(await view(q)).toBeUndefined();
    expect(await q.view("f.b")).toBeNull();
  });

  test("forgets flows when fewer tasks are kept from now on, although no node has ended since", async () => {
    const q = await setup();
    for (const id of ["f1", "f2"]) {
      await addFlow(q, ["a"], { id, on: [] });
      q.advance(1);
      await runAll(q);
    }
    const states = () => Promise.all(["f1", "f2"].map(async (id) => (await view(q, id))?.state));
    expect(await states()).toEqual(["ended", "ended"]);
    await q.engine.configure({ retentionCount: 1 });
    await advance(q);
    expect(await states()).toEqual([undefined, "ended"]);
  });

  test("forgets the flows that ended first if there are more nodes than tasks are kept", async () => {
    const q = await setup();
    await q.engine.configure({ retentionCount: 4 });
    for (const id of ["f1", "f2", "f3"]) {
      await addFlow(q, ["a", "b"], { id, on: [] });
      q.advance(1);
      await runAll(q);
    }
    await advance(q);
    expect(await Promise.all(["f1", "f2", "f3"].map(async (id) => (await view(q, id))?.state))).toEqual([
      undefined,
      undefined,
      "ended",
    ]);
  });
});

test("an enqueue with the id of a node is a conflict", async () => {
  const q = await setup();
  await addFlow(q, ["a", "b<a"]);
  expect(await q.add("f.b", { fingerprint: "x" })).toBe("c");
  await runAll(q, { a: "fatal" });
  expect(await q.add(["f.a"], { fingerprint: "x" })).toBe("c");
});

test("a node that crashed is taken back, and its flow goes on", async () => {
  const q = await setup();
  await addFlow(q, ["a", "b<a"]);
  await q.grant();
  await q.crash();
  expect(await runAll(q)).toEqual(["a", "b", "success", "done"]);
  expect(LEASE_MS).toBeGreaterThan(0);
});

test("a node with onDead continue that is replayed counts once for the nodes behind it", async () => {
  const q = await setup();
  await addFlow(q, ["a", "x", "b<a,x"], { onDead: { a: "continue" }, on: [] });
  const first = (await q.acquire(9)).grants;
  for (const grant of first) if (grant.id === "f.a") await q.fatal(grant);
  await advance(q);
  await q.engine.replay(["f.a", ""]);
  await q.ack(await q.grant());
  await advance(q);
  expect(await flowStates(q)).toBe("a completed, x processing, b waiting");
});

test("a queue without flows has nothing to advance", async () => {
  const q = await setup();
  await q.add("t");
  expect(await advanceFlows(q.engine)).toEqual({
    ...{ more: false, released: 0, ended: 0, hasMessages: false },
  });
});
