import { encodeEnvelope } from "../../src/engine/envelope.ts";
import type { Scenario } from "../support/abort.ts";
import type { TestQueue } from "../support/test-queue.ts";
import { changeScenarios } from "./abort-change-scenarios.ts";
import { flowScenarios } from "./abort-flow-scenarios.ts";
import { keepScenarios } from "./abort-keep-scenarios.ts";
import { keyScenarios } from "./abort-key-scenarios.ts";
import { uniqueScenarios } from "./abort-unique-scenarios.ts";

const request = { requestSlot: "#q:aborted:0", sequence: 1 };
const none = { id: "", fence: "" };
/** Two types in batches of three. A batch waits until it is full. */
const batches = " report=0/9/3/5000 mail=0/9/3/5000k";

/** Leaves the request of an idle worker in Redis, where an enqueue can answer it. */
export const park = (q: TestQueue, want = 1) =>
  q.engine.acquire({ ...q.roundTripArgs({ want }), park: true });

async function crashTwice(q: TestQueue): Promise<void> {
  for (let i = 0; i < 2; i++) {
    await q.grant();
    await q.crash();
  }
}

async function complete(q: TestQueue, ids: string[], options = {}): Promise<void> {
  await q.add(ids, options);
  for (const grant of (await q.acquire(ids.length)).grants) await q.ack(grant, "1");
}

export const scenarios: Record<string, Scenario> = {
  ...changeScenarios,
  ...keepScenarios,
  ...keyScenarios,
  ...uniqueScenarios,
  ...flowScenarios,
  "enqueue of ids given by a caller, with all priorities": {
    script: "enqueue",
    adds: ["h", "n", "l", "s"],
    async prepare(q) {
      await park(q);
      // An aborted purge can leave this record.
      await q.redis.hset(q.keys.state, "n", "r");
      return { accepted: [] };
    },
    call(q) {
      const text = (options = {}) => encodeEnvelope("t", q.now, "{}", options, "fp");
      const tail = ["h", text(), "n", text(), "l", text(), "s", text({ delayMs: 5 })];
      return q.engine.enqueue({ checked: true, high: 1, normal: 1, low: 1, tail }, request);
    },
  },
  "enqueue of the ids of tasks that ended": {
    script: "enqueueAgain",
    begins: ["dead", "solo", "x", "e", "k", "later"],
    async prepare(q) {
      const given = { fingerprint: "fp" };
      for (const id of ["dead", "k"]) await q.addDead(id, given);
      await q.engine.discard(["k", ""]);
      await q.add("solo", { ...given, maxRetries: 1 });
      await crashTwice(q);
      await q.add("e", { ...given, expiresAt: 1 });
      await q.acquire(1);
      await q.add(["x", "later"], given);
      for (const id of ["x", "later"]) await q.engine.cancel(id);
      await park(q);
      return { accepted: ["dead", "solo", "x", "e", "later"] };
    },
    call(q) {
      const text = (options = {}) => encodeEnvelope("t", q.now, "2", options, "fp2");
      const waiting = [
        "dead",
        text(),
        "solo",
        text(),
        "x",
        text({ priority: "high" }),
        "e",
        text(),
        "k",
        text(),
      ];
      return q.engine.enqueueAgain([...waiting, "later", text({ delayMs: 5 })], request);
    },
  },
  "enqueue of minted ids": {
    script: "enqueue",
    adds: ["a", "b"],
    prepare: async () => ({ accepted: [] }),
    call(q) {
      const text = encodeEnvelope("t", q.now, "{}");
      const args = { checked: false, high: 0, normal: 2, low: 0, tail: ["a", text, "b", text] };
      return q.engine.enqueue(args, request);
    },
  },
  "acquire of a due task, with entries of a cancelled and an expired task": {
    script: "acquire",
    async prepare(q) {
      await q.add("due", { delayMs: 5 });
      await q.add(["n1", "gone", "n2"]);
      await q.engine.cancel("gone");
      await q.add("old", { expiresAt: q.now + 1 });
      await q.add("h", { priority: "high" });
      await q.add("l", { priority: "low", maxRetries: 1 });
      q.advance(5);
      return { accepted: ["due", "n1", "n2", "gone", "old", "h", "l"] };
    },
    call: (q) => q.engine.acquire({ ...q.roundTripArgs({ want: 20, nonce: "n" }), park: true }, request),
  },
  "acquire of a task that has to run alone": {
    script: "acquire",
    async prepare(q) {
      await q.add("killer");
      await crashTwice(q);
      await q.add("bystander");
      return { accepted: ["killer", "bystander"] };
    },
    call: (q) => q.engine.acquire({ ...q.roundTripArgs({ want: 5, nonce: "n" }), park: false }, request),
  },
  "acquire by type of new tasks, tasks that were put aside, and an expired task": {
    script: "acquire",
    // The script makes many calls: it promotes, reads four bands and their lines, writes four targets, commits and
    // removes.
    callsAtLeast: 20,
    async prepare(q) {
      await q.add("r1", { type: "report" });
      await q.add("r2", { type: "report", priority: "high", expiresAt: q.now + 1 });
      await q.acquire(5, { types: " none" });
      await q.add("m", { type: "mail", fingerprint: "fp" });
      await q.add("gone", { type: "mail" });
      await q.engine.cancel("gone");
      await q.add("r3", { type: "report" });
      await park(q);
      q.advance(5);
      return { accepted: ["r1", "r2", "r3", "m", "gone"] };
    },
    call: (q) =>
      q.engine.acquire(
        { ...q.roundTripArgs({ want: 20, nonce: "n", types: " report x" }), park: true },
        request,
      ),
  },
  "acquire of a full batch and of a batch that waits until it is full": {
    script: "acquire",
    callsAtLeast: 15,
    async prepare(q) {
      await q.add(["r1", "r2"], { type: "report" });
      await q.acquire(5, { types: batches });
      await q.add(["r3", "m", "gone"], { type: "report", fingerprint: "fp" });
      await q.engine.cancel("gone");
      await q.add(["w1", "w2"], { type: "mail" });
      await park(q);
      q.advance(5);
      return { accepted: ["r1", "r2", "r3", "m", "gone", "w1", "w2"] };
    },
    call: (q) =>
      q.engine.acquire({ ...q.roundTripArgs({ want: 9, nonce: "n", types: batches }), park: true }, request),
  },
  "acquire by type of a task that was put aside and has to run alone": {
    script: "acquire",
    async prepare(q) {
      await q.add("killer", { type: "report" });
      await crashTwice(q);
      await q.acquire(1, { types: " none" });
      await q.add("bystander");
      return { accepted: ["killer", "bystander"] };
    },
    call: (q) => q.engine.acquire({ ...q.roundTripArgs({ want: 5, nonce: "n", types: " report" }) }, request),
  },
  reject: {
    script: "reject",
    callsAtLeast: 9,
    async prepare(q) {
      for (const [id, type] of Object.entries({ a: "x", b: "x", kept: "y", gone: "z" }))
        await q.add(id, { type });
      await q.acquire(4, { types: " none", noHandlerAfterMs: 1 });
      await q.engine.cancel("gone");
      q.advance(1);
      return { accepted: ["a", "b", "kept", "gone"] };
    },
    call: (q) => q.engine.reject(["y"], "-", 100),
  },
  expire: {
    script: "expire",
    callsAtLeast: 12,
    async prepare(q) {
      await q.add("aside", { type: "report", expiresAt: q.now + 1 });
      await q.acquire(1, { types: " none" });
      await q.add(["a", "gone"], { expiresAt: q.now + 1 });
      await q.engine.cancel("gone");
      await q.add("kept");
      await q.add("b", { expiresAt: q.now + 1 });
      await q.add("high", { priority: "high", expiresAt: q.now + 1 });
      q.advance(1);
      return { accepted: ["aside", "a", "gone", "kept", "b", "high"] };
    },
    call: (q) => q.engine.expire(100),
  },
  "settle with all verdicts, an acquire and a purge": {
    script: "settle",
    removes: ["old1", "old2"],
    async prepare(q) {
      await q.add("old1", { fingerprint: "fp" });
      await q.ack(await q.grant(), "1");
      await complete(q, ["old2"], { keepPayload: false });
      await q.add("ack", { keepPayload: false });
      await q.add("named", { keepPayload: false, fingerprint: "fp" });
      await q.add([
        "result",
        "fail",
        "fatal",
        "quarantine",
        "unrouted",
        "stop",
        "excuse",
        "drop",
        "sleep",
        "wait",
      ]);
      const { grants: held } = await q.acquire(10);
      await q.engine.cancel("stop");
      await q.add("due", { delayMs: 1 });
      await q.add(["n1", "n2"]);
      q.advance(1);
      await q.engine.configure({ retentionCount: 1 });
      q.held = held;
      const accepted = [
        "fail",
        "fatal",
        "quarantine",
        "unrouted",
        "stop",
        "excuse",
        "drop",
        "due",
        "n1",
        "n2",
      ];
      return { accepted, held };
    },
    call(q) {
      const lease = (id: string) => {
        const { fence } = q.held.find((grant) => grant.id === id) ?? none;
        return { id, fence };
      };
      return q.engine.settle(
        [
          { kind: "ack", ...lease("ack") },
          { kind: "ack", ...lease("named") },
          { kind: "ack", ...lease("result"), resultText: "1" },
          { kind: "fail", ...lease("fail"), delayMs: 5, error: "x" },
          { kind: "fatal", ...lease("fatal"), error: "x" },
          { kind: "quarantine", ...lease("quarantine"), error: "x" },
          { kind: "unrouted", ...lease("unrouted") },
          { kind: "fail", ...lease("stop"), delayMs: 5, error: "x" },
          { kind: "excuse", ...lease("excuse"), delayMs: 5, error: "x" },
          { kind: "suspend", ...lease("sleep"), delayMs: 5, events: "" },
          { kind: "suspend", ...lease("wait"), delayMs: 5, events: "e" },
          { kind: "drop", ...lease("drop"), error: "x" },
        ],
        q.roundTripArgs({ want: 5, nonce: "n" }),
        request,
      );
    },
  },
  "settle of releases": {
    script: "settle",
    async prepare(q) {
      await q.add(["a", "b"]);
      await q.add("h", { priority: "high" });
      const { grants: held } = await q.acquire(3);
      await park(q);
      q.held = held;
      return { accepted: ["a", "b", "h"], held };
    },
    call: (q) =>
      q.engine.settle(
        q.held.map(({ id, fence }) => ({ kind: "release", id, fence })),
        q.roundTripArgs({ want: 3, nonce: "n" }),
        request,
      ),
  },
  "settle of tasks beyond the retention": {
    script: "settle",
    // A settle makes two more calls if it removes the oldest tasks.
    callsAtLeast: 13,
    removes: ["old1", "old2"],
    async prepare(q) {
      await complete(q, ["old1", "old2", "old3"], {});
      await q.add(["a", "b"]);
      const { grants: held } = await q.acquire(2);
      await q.engine.configure({ retentionCount: 1 });
      q.held = held;
      return { accepted: ["a", "b"], held };
    },
    call: (q) =>
      q.engine.settle(
        q.held.map(({ id, fence }) => ({ kind: "ack", id, fence })),
        q.roundTripArgs({ nonce: "n" }),
        request,
      ),
  },
  "settle of tasks without a payload, beyond the retention": {
    script: "settle",
    removes: ["old1", "old2"],
    async prepare(q) {
      await complete(q, ["old1", "old2", "old3"], { keepPayload: false });
      await q.add(["a", "b"], { keepPayload: false, maxRetries: 1 });
      await q.add("kept");
      const { grants: held } = await q.acquire(3);
      await q.engine.configure({ retentionCount: 1 });
      q.held = held;
      // The tasks that a worker holds are in none of the lists that the call reads.
      return { accepted: ["a", "b", "kept"], held };
    },
    call: (q) =>
      q.engine.settle(
        q.held.map(({ id, fence }) => ({ kind: "ack", id, fence })),
        q.roundTripArgs({ nonce: "n" }),
        request,
      ),
  },
  reap: {
    script: "reap",
    async prepare(q) {
      await q.add("killer");
      await q.grant();
      await q.crash();
      await q.add("n");
      await q.add("h", { priority: "high" });
      await q.add("last", { maxRetries: 0 });
      await q.add("stop");
      const { grants: held } = await q.acquire(5);
      await q.engine.cancel("stop");
      await park(q);
      q.advance(30_001);
      return { accepted: ["killer", "n", "h", "last", "stop"], held };
    },
    call: (q) => q.engine.reap(100),
  },
  promote: {
    script: "promote",
    async prepare(q) {
      await q.add("n", { delayMs: 1 });
      await q.add("h", { delayMs: 1, priority: "high" });
      await q.add("retry");
      await q.fail(await q.grant(), "x", 1);
      await park(q);
      q.advance(1);
      return { accepted: ["n", "h", "retry"] };
    },
    call: (q) => q.engine.promote(100),
  },
  replay: {
    script: "replay",
    async prepare(q) {
      for (const id of ["a", "edited"]) await q.addDead(id);
      await q.addDead("l", { priority: "low" });
      await q.add("killer", { maxRetries: 1 });
      await crashTwice(q);
      await park(q);
      return { accepted: ["a", "edited", "l", "killer"] };
    },
    call(q) {
      const edit = encodeEnvelope("t", q.now, "2");
      return q.engine.replay(["a", "", "edited", edit, "l", "", "killer", ""], request);
    },
  },
  "cancel of a pending task": {
    script: "cancel",
    async prepare(q) {
      await q.add(["a", "b"], { fingerprint: "fp" });
      return { accepted: ["a", "b"] };
    },
    call: (q) => q.engine.cancel("a"),
  },
  "cancel of a scheduled task": {
    script: "cancel",
    async prepare(q) {
      await q.add(["a", "b"], { delayMs: 5 });
      return { accepted: ["a", "b"] };
    },
    call: (q) => q.engine.cancel("a"),
  },
  "cancel of a running task": {
    script: "cancel",
    async prepare(q) {
      await q.add("a");
      return { accepted: ["a"], held: [await q.grant()] };
    },
    call: (q) => q.engine.cancel("a"),
  },
  "discard of tasks, one with an id of a caller and one that was moved": {
    script: "discard",
    removes: ["plain", "given", "moved"],
    async prepare(q) {
      await q.addDead("plain");
      await q.addDead("given", { fingerprint: "fp" });
      await q.addDead("moved");
      await q.addDead("stays");
      return { accepted: ["plain", "given", "moved", "stays"] };
    },
    call: (q) => q.engine.discard(["plain", "", "given", "", "moved", "other/moved.g1"]),
  },
  "restore of discarded tasks, one with an id of a caller": {
    script: "restore",
    restores: ["plain", "given"],
    async prepare(q) {
      await q.addDead("plain");
      await q.addDead("given", { fingerprint: "fp" });
      await q.addDead("other");
      await q.addDead("stays");
      await q.engine.discard(["plain", "", "given", ""], undefined, { discard: "d1" });
      await q.engine.discard(["other", ""], undefined, { discard: "d2" });
      return { accepted: ["stays"] };
    },
    async call(q) {
      return q.engine.restore(["plain", "given", "other", "stays"], "d1", request);
    },
  },
  "empty of pending": {
    script: "empty",
    removes: ["a", "given", "b"],
    async prepare(q) {
      await q.add(["a", "gone"]);
      await q.add("given", { fingerprint: "fp" });
      await q.add("b");
      await q.engine.cancel("gone");
      return { accepted: ["a", "given", "b", "gone"] };
    },
    call: (q) => q.engine.empty("pending", "pending", 100),
  },
  "empty of scheduled": {
    script: "empty",
    removes: ["a", "given"],
    async prepare(q) {
      await q.add("a", { delayMs: 50 });
      await q.add("given", { delayMs: 50, fingerprint: "fp" });
      return { accepted: ["a", "given"] };
    },
    call: (q) => q.engine.empty("scheduled", "scheduled", 100),
  },
  "empty of dead": {
    script: "empty",
    removes: ["a", "b"],
    async prepare(q) {
      for (const id of ["a", "b"]) await q.addDead(id, { fingerprint: "fp" });
      return { accepted: ["a", "b"] };
    },
    call: (q) => q.engine.empty("deadLetters", "dead", 100),
  },
  "empty of completed": {
    script: "empty",
    removes: ["a", "b"],
    async prepare(q) {
      await complete(q, ["a"]);
      await complete(q, ["b"], { keepPayload: false });
      return { accepted: ["a", "b"] };
    },
    call: (q) => q.engine.empty("completed", "completed", 100),
  },
  "purge of all kinds": {
    script: "purge",
    removes: ["done", "unkept", "given", "gone", "old", "dropped", "capped"],
    async prepare(q) {
      await q.engine.configure({ retentionMs: 1_000, idempotencyMs: 5_000 });
      await q.add("forgotten", { fingerprint: "fp" }, { requestSlot: "#q:gone:0", sequence: 1 });
      await q.ack(await q.grant());
      q.advance(1_000);
      await q.engine.purge(100, 3_600_000);
      q.advance(3_000);
      await complete(q, ["done"]);
      await complete(q, ["unkept"], { keepPayload: false });
      await complete(q, ["given"], { fingerprint: "fp" });
      await q.add("gone");
      await q.engine.cancel("gone");
      await q.acquire(1);
      await q.add("old", { expiresAt: 1 });
      await q.acquire(1);
      await q.addDead("dropped");
      await q.engine.discard(["dropped", ""]);
      await q.engine.configure({ maxDead: 1 });
      await q.addDead("capped");
      q.advance(1_000);
      await q.addDead("dead");
      return { accepted: ["done", "unkept", "given", "gone", "old", "capped", "dead"] };
    },
    call: (q) => q.engine.purge(100, 2_000, 500),
  },
  "delete of a paused, empty queue": {
    script: "delete",
    async prepare(q) {
      await q.engine.pause(true);
      return { accepted: [] };
    },
    call: (q) => q.engine.delete(),
  },
};
