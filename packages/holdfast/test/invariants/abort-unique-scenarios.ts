import type { Unique } from "@holdfast/contracts";
import { encodeEnvelope } from "../../src/engine/envelope.ts";
import type { Scenario } from "../support/abort.ts";
import type { AddOptions, TestQueue } from "../support/test-queue.ts";

const request = { requestSlot: "#q:aborted:0", sequence: 1 };
const window = { scope: "window", windowMs: 3_600_000 } as const;

const text = (q: TestQueue, options: AddOptions) => encodeEnvelope("t", q.now, "{}", options, "fp");
/** Adds a task whose unique key is its id. */
const add = (q: TestQueue, id: string, options: AddOptions = {}) =>
  q.add(id, { ...options, unique: { key: id } });

/** Prepares a task "a" that runs, and a task "b" with the same unique key that waits for the end of "a". */
async function prepareNext(q: TestQueue, options: AddOptions = {}) {
  for (const id of ["a", "b"]) {
    await q.add(id, { ...options, unique: { key: "k", onConflict: "keepLatest" } });
    if (id === "a") q.held = (await q.acquire(1)).grants;
  }
  return { accepted: ["a", "b"], held: q.held };
}

/** Script calls with tasks that have unique keys. */
export const uniqueScenarios: Record<string, Scenario> = {
  "enqueue of tasks with unique keys, of which others hold two": {
    script: "enqueue",
    adds: ["new", "free2", "late"],
    frees: ["new", "held", "free"],
    callsAtLeast: 9,
    async prepare(q) {
      await add(q, "held");
      await add(q, "free");
      await q.engine.cancel("free");
      return { accepted: ["held", "free"] };
    },
    call(q) {
      const of = (key: string, options: AddOptions = {}) => text(q, { ...options, unique: { key } });
      const tail = ["new", of("new"), "same", of("new"), "other", of("held"), "free2", of("free")];
      tail.push("late", text(q, { delayMs: 5, unique: { key: "late", ...window } }));
      return q.engine.enqueue({ checked: true, unique: true, high: 0, normal: 4, low: 0, tail }, request);
    },
  },
  "enqueue of ids whose next life has a unique key": {
    script: "enqueueAgain",
    begins: ["gone", "windowed"],
    frees: ["gone", "held"],
    async prepare(q) {
      await q.add(["gone", "windowed", "refused"], { fingerprint: "fp" });
      for (const id of ["gone", "windowed", "refused"]) await q.engine.cancel(id);
      await add(q, "held");
      return { accepted: ["gone", "windowed", "refused", "held"] };
    },
    call(q) {
      const tail = ["gone", text(q, { unique: { key: "gone" } })];
      tail.push("windowed", text(q, { unique: { key: "windowed", ...window } }));
      return q.engine.enqueueAgain([...tail, "refused", text(q, { unique: { key: "held" } })], request);
    },
  },
  "replay of tasks with unique keys, of which another task holds one": {
    script: "replay",
    frees: ["a", "b"],
    async prepare(q) {
      for (const id of ["a", "b"]) await q.addDead(id, { unique: { key: id } });
      await q.add("b2", { unique: { key: "b" } });
      return { accepted: ["a", "b", "b2"] };
    },
    call: (q) => q.engine.replay(["a", "", "b", ""], request),
  },
  "replacement of waiting tasks, which gives them another priority or time, or leaves them in place": {
    script: "replace",
    frees: ["high", "late", "now", "same", "keyed", "bounced"],
    callsAtLeast: 12,
    async prepare(q) {
      for (const id of ["high", "late", "same"]) await add(q, id);
      await add(q, "now", { delayMs: 5 });
      await add(q, "keyed", { key: "k" });
      await q.add("bounced", {
        delayMs: 5,
        unique: { key: "bounced", onConflict: "debounce", maxWaitMs: 50 },
      });
      await q.engine.acquire({ ...q.roundTripArgs({ want: 0 }), park: true });
      return { accepted: ["high", "late", "now", "same", "keyed", "bounced"] };
    },
    call(q) {
      const of = (key: string, options: AddOptions = {}, change: Partial<Unique> = {}) => {
        const unique: Unique = { key, onConflict: "replace", ...change };
        return [key, encodeEnvelope("t", q.now, "2", { ...options, unique }, "fp2")];
      };
      const tail = [
        ...of("high", { priority: "high" }),
        ...of("late", { delayMs: 9 }),
        ...of("now"),
        ...of("same"),
      ];
      tail.push(...of("keyed", { key: "k", priority: "low" }), ...of("same", { maxRetries: 1 }));
      tail.push(...of("bounced", { delayMs: 5 }, { onConflict: "debounce", maxWaitMs: 50 }));
      return q.engine.replace(tail, request);
    },
  },
  "enqueue of tasks that wait for the ends of running tasks": {
    script: "enqueue",
    adds: ["next"],
    frees: ["k"],
    async prepare(q) {
      await q.add("k", { unique: { key: "k", onConflict: "keepLatest" } });
      return { accepted: ["k"], held: (await q.acquire(1)).grants };
    },
    call(q) {
      const tail = ["next", text(q, { unique: { key: "k", onConflict: "keepLatest" } })];
      return q.engine.enqueue({ checked: true, unique: true, high: 0, normal: 1, low: 0, tail }, request);
    },
  },
  "settle of a task whose end another task waits for": {
    script: "settle",
    frees: ["k"],
    prepare: prepareNext,
    call: (q) =>
      q.engine.settle(
        q.held.map(({ id, fence }) => ({ kind: "ack", id, fence })),
        q.roundTripArgs({ nonce: "n" }),
        request,
      ),
  },
  "reap of a task whose end another task waits for": {
    script: "reap",
    frees: ["k"],
    async prepare(q) {
      const prepared = await prepareNext(q, { maxRetries: 0 });
      q.advance(30_001);
      return prepared;
    },
    call: (q) => q.engine.reap(100),
  },
  "settle of tasks with unique keys": {
    script: "settle",
    frees: ["done", "dead", "again"],
    async prepare(q) {
      for (const id of ["done", "dead", "again"]) await add(q, id);
      q.held = (await q.acquire(3)).grants;
      return { accepted: ["done", "dead", "again"], held: q.held };
    },
    call(q) {
      const [done, dead, again] = q.held.map(({ id, fence }) => ({ id, fence }));
      if (!done || !dead || !again) throw new Error("not all were granted");
      return q.engine.settle(
        [
          { kind: "ack", ...done },
          { kind: "fatal", ...dead, error: "x" },
          { kind: "fail", ...again, delayMs: 5, error: "x" },
        ],
        q.roundTripArgs({ nonce: "n" }),
        request,
      );
    },
  },
  "reap of tasks with unique keys": {
    script: "reap",
    frees: ["again", "dead"],
    async prepare(q) {
      await add(q, "again");
      await add(q, "dead", { maxRetries: 0 });
      const held = (await q.acquire(2)).grants;
      q.advance(30_001);
      return { accepted: ["again", "dead"], held };
    },
    call: (q) => q.engine.reap(100),
  },
  "empty of tasks with unique keys, one of them with a window": {
    script: "empty",
    removes: ["a", "w"],
    frees: ["a"],
    async prepare(q) {
      await add(q, "a");
      await q.add("w", { unique: { key: "w", ...window } });
      return { accepted: ["a", "w"] };
    },
    call: (q) => q.engine.empty("pending", "pending", 100),
  },
  "a sweep of unique keys": {
    script: "freeKeys",
    frees: ["held", "gone"],
    async prepare(q) {
      for (const id of ["held", "gone"]) await add(q, id);
      await q.engine.cancel("gone");
      return { accepted: ["held", "gone"] };
    },
    call: (q) => q.engine.freeKeys(100, "0"),
  },
};
