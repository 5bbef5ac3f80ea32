import { describe, expect, test } from "vitest";
import { lostNodes } from "../src/engine/flow-audit.ts";
import { advanceAll, cancelFlow } from "../src/engine/flow-mover.ts";
import { readFlow, readFlowFrom } from "../src/engine/flow-reader.ts";
import { advance } from "./support/flow.ts";
import { addSpread, runBoth, seen, settleAll, setupTwo, type TwoParts } from "./support/flow-parts.ts";

const messagesIn = async ({ home, away }: TwoParts) =>
  Promise.all([home, away].map(async (q) => (await q.redis.hget(q.keys.state, "#out")) ?? ""));

/** Returns the messages that are left in both queues. */
async function leftovers({ home, away }: TwoParts): Promise<string[]> {
  const fields = await Promise.all([home, away].map((q) => q.redis.hkeys(q.keys.state)));
  return fields.flat().filter((field) => /^\^\S+ \d+$/.test(field));
}

test("nodes in two queues wait for one another, and each queue has its own", async () => {
  const parts = await setupTwo();
  await addSpread(parts, ["a", "b<a", "c<b", "d<a,c"], ["b", "d"], { on: ["success", "done"] });
  expect(await runBoth(parts)).toEqual(["a home", "b away", "c home", "d away", "success home", "done home"]);
  expect(await seen(parts)).toBe(
    "ended success: a completed, b completed, c completed, d completed, on success done",
  );
  expect(await parts.away.view("f.b")).toMatchObject({ state: "completed", resultText: '"f.b"' });
  expect(await parts.home.view("f.b")).toBeNull();
  expect(await messagesIn(parts)).toEqual(["", ""]);
  expect(await leftovers(parts)).toEqual([]);
});

test("a root and a callback can be in another queue", async () => {
  const parts = await setupTwo();
  await addSpread(parts, ["a", "b<a"], ["a", "done"], { on: ["success", "done"] });
  expect(await runBoth(parts)).toEqual(["a away", "b home", "success home", "done away"]);
  const found = await readFlow(parts.home.engine, parts.home.name, "f", { limit: 9 });
  expect(found?.nodes).toMatchObject([
    { name: "a", queue: parts.away.name, resultText: '"f.a"', state: "completed" },
    { name: "b", queue: parts.home.name, resultText: '"f.b"', after: ["a"] },
  ]);
});

test("a node reads the nodes before it from wherever it runs", async () => {
  const parts = await setupTwo();
  await addSpread(parts, ["a", "b<a"], ["b"]);
  await parts.home.ack(await parts.home.grant(), "7");
  await settleAll(parts);
  const found = await readFlowFrom(parts.away.engine, "f", { before: "f.b", limit: 9 });
  expect(found?.nodes).toMatchObject([{ name: "a", resultText: "7" }]);
  expect(await readFlow(parts.away.engine, parts.away.name, "f")).toBeNull();
});

describe("a node in another queue that does not complete", () => {
  test.each([
    ["fail", "a dead, b skipped, on dead", "ended failed"],
    ["continue", "a dead, b completed, on dead", "ended success"],
    ["hold", "a dead, b waiting, on dead", "running null"],
  ] as const)("is dead, with the policy %s", async (policy, states, state) => {
    const parts = await setupTwo();
    await addSpread(parts, ["a", "b<a"], ["a"], { onDead: { a: policy }, on: ["dead"] });
    await runBoth(parts, { a: "fatal" });
    expect(await seen(parts)).toBe(`${state}: ${states}`);
  });

  test.each([
    ["fail", "ended success: a completed, b completed, on dead success done"],
    ["hold", "ended success: a completed, b completed, on dead success done"],
    ["continue", "ended success: a completed, b completed, on dead success done"],
  ] as const)("is replayed, which repairs the flow, with the policy %s", async (policy, after) => {
    const parts = await setupTwo();
    await addSpread(parts, ["a", "b<a"], ["a"], {
      onDead: { a: policy },
      on: ["dead", "success", "done"],
    });
    await runBoth(parts, { a: "fatal" });
    await parts.away.engine.replay(["f.a", ""]);
    await runBoth(parts);
    expect(await seen(parts)).toBe(after);
  });

  test.each([
    ["is cancelled", ({ away }: TwoParts): Promise<unknown> => away.engine.cancel("f.a"), "a cancelled"],
    [
      "expires",
      async ({ away }: TwoParts) => {
        away.advance(60_001);
        await away.engine.expire(10);
      },
      "a expired",
    ],
    [
      "is emptied",
      ({ away }: TwoParts): Promise<unknown> => away.engine.empty("pending", "pending", 10),
      "a cancelled",
    ],
    [
      "crashes too often",
      async ({ home, away }: TwoParts) => {
        for (let crash = 0; crash < 5 && (await away.view("f.a"))?.state !== "dead"; crash++) {
          await away.acquire(1, { maxRetries: 0 });
          for (const q of [home, away]) q.advance(31_000);
          await away.engine.reap(10);
        }
      },
      "a dead",
    ],
  ] as const)("%s: the nodes behind it are skipped", async (_what, end, state) => {
    const parts = await setupTwo();
    await addSpread(parts, ["a", "b<a"], ["a"], {
      on: ["success", "done"],
      options: { expiresAt: parts.home.now + 60_000 },
    });
    await settleAll(parts);
    await end(parts);
    await runBoth(parts);
    expect(await seen(parts)).toBe(`ended failed: ${state}, b skipped, on done`);
  });

  test("a discard of a held one skips what is behind it, and its undo opens that again", async () => {
    const parts = await setupTwo();
    await addSpread(parts, ["a", "b<a"], ["a"], { onDead: { a: "hold" }, on: ["success", "done"] });
    await runBoth(parts, { a: "fatal" });
    await parts.away.engine.discard(["f.a", ""], undefined, { discard: "d1" });
    await settleAll(parts);
    expect(await seen(parts)).toBe("ended failed: a dead, b skipped, on done");
    await parts.away.engine.restore(["f.a"], "d1");
    await settleAll(parts);
    expect(await seen(parts)).toBe("running null: a dead, b waiting, on done");
    await parts.away.engine.replay(["f.a", ""]);
    await runBoth(parts);
    expect(await seen(parts)).toBe("ended success: a completed, b completed, on success done");
  });
});

test("a cancelled flow ends its nodes in the other queue", async () => {
  const parts = await setupTwo();
  const { home, away } = parts;
  await addSpread(parts, ["run", "late", "pend", "wait<run", "here"], ["run", "late", "pend", "wait"], {
    on: ["cancelled", "done"],
  });
  await settleAll(parts);
  const running = await away.grant();
  expect(running.id).toBe("f.run");
  expect(await cancelFlow(home.engine, "f")).toBe("cancelled");
  expect((await away.acquire(9)).grants).toEqual([]);
  expect(await away.view("f.run")).toMatchObject({ state: "processing", cancelRequested: true });
  await away.settleOne({ kind: "fail", id: running.id, fence: running.fence, error: "no", delayMs: 0 });
  expect(await runBoth(parts)).toEqual(["cancelled home", "done home"]);
  expect(await seen(parts)).toMatch(
    /^ended cancelled: run cancelled, late cancelled, pend cancelled, wait skipped/,
  );
});

test("a node that was granted after the cancel and before its message comes back", async () => {
  const parts = await setupTwo();
  const { home, away } = parts;
  await addSpread(parts, ["a", "b"], ["a", "b"], { on: ["done"] });
  await settleAll(parts);
  home.parts.delete(away.name); // from now on the queue "away" cannot be reached
  expect(await cancelFlow(home.engine, "f")).toBe("cancelled");
  const grant = await away.grant();
  home.parts.set(away.name, away);
  await advanceAll(home.engine);
  await away.settleOne({ kind: "fail", id: grant.id, fence: grant.fence, error: "no", delayMs: 0 });
  await runBoth(parts);
  expect(await seen(parts)).toMatch(/^ended cancelled: a cancelled, b cancelled, on done/);
});

test("a cancel ends a flow whose other queue has lost a node, or the message of its end", async () => {
  const parts = await setupTwo();
  const { home, away } = parts;
  await addSpread(parts, ["lost", "told", "next<lost,told"], ["lost", "told"], { on: ["done"] });
  await advanceAll(home.engine);
  for (const grant of (await away.acquire(9)).grants) await away.ack(grant);
  // A failover can lose the last writes of a node, and may leave this state.
  await away.redis.hdel(away.keys.state, "f.lost", "&1", "&2");
  await away.redis.hset(away.keys.state, "#flows", "0 0 2 2 2 0 0 0");
  await settleAll(parts);
  expect(await seen(parts)).toBe("running null: lost pending, told completed, next waiting");
  expect(await lostNodes(home.engine)).toEqual([
    "flow f waits for nodes that another queue has lost, or for their ends: lost, told. Cancel the flow",
  ]);
  away.corrupted = true;
  expect(await cancelFlow(home.engine, "f")).toBe("cancelled");
  await settleAll(parts);
  expect(await seen(parts)).toBe("ended cancelled: lost cancelled, told completed, next skipped, on done");
});

test("a node is not lost while it runs, or while its message or that of its end is on its way", async () => {
  const parts = await setupTwo();
  const { home, away } = parts;
  await addSpread(parts, ["a", "b", "c"], ["a", "b", "c"], { on: [] });
  expect(await lostNodes(home.engine)).toEqual([]);
  await away.ack(await away.grant()); // the end is noted, but its message is not written yet
  await away.grant();
  expect(await lostNodes(home.engine)).toEqual([]);
  expect(await seen(parts)).toBe("running null: a completed, b processing, c pending");
});

test("an end that a cancel has asked for counts once, although it is also told", async () => {
  const parts = await setupTwo();
  const { home, away } = parts;
  await addSpread(parts, ["a", "b"], ["a"], { on: ["done"] });
  await advanceAll(home.engine);
  await away.ack(await away.grant()); // the end is noted, but its message is not written yet
  expect(await cancelFlow(home.engine, "f")).toBe("cancelled");
  await settleAll(parts);
  const found = await readFlow(home.engine, home.name, "f");
  expect(found?.flow).toMatchObject({ state: "ended", counts: { total: 2, completed: 1, cancelled: 1 } });
});

test("results in the other queue are kept as long as the flow, and forgotten with it", async () => {
  const parts = await setupTwo();
  const { home, away } = parts;
  for (const q of [home, away]) await q.engine.configure({ retentionMs: 1_000 });
  await addSpread(parts, ["a", "b<a"], ["a"], { on: [] });
  await advanceAll(home.engine);
  await away.ack(await away.grant(), '"kept"');
  for (const q of [home, away]) q.advance(1_001);
  await away.engine.purge(200, 3_600_000);
  await settleAll(parts);
  expect((await readFlow(home.engine, home.name, "f", { limit: 9 }))?.nodes[0]).toMatchObject({
    state: "completed",
    resultText: '"kept"',
  });
  await runBoth(parts);
  for (const q of [home, away]) q.advance(1_001);
  await settleAll(parts);
  expect(await seen(parts)).toBe("undefined undefined: none");
  expect(await away.redis.hkeys(away.keys.state)).not.toContainEqual(expect.stringMatching(/^(%f|f\.)/));
  expect(await away.redis.hlen(away.keys.results)).toBe(0);
  expect(await leftovers(parts)).toEqual([]);
});

test("a message that is delivered twice changes nothing", async () => {
  const parts = await setupTwo();
  const { home, away } = parts;
  await addSpread(parts, ["a", "b<a"], ["a"], { on: ["success"] });
  home.mutate = (name, source) =>
    name === "flowSent" ? source.replace("\n", "\ndo return {1, 0} end\n") : source;
  await advanceAll(home.engine);
  await advanceAll(home.engine);
  expect(await away.stats()).toMatchObject({ pending: 1 });
  await away.ack(await away.grant());
  await advanceAll(home.engine);
  home.mutate = undefined;
  expect(await away.stats()).toMatchObject({ pending: 0, completed: 1 });
  expect(await runBoth(parts)).toEqual(["b home", "success home"]);
});

test("a message that was taken changes nothing if it comes again with new ones", async () => {
  const parts = await setupTwo();
  const { home, away } = parts;
  await addSpread(parts, ["a"], ["a"], { seal: false, on: [] });
  home.mutate = (name, source) =>
    name === "flowSent" ? source.replace("\n", "\ndo return { 1, 0 } end\n") : source;
  await advanceAll(home.engine);
  home.mutate = undefined;
  await addSpread(parts, ["b"], ["b"], { how: "add" });
  await settleAll(parts);
  expect(await away.stats()).toMatchObject({ pending: 2 });
  expect(await runBoth(parts)).toEqual(["a away", "b away"]);
  expect(await seen(parts)).toBe("ended success: a completed, b completed");
});

describe("a queue that is gone when its message comes", () => {
  test("ends the nodes for it as emptied", async () => {
    const parts = await setupTwo();
    const { away } = parts;
    await addSpread(parts, ["a", "b<a", "c"], ["a"], { on: ["done"] });
    await away.engine.pause(true);
    expect(await away.engine.delete()).toBe("deleted");
    away.exists = false;
    await runBoth(parts);
    expect(await seen(parts)).toBe("ended failed: a cancelled, b skipped, c completed, on done");
  });

  test("takes nothing of a flow with an id that it has itself", async () => {
    const parts = await setupTwo();
    const { home, away } = parts;
    await addSpread({ home: away, away: home }, ["x"], []);
    await addSpread(parts, ["a", "b<a"], ["a"], { on: ["done"] });
    await runBoth(parts);
    expect(await seen(parts)).toBe("ended failed: a cancelled, b skipped, on done");
    expect(await seen({ home: away, away: home })).toMatch(/^ended success: x completed/);
  });

  test("takes no node whose id another task has", async () => {
    const parts = await setupTwo();
    await parts.away.add("f.a", { fingerprint: "x" });
    await addSpread(parts, ["a", "b<a"], ["a"], { on: ["done"] });
    await settleAll(parts);
    expect(await seen(parts)).toMatch(/^ended failed: a cancelled, b skipped/);
    expect(await parts.away.view("f.a")).toMatchObject({ state: "pending", flow: null });
  });
});

test("a queue is busy while messages wait in it, or ends that were not counted", async () => {
  const parts = await setupTwo();
  const { home, away } = parts;
  await home.engine.pause(true);
  await addSpread(parts, ["a"], ["a"], { on: [] });
  expect(await home.engine.delete()).toBe("busy");
  await settleAll(parts);
  await away.engine.empty("pending", "pending", 9);
  await away.engine.pause(true);
  expect(await away.engine.delete()).toBe("busy");
  await advance(away);
  expect(await away.engine.delete()).toBe("busy");
  await advanceAll(away.engine);
  expect(await away.engine.delete()).toBe("deleted");
  expect(await seen(parts)).toBe("ended failed: a cancelled");
});

test("many nodes for another queue go in several calls, in order", async () => {
  const parts = await setupTwo();
  const names = Array.from({ length: 450 }, (_, at) => `n${at}`);
  await addSpread(parts, names, names, { on: ["done"] });
  await advanceAll(parts.home.engine);
  expect(await parts.away.stats()).toMatchObject({ pending: 450 });
  expect((await runBoth(parts)).slice(0, 450)).toEqual(names.map((name) => `${name} away`));
  expect(await seen(parts)).toMatch(/^ended success/);
  expect(await leftovers(parts)).toEqual([]);
});
