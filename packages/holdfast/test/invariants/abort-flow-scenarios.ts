import { cancelFlow } from "../../src/engine/flow-mover.ts";
import { advanceFlows } from "../../src/engine/flows.ts";
import type { Scenario } from "../support/abort.ts";
import { addFlow, advance } from "../support/flow.ts";
import type { TestQueue } from "../support/test-queue.ts";
import { typesText } from "../support/test-queue.ts";

const request = { requestSlot: "#q:aborted:0", sequence: 1 };
const ids = (names: string) => names.split(" ").map((name) => `f.${name}`);
const runsIn = (q: TestQueue, name: string) =>
  q.held.find(({ id }) => id === `f.${name}`) as TestQueue["held"][0];

/**
 * Prepares a flow in which the nodes "run1" and "run2" run and the node "dead" has died. Other nodes, which come
 * after these or are independent, are in every other state.
 */
async function prepareFlow(q: TestQueue) {
  await addFlow(q, ["dead", "done"], { seal: false });
  for (const grant of (await q.acquire(9)).grants)
    await (grant.id === "f.dead" ? q.fatal(grant) : q.ack(grant, "1"));
  await advance(q);
  await q.ack(await q.grant()); // ends the callback task
  await addFlow(q, ["run1", "run2"], {
    how: "add",
    seal: false,
    options: { key: "k", expiresAt: q.now + 900_000 },
  });
  q.held = (await q.acquire(9)).grants;
  await addFlow(q, ["late", "late2<late"], { how: "add", seal: false, options: { delayMs: 60_000 } });
  await addFlow(q, ["wait<run1", "both<run1,run2", "skip<dead", "skip2<skip,run1"], {
    how: "add",
    seal: false,
  });
  await addFlow(q, ["pend", "pend2<pend"], { how: "add", options: { expiresAt: q.now + 900_000 } });
  await advance(q);
  return {
    accepted: ids("dead done run1 run2 late late2 wait both skip skip2 pend pend2"),
    held: q.held,
  };
}

const inFlow = (
  script: string,
  outcome: "success" | "failed" | "cancelled",
  call: Scenario["call"],
): Scenario => ({
  ...{ script, call, prepare: prepareFlow },
  flow: { id: "f", outcome },
});

const ack = (q: TestQueue, name: string, resultText?: string) => {
  const { id, fence } = runsIn(q, name);
  return { kind: "ack" as const, id, fence, ...(resultText === undefined ? {} : { resultText }) };
};

/** Script calls that add nodes to flows, or move nodes. */
export const flowScenarios: Record<string, Scenario> = {
  "flow_add of a flow": {
    script: "flowAdd",
    adds: ids("a b c d"),
    callsAtLeast: 9,
    flow: { id: "f", outcome: "success" },
    prepare: async () => ({ accepted: [] }),
    call: (q) => addFlow(q, ["a", "b<a", "c<a,b", "d"], { on: ["success", "done"], options: { key: "k" } }),
  },
  "flow_add by a running node": {
    ...inFlow("flowAdd", "failed", (q) =>
      addFlow(q, ["run1.x", "run1.y<run1.x"], { how: "task", seal: false, task: runsIn(q, "run1") }),
    ),
    adds: ids("run1.x run1.y"),
  },
  "flow_add behind nodes that have ended": {
    script: "flowAdd",
    adds: ids("g h"),
    call: (q) => addFlow(q, ["g<done", "h<done,goes"], { how: "add" }),
    async prepare(q) {
      await addFlow(q, ["done", "goes"], { seal: false, onDead: { goes: "continue" } });
      for (const grant of (await q.acquire(9)).grants)
        await (grant.id === "f.goes" ? q.fatal(grant) : q.ack(grant, "1"));
      await advance(q);
      return { accepted: ids("done goes") };
    },
  },
  "flow_advance after ends": {
    ...inFlow("flowAdvance", "failed", (q) => advanceFlows(q.engine)),
    async prepare(q) {
      const prepared = await prepareFlow(q);
      await q.settle([ack(q, "run1", "1"), { ...ack(q, "run2"), kind: "fatal", error: "no" }]);
      await q.engine.cancel("f.pend");
      return prepared;
    },
  },
  "flow_advance after a replay": {
    ...inFlow("flowAdvance", "success", (q) => advanceFlows(q.engine)),
    async prepare(q) {
      const prepared = await prepareFlow(q);
      await q.engine.replay(["f.dead", ""]);
      return prepared;
    },
  },
  "flow_advance after a cancel": {
    ...inFlow("flowAdvance", "cancelled", (q) => advanceFlows(q.engine)),
    async prepare(q) {
      const prepared = await prepareFlow(q);
      await cancelFlow(q.engine, "f");
      await q.acquire(9);
      return prepared;
    },
  },
  "flow_advance that forgets a flow": {
    script: "flowAdvance",
    call: (q) => advanceFlows(q.engine),
    removes: ids("b"),
    async prepare(q) {
      await addFlow(q, ["a", "b<a", "c"], { on: [] });
      for (const grant of (await q.acquire(9)).grants)
        await (grant.id === "f.a" ? q.fatal(grant) : q.ack(grant, "1"));
      await advance(q);
      await q.engine.configure({ maxDead: 1, retentionMs: 1 });
      await q.addDead("last");
      await q.engine.purge(200, 3_600_000);
      await advance(q);
      q.advance(1);
      return { accepted: ids("b") };
    },
  },
  "flow_advance that ends the last node": {
    ...inFlow("flowAdvance", "success", (q) => advanceFlows(q.engine)),
    async prepare(q) {
      await addFlow(q, ["a"]);
      await q.ack(await q.grant());
      return { accepted: ids("a") };
    },
  },
  flow_cancel: inFlow("flowCancel", "cancelled", (q) => cancelFlow(q.engine, "f")),
  "settle of nodes": inFlow("settle", "failed", (q) =>
    q.engine.settle(
      [ack(q, "run1"), { ...ack(q, "run2"), kind: "fail", delayMs: 0, error: "no" }],
      q.roundTripArgs({ want: 2, nonce: "n", maxRetries: 0 }),
      request,
    ),
  ),
  "acquire of nodes that expired, and of a cancelled flow": {
    ...inFlow("acquire", "cancelled", (q) =>
      q.engine.acquire(q.roundTripArgs({ want: 9, nonce: "n" }), request),
    ),
    async prepare(q) {
      const prepared = await prepareFlow(q);
      await cancelFlow(q.engine, "f");
      await addFlow(q, ["e"], { id: "g", options: { expiresAt: q.now - 1 } });
      return prepared;
    },
  },
  "reap of nodes": inFlow("reap", "failed", async (q) => {
    if (q.held.length > 0) q.advance(31_000);
    q.held = [];
    await q.engine.reap(500);
  }),
  "reject of a node": {
    ...inFlow("reject", "failed", (q) => q.engine.reject([], "-", 500)),
    async prepare(q) {
      const prepared = await prepareFlow(q);
      await q.acquire(1, { types: typesText("none"), noHandlerAfterMs: 1 });
      q.advance(2);
      return prepared;
    },
  },
  "cancel of a waiting node": inFlow("cancel", "failed", (q) => q.engine.cancel("f.both")),
  "cancel of a pending node": inFlow("cancel", "failed", (q) => q.engine.cancel("f.pend")),
  "expire of nodes": {
    ...inFlow("expire", "failed", (q) => q.engine.expire(500)),
    async prepare(q) {
      const prepared = await prepareFlow(q);
      q.advance(900_001);
      return prepared;
    },
  },
  "give_up of a node": inFlow("giveUp", "failed", (q) =>
    q.engine.giveUp(["f.late", "3", "fatal", "1", "1", "-", "Error: no"]),
  ),
  "discard of a node": {
    ...inFlow("discard", "failed", (q) => q.engine.discard(["f.dead", "", "f.done", ""], request)),
    removes: ids("dead"),
  },
  "discard of a node that moved": {
    ...inFlow("discard", "failed", (q) => q.engine.discard(["f.dead", "other/x"], request)),
    removes: ids("dead"),
  },
  "restore of a held node": {
    script: "restore",
    restores: ids("a"),
    call: (q) => q.engine.restore(["f.a"], "d1", request),
    async prepare(q) {
      await addFlow(q, ["a", "b<a"], { onDead: { a: "hold" } });
      await q.fatal(await q.grant());
      await q.engine.discard(["f.a", ""], undefined, { discard: "d1" });
      await advance(q);
      return { accepted: [] };
    },
  },
  "replay of a node": inFlow("replay", "success", (q) => q.engine.replay(["f.dead", ""], request)),
  "empty of nodes": {
    ...inFlow("empty", "failed", (q) => q.engine.empty("pending", "pending", 500, request)),
    removes: ids("pend"),
  },
  "purge of nodes by retention and by a cap": {
    ...inFlow("purge", "failed", (q) => q.engine.purge(200, 3_600_000)),
    removes: [...ids("dead done"), "f:dead"],
    async prepare(q) {
      const prepared = await prepareFlow(q);
      await q.engine.configure({ retentionMs: 1, maxDeadAgeMs: 1 });
      q.advance(2);
      return prepared;
    },
  },
};
