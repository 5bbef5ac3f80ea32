import type { Scenario } from "../support/abort.ts";
import type { TestQueue } from "../support/test-queue.ts";

const request = { requestSlot: "#q:aborted:0", sequence: 1 };
const following = { requestSlot: "#q:aborted:1", sequence: 1 };

async function complete(q: TestQueue, ids: string[], options = {}): Promise<void> {
  await q.add(ids, options);
  for (const grant of (await q.acquire(ids.length)).grants) await q.ack(grant, "1");
}

const settle = (q: TestQueue, ids: string[], by: typeof request) =>
  q.engine.settle(
    q.held.filter(({ id }) => ids.includes(id)).map(({ id, fence }) => ({ kind: "ack", id, fence })),
    q.roundTripArgs({ nonce: "n" }),
    by,
  );

/** Script calls with tasks that have the option `keep`. */
export const keepScenarios: Record<string, Scenario> = {
  "settle of tasks with and without keep, of which too many are kept": {
    script: "settle",
    removes: ["plain1"],
    mayRemove: ["old1", "old2", "k1"],
    callsAtLeast: 20,
    async prepare(q) {
      const keep = { count: 2 };
      await complete(q, ["old1"], { keep, fingerprint: "fp" });
      q.advance(1);
      await complete(q, ["old2"], { keep, keepPayload: false });
      q.advance(1);
      await complete(q, ["plain1", "plain2"]);
      await q.add(["k1", "k2", "last"], { keep });
      await q.add("timed", { keep: { completedMs: 5 }, keepPayload: false });
      await q.add(["dead", "plain"], { keep: { deadMs: 5 } });
      q.held = (await q.acquire(6)).grants;
      await q.engine.configure({ retentionCount: 2 });
      q.advance(1);
      return { accepted: ["k1", "k2", "last", "timed", "dead", "plain"], held: q.held };
    },
    // A settle that is aborted after its commit may leave too many entries in the list of kept tasks, or too few. A
    // task without an entry is kept for the retention of the queue.
    async call(q) {
      await settle(q, ["k1", "k2", "timed", "plain"], request);
      await settle(q, ["last"], following);
    },
  },
  "settle that makes a dead letter with its own time to be kept": {
    script: "settle",
    async prepare(q) {
      await q.add(["a", "b"], { keep: { deadMs: 5 } });
      q.held = (await q.acquire(2)).grants;
      return { accepted: ["a", "b"], held: q.held };
    },
    call: (q) =>
      q.engine.settle(
        q.held.map(({ id, fence }) => ({ kind: "fatal", id, fence, error: "x" })),
        q.roundTripArgs({ nonce: "n" }),
        request,
      ),
  },
  "reap that makes a dead letter with its own time to be kept": {
    script: "reap",
    async prepare(q) {
      await q.add("a", { keep: { deadMs: 5 }, maxRetries: 0 });
      const held = (await q.acquire(1)).grants;
      q.advance(30_001);
      return { accepted: ["a"], held };
    },
    call: (q) => q.engine.reap(100),
  },
  "restore of a dead letter whose time has ended": {
    script: "restore",
    restores: ["a"],
    async prepare(q) {
      await q.addDead("a", { keep: { deadMs: 5 } });
      await q.engine.discard(["a", ""], undefined, { discard: "d1" });
      q.advance(5);
      await q.engine.purge(100, 3_600_000);
      return { accepted: [] };
    },
    call: (q) => q.engine.restore(["a"], "d1", request),
  },
  "purge of tasks and dead letters with their own times to be kept": {
    script: "purge",
    removes: ["done", "unkept", "given", "old", "capped"],
    callsAtLeast: 25,
    async prepare(q) {
      await complete(q, ["done"], { keep: { completedMs: 1_000, count: 5 } });
      await complete(q, ["unkept"], { keep: { count: 5 }, keepPayload: false });
      await complete(q, ["given"], { keep: { completedMs: 0 }, fingerprint: "fp" });
      await complete(q, ["stays"], { keep: { completedMs: 90_000_000, count: 5 } });
      await q.engine.configure({ retentionMs: 1_000 });
      await complete(q, ["aged"], { keep: { count: 5 } });
      await q.addDead("capped", { keep: { deadMs: 90_000_000 } });
      q.advance(1);
      await q.addDead("old", { keep: { deadMs: 999 } });
      await q.addDead("replayed", { keep: { deadMs: 999 } });
      await q.addDead("later", { keep: { deadMs: 90_000_000 } });
      await q.engine.replay(["replayed", ""]);
      await q.engine.configure({ maxDead: 2 });
      q.advance(86_400_000);
      return { accepted: ["done", "unkept", "given", "stays", "capped", "old", "replayed", "later"] };
    },
    call: (q) => q.engine.purge(100, 3_600_000),
  },
  "empty of kept": {
    script: "empty",
    removes: ["a", "b"],
    async prepare(q) {
      await complete(q, ["a"], { keep: { count: 5 } });
      await complete(q, ["b"], { keep: { completedMs: 5 }, keepPayload: false });
      return { accepted: ["a", "b"] };
    },
    call: (q) => q.engine.empty("kept", "completed", 100),
  },
};
