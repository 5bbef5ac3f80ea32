import { encodeEnvelope } from "../../src/engine/envelope.ts";
import { changeKey, setLimits } from "../../src/engine/limits.ts";
import type { Scenario } from "../support/abort.ts";
import { LEASE_MS, type TestQueue, typesText } from "../support/test-queue.ts";

const request = { requestSlot: "#q:aborted:0", sequence: 1 };

const rate = { limit: 1, periodMs: 10_000 };

/** Returns the lease of a task that the preparation acquired. */
const lease = (q: TestQueue, id: string) => ({
  id,
  fence: q.held.find((grant) => grant.id === id)?.fence ?? "",
});

/** Acquires tasks and keeps their leases for the tested call. @returns the leases */
async function hold(q: TestQueue, want: number) {
  q.held = (await q.acquire(want)).grants;
  return q.held;
}

/** Leaves the request of an idle worker in Redis while no task may run. */
const park = (q: TestQueue) => q.engine.acquire({ ...q.roundTripArgs({ want: 1 }), park: true });

/** Script calls with tasks that have keys. */
export const keyScenarios: Record<string, Scenario> = {
  "enqueue of tasks with keys and several priorities": {
    script: "enqueue",
    adds: ["full", "high", "low", "late", "now", "held"],
    callsAtLeast: 9,
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1 } });
      await changeKey(q.engine, { key: "c" }, { holdMs: 5_000 });
      await q.add("f1", { key: "f" });
      const held = await hold(q, 1);
      await park(q);
      return { accepted: ["f1"], held };
    },
    call(q) {
      const text = (options = {}) => encodeEnvelope("t", q.now, "{}", options, "fp");
      const tail = ["full", text({ key: "f" }), "high", text({ key: "a", priority: "high" })];
      tail.push("low", text({ key: "a", priority: "low" }), "held", text({ key: "c" }));
      tail.push("late", text({ key: "b", delayMs: 5 }), "now", text({ key: "b", runAt: q.now - 1 }));
      return q.engine.enqueue({ checked: true, high: 0, normal: 0, low: 0, keyed: 4, tail }, request);
    },
  },
  "enqueue of ids whose next life has a key": {
    script: "enqueueAgain",
    begins: ["gone", "late"],
    async prepare(q) {
      await q.add(["gone", "late"], { fingerprint: "fp" });
      for (const id of ["gone", "late"]) await q.engine.cancel(id);
      return { accepted: ["gone", "late"] };
    },
    call(q) {
      const text = (options = {}) => encodeEnvelope("t", q.now, "2", options, "fp2");
      const tail = ["gone", text({ key: "a" }), "late", text({ key: "b", delayMs: 5 })];
      return q.engine.enqueueAgain(tail, request);
    },
  },
  "acquire of several keys, with a cancelled and an expired task, a full key and a key that may run again": {
    script: "acquire",
    callsAtLeast: 25,
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1 } });
      await changeKey(q.engine, { key: "r" }, { limit: { rate } });
      await q.add(["r1", "r2", "r3"], { key: "r" });
      await q.add(["f1", "f2"], { key: "f" });
      const held = await hold(q, 2);
      await q.add(["gone", "a1", "a2"], { key: "a" });
      await q.engine.cancel("gone");
      await q.add("b-old", { key: "b", expiresAt: q.now + 1 });
      await q.add("b-low", { key: "b", priority: "low" });
      await q.add("c1", { key: "c", delayMs: 5 });
      await q.add(["x1", "x2"]);
      q.advance(10_000);
      const accepted = "r1 r2 r3 f1 f2 gone a1 a2 b-old b-low c1 x1 x2".split(" ");
      return { accepted, held };
    },
    call: (q) => q.engine.acquire({ ...q.roundTripArgs({ want: 20, nonce: "n" }), park: true }, request),
  },
  "acquire that uses up a rate, and deletes the account of a key": {
    script: "acquire",
    async prepare(q) {
      await setLimits(q.engine, {
        queue: { rate: { ...rate, burst: 5 } },
        key: { rate: { ...rate, burst: 2 } },
      });
      await q.add("idle", { key: "i" });
      await q.ack(await q.grant());
      q.advance(10_000);
      await q.add(["a1", "a2"], { key: "a" });
      await q.add("a-high", { key: "a", priority: "high" });
      await q.add(["c1", "c2"], { key: "c", cost: 2 });
      return { accepted: ["a1", "a2", "a-high", "c1", "c2"] };
    },
    call: (q) => q.engine.acquire({ ...q.roundTripArgs({ want: 4, nonce: "n" }), park: true }, request),
  },
  "acquire by type of a task of a full key that was put aside": {
    script: "acquire",
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1 } });
      await q.add("a1", { key: "a", type: "report" });
      await q.add("a2", { key: "a", type: "mail" });
      const held = await q.acquireTypes("mail", 1);
      await q.add("b1", { key: "b", type: "report" });
      return { accepted: ["a1", "a2", "b1"], held };
    },
    call: (q) =>
      q.engine.acquire(
        { ...q.roundTripArgs({ want: 5, nonce: "n", types: typesText("x report") }) },
        request,
      ),
  },
  "acquire by type that puts tasks with keys aside": {
    script: "acquire",
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1 } });
      await q.add(["a1", "a2"], { key: "a", type: "report" });
      await q.add("a3", { key: "a", type: "mail" });
      return { accepted: ["a1", "a2", "a3"] };
    },
    call: (q) =>
      q.engine.acquire({ ...q.roundTripArgs({ want: 5, nonce: "n", types: typesText("mail") }) }, request),
  },
  "acquire of a full type, of a type with a rate, of tasks with keys, and of tasks that were put aside": {
    script: "acquire",
    callsAtLeast: 15,
    async prepare(q) {
      await setLimits(q.engine, {
        types: { mail: { concurrency: 2 }, report: { rate: { ...rate, burst: 2 } } },
      });
      await q.add(["m1", "m2"], { type: "mail" });
      const held = await q.acquireTypes("mail report", 1);
      await q.add(["m3", "m4"], { type: "mail", key: "a" });
      await q.add(["r1", "r2", "r3"], { type: "report" });
      return { accepted: ["m1", "m2", "m3", "m4", "r1", "r2", "r3"], held };
    },
    call: (q) => {
      const args = q.roundTripArgs({ want: 9, nonce: "n", types: typesText("mail report") });
      return q.engine.acquire(args, request);
    },
  },
  "settle that frees a full type, and holds another one": {
    script: "settle",
    async prepare(q) {
      await setLimits(q.engine, { types: { mail: { concurrency: 1 } } });
      await q.add(["m1", "m2"], { type: "mail", key: "a" });
      await q.add(["r1", "r2"], { type: "report" });
      q.held = await q.acquireTypes("mail report", 3);
      return { accepted: ["m1", "m2", "r1", "r2"], held: q.held };
    },
    call: (q) =>
      q.engine.settle(
        [
          { kind: "ack", ...lease(q, "m1") },
          { kind: "limited", ...lease(q, "r1"), delayMs: 5_000, scope: "type" },
        ],
        q.roundTripArgs({ want: 5, nonce: "n", types: typesText("mail report") }),
        request,
      ),
  },
  "reap of a task whose type is full": {
    script: "reap",
    async prepare(q) {
      await setLimits(q.engine, { types: { mail: { concurrency: 1 } } });
      await q.add(["m1", "m2"], { type: "mail" });
      const held = await q.acquireTypes("mail", 3);
      await park(q);
      q.advance(LEASE_MS + 1);
      return { accepted: ["m1", "m2"], held };
    },
    call: (q) => q.engine.reap(10),
  },
  "settle that frees a full key and takes its next task": {
    script: "settle",
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1 } });
      await q.add(["a1", "a2", "a3"], { key: "a" });
      await q.add(["b1", "b2"], { key: "b" });
      const held = await hold(q, 2);
      await park(q);
      return { accepted: ["a1", "a2", "a3", "b1", "b2"], held };
    },
    call: (q) =>
      q.engine.settle(
        [
          { kind: "ack", ...lease(q, "a1") },
          { kind: "fail", ...lease(q, "b1"), delayMs: 0, error: "x" },
        ],
        q.roundTripArgs({ want: 5, nonce: "n" }),
        request,
      ),
  },
  "settle of a full key whose rate is used up too": {
    script: "settle",
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 2, rate: { ...rate, burst: 2 } } });
      await q.add(["a1", "a2", "a3"], { key: "a" });
      const held = await hold(q, 3);
      return { accepted: ["a1", "a2", "a3"], held };
    },
    call: (q) =>
      q.engine.settle(
        [{ kind: "ack", ...lease(q, "a1") }],
        q.roundTripArgs({ want: 5, nonce: "n" }),
        request,
      ),
  },
  "settle of the only task of a key, whose handler met a rate limit": {
    script: "settle",
    async prepare(q) {
      await q.add("a1", { key: "a" });
      const held = await hold(q, 1);
      return { accepted: ["a1"], held };
    },
    call: (q) =>
      q.engine.settle(
        [{ kind: "limited", ...lease(q, "a1"), delayMs: 2_000, scope: "key" }],
        q.roundTripArgs({ nonce: "n" }),
        request,
      ),
  },
  "settle of tasks with keys, with every verdict": {
    script: "settle",
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1, rate } });
      for (const key of ["l", "u", "f", "d", "r", "x", "s", "q"])
        await q.add([`${key}1`, `${key}2`], { key });
      const held = await hold(q, 8);
      await q.engine.cancel("s1");
      await park(q);
      const accepted = held.flatMap(({ id }) => [id, `${id[0]}2`]);
      return { accepted, held };
    },
    call: (q) =>
      q.engine.settle(
        [
          { kind: "limited", ...lease(q, "l1"), delayMs: 2_000, scope: "key" },
          { kind: "unstarted", ...lease(q, "u1") },
          { kind: "fail", ...lease(q, "f1"), delayMs: 0, error: "x" },
          { kind: "fail", ...lease(q, "d1"), delayMs: 5, error: "x" },
          { kind: "release", ...lease(q, "r1") },
          { kind: "unrouted", ...lease(q, "x1") },
          { kind: "limited", ...lease(q, "s1"), delayMs: 2_000, scope: "key" },
          { kind: "limited", ...lease(q, "q1"), delayMs: 1_000, scope: "queue" },
        ],
        q.roundTripArgs({ nonce: "n" }),
        request,
      ),
  },
  "reap of tasks with keys": {
    script: "reap",
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1 } });
      await q.add(["a1", "a2"], { key: "a" });
      await q.add("b1", { key: "b", maxRetries: 0 });
      await q.add("b2", { key: "b" });
      await q.add(["c1", "c2"], { key: "c" });
      const held = await hold(q, 3);
      await q.engine.cancel("c1");
      await park(q);
      q.advance(30_001);
      return { accepted: ["a1", "a2", "b1", "b2", "c1", "c2"], held };
    },
    call: (q) => q.engine.reap(100),
  },
  "promote of due tasks with keys, and of a key that may run again": {
    script: "promote",
    async prepare(q) {
      await setLimits(q.engine, { key: { rate } });
      await q.add(["r1", "r2"], { key: "r" });
      await q.acquire(5);
      await q.add("a1", { key: "a", delayMs: 1 });
      await q.add("r3", { key: "r", delayMs: 1, priority: "high" });
      await park(q);
      q.advance(10_000);
      return { accepted: ["r1", "r2", "r3", "a1"] };
    },
    call: (q) => q.engine.promote(100),
  },
  "replay of tasks with keys": {
    script: "replay",
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1 } });
      for (const id of ["a1", "a2"]) await q.addDead(id, { key: "a" });
      await q.addDead("plain");
      await q.add("a3", { key: "a" });
      const held = await hold(q, 1);
      await park(q);
      return { accepted: ["a1", "a2", "a3", "plain"], held };
    },
    call(q) {
      const edit = encodeEnvelope("t", q.now, "2", { key: "b" });
      return q.engine.replay(["a1", "", "a2", "", "plain", edit], request);
    },
  },
  "expire of tasks with keys": {
    script: "expire",
    async prepare(q) {
      await q.add(["gone", "a1"], { key: "a", expiresAt: q.now + 1 });
      await q.engine.cancel("gone");
      await q.add("a2", { key: "a" });
      q.advance(1);
      return { accepted: ["gone", "a1", "a2"] };
    },
    call: (q) => q.engine.expire(100),
  },
  "empty of the waiting tasks of keys": {
    script: "empty",
    removes: ["a1", "b1"],
    async prepare(q) {
      await q.add(["gone", "a1"], { key: "a" });
      await q.add("b1", { key: "b", fingerprint: "fp" });
      await q.engine.cancel("gone");
      return { accepted: ["a1", "b1", "gone"] };
    },
    call: (q) => q.engine.empty("pendingKeyed", "pending", 100),
  },
  "a hold of a full key": {
    script: "key",
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1 } });
      await q.add(["a1", "a2"], { key: "a" });
      const held = await hold(q, 1);
      return { accepted: ["a1", "a2"], held };
    },
    call: (q) => changeKey(q.engine, { key: "a" }, { holdMs: 5_000 }),
  },
  "a limit of one key whose time ends": {
    script: "key",
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1 } });
      await q.add(["a1", "a2", "a3"], { key: "a" });
      const held = await hold(q, 1);
      return { accepted: ["a1", "a2", "a3"], held };
    },
    call: (q) => changeKey(q.engine, { key: "a" }, { limit: { concurrency: 2, rate }, lastsMs: 5_000 }),
  },
  "a limit that is raised, while keys are full": {
    script: "openKeys",
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1 } });
      await q.add(["a1", "a2"], { key: "a" });
      await q.add(["b1", "b2"], { key: "b" });
      await changeKey(q.engine, { key: "c" }, { limit: { rate } });
      await q.add(["c1", "c2"], { key: "c" });
      const held = await hold(q, 3);
      return { accepted: ["a1", "a2", "b1", "b2", "c1", "c2"], held };
    },
    call: (q) => setLimits(q.engine, { key: { concurrency: 3 } }),
  },
  "settle of failures in strict order, one retried at once and one later": {
    script: "settle",
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1, ordered: true } });
      await q.add(["a1", "a2"], { key: "a" });
      await q.add(["b1", "b2"], { key: "b" });
      const held = await hold(q, 2);
      await park(q);
      return { accepted: ["a1", "a2", "b1", "b2"], held };
    },
    call: (q) =>
      q.engine.settle(
        [
          { kind: "fail", ...lease(q, "a1"), delayMs: 5_000, error: "Error: later" },
          { kind: "fail", ...lease(q, "b1"), delayMs: 0, error: "Error: now" },
        ],
        q.roundTripArgs({ want: 5, nonce: "n" }),
        request,
      ),
  },
  "a replay that ends the hold of its key": {
    script: "replay",
    begins: ["a1"],
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1, ordered: true, onDead: "stop" } });
      await q.add("a1", { key: "a" });
      await q.fatal(await q.grant());
      await q.add("b1", { key: "b" });
      return { accepted: ["a1", "b1"] };
    },
    call: (q) => q.engine.replay(["a1", ""], request),
  },
  "enqueue into a key that accepts one more task": {
    script: "enqueue",
    adds: ["a2"],
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 2, whenFull: "drop-new" } });
      await q.add("a1", { key: "a" });
      const held = await hold(q, 1);
      await park(q);
      return { accepted: ["a1"], held };
    },
    call(q) {
      const text = encodeEnvelope("t", q.now, "{}", { key: "a" });
      return q.engine.enqueue(
        { checked: false, high: 0, normal: 0, low: 0, keyed: 2, tail: ["a2", text, "a3", text] },
        request,
      );
    },
  },
  "enqueue of a task that replaces the tasks before it": {
    script: "enqueue",
    adds: ["a4"],
    callsAtLeast: 12,
    async prepare(q) {
      await setLimits(q.engine, { key: { concurrency: 1, whenFull: "cancel-running" } });
      await q.add("a1", { key: "a" });
      const held = await hold(q, 1);
      await setLimits(q.engine, { key: { concurrency: 1 } });
      await q.add(["a2", "a3"], { key: "a" });
      await setLimits(q.engine, { key: { concurrency: 1, whenFull: "cancel-running" } });
      return { accepted: ["a1", "a2", "a3"], held };
    },
    call(q) {
      const text = encodeEnvelope("t", q.now, "{}", { key: "a" }, "fp");
      return q.engine.enqueue(
        { checked: true, high: 0, normal: 0, low: 0, keyed: 1, tail: ["a4", text] },
        request,
      );
    },
  },
  "settle and acquire, where keys share the time that their tasks run": {
    script: "settle",
    async prepare(q) {
      await setLimits(q.engine, { fairBy: "time" });
      await q.add(["a1", "a2"], { key: "a" });
      await q.add(["b1", "b2"], { key: "b" });
      await q.add(["x1", "x2"]);
      const held = await hold(q, 3);
      q.advance(500);
      return { accepted: ["a1", "a2", "b1", "b2", "x1", "x2"], held };
    },
    call: (q) =>
      q.engine.settle(
        [
          { kind: "ack", ...lease(q, "a1") },
          { kind: "ack", ...lease(q, "x1") },
        ],
        q.roundTripArgs({ want: 1, nonce: "n" }),
        request,
      ),
  },
};
