import type { Unique } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { encodeEnvelope } from "../src/engine/envelope.ts";
import { setup } from "./support/setup.ts";
import type { AddOptions, TestQueue } from "./support/test-queue.ts";

/** Enqueues a task with the unique key "k". @returns verdicts, states and the tasks that hold the key */
async function offer(q: TestQueue, id: string, change: Partial<Unique> = {}, options: AddOptions = {}) {
  const { fingerprint, ...rest } = options;
  const envelope = encodeEnvelope(
    "t",
    q.now,
    "{}",
    { unique: { key: "k", ...change }, ...rest },
    fingerprint,
  );
  const scheduled = rest.delayMs !== undefined;
  return q.engine.enqueue({
    ...{ checked: fingerprint !== undefined, unique: true, high: 0, low: 0 },
    ...{ normal: scheduled ? 0 : 1, tail: [id, envelope] },
  });
}

const accepted = { verdicts: "n", states: "" };
const heldBy = (id: string, state: string, verdict = "o") => ({
  verdicts: verdict,
  states: state,
  owners: [id],
});
const entries = (q: TestQueue) => q.redis.hgetall(q.keys.unique);

describe("a task that has not ended holds its unique key", () => {
  test("while it waits, is scheduled, runs and waits for a retry", async () => {
    const q = await setup();
    expect(await offer(q, "a", {}, { delayMs: 5 })).toEqual(accepted);
    expect(await offer(q, "b")).toEqual(heldBy("a", "s"));
    q.advance(5);
    await q.engine.promote(10);
    expect(await offer(q, "b")).toEqual(heldBy("a", "p"));
    const grant = await q.grant();
    expect(await offer(q, "b")).toEqual(heldBy("a", "l"));
    await q.fail(grant, "no", 5);
    expect(await offer(q, "b")).toEqual(heldBy("a", "s"));
    expect(await q.view("b")).toBeNull();
  });

  test("after a crash of its worker too, and with onConflict reject other enqueues of the key are refused", async () => {
    const q = await setup();
    await offer(q, "a");
    await q.grant();
    await q.crash();
    expect(await offer(q, "b", { onConflict: "reject" })).toEqual(heldBy("a", "p", "u"));
    expect((await q.stats()).totals.deduplicated).toBe(0);
  });

  test("a unique key is also checked against tasks of the same call, but only tasks with the same key", async () => {
    const q = await setup();
    const text = (key: string) => encodeEnvelope("t", q.now, "{}", { unique: { key } });
    const tail = ["a", text("k"), "b", text("k"), "c", text("other"), "d", text("k")];
    const answer = await q.engine.enqueue({ checked: false, unique: true, high: 0, normal: 4, low: 0, tail });
    expect(answer).toEqual({ verdicts: "nono", states: "pp", owners: ["a", "a"] });
    expect((await q.stats()).totals).toMatchObject({ enqueued: 2, deduplicated: 2 });
  });

  test("but a payload that looks like the option gives no key", async () => {
    const q = await setup();
    const payload = '" u=ue,k "';
    const tail = [
      ...["a", encodeEnvelope("t", q.now, payload)],
      ...["b", encodeEnvelope("t", q.now, payload, { unique: { key: "other" } })],
    ];
    await q.engine.enqueue({ checked: false, unique: true, high: 0, normal: 2, low: 0, tail });
    expect(await entries(q)).toEqual({ other: "b" });
  });
});

interface End {
  how: string;
  options?: AddOptions;
  end(q: TestQueue): Promise<unknown>;
}

const ends: End[] = [
  { how: "completed", end: async (q) => q.ack(await q.grant()) },
  { how: "was cancelled while it waited", end: (q) => q.engine.cancel("a") },
  {
    how: "was cancelled while it ran",
    async end(q) {
      const grant = await q.grant();
      await q.engine.cancel("a");
      await q.fail(grant);
    },
  },
  { how: "died", end: async (q) => q.fatal(await q.grant()) },
  {
    how: "died of crashes",
    async end(q) {
      while ((await q.task("a")).state !== "dead") {
        await q.grant();
        await q.crash();
      }
    },
  },
  {
    how: "was discarded",
    async end(q) {
      await q.fatal(await q.grant());
      await q.engine.discard(["a", ""], undefined, { discard: "d" });
    },
  },
  {
    how: "expired",
    options: { expiresAt: 1_800_000_010_000 },
    async end(q) {
      q.advance(10_001);
      await q.engine.expire(10);
    },
  },
  { how: "was emptied while it waited", end: (q) => q.engine.empty("pending", "pending", 10) },
  {
    how: "completed and was purged",
    async end(q) {
      await q.ack(await q.grant());
      await q.engine.configure({ retentionMs: 0, idempotencyMs: 0 });
      q.advance(1);
      await q.engine.purge(100, 3_600_000);
      expect(await q.view("a")).toBeNull();
    },
  },
];

describe.each(ends)("a task that $how", ({ options = {}, end }) => {
  test("no longer holds its unique key, whether or not a janitor has removed the entry", async () => {
    for (const isSwept of [false, true]) {
      const q = await setup();
      await offer(q, "a", {}, options);
      await end(q);
      if (isSwept) {
        await q.engine.freeKeys(100, "0");
        expect(await entries(q)).toEqual({});
      }
      expect(await offer(q, "b")).toEqual(accepted);
      expect(await offer(q, "c")).toEqual(heldBy("b", "p"));
      expect(await entries(q)).toEqual({ k: "b" });
    }
  });
});

test("a janitor leaves the entries of tasks that hold their keys", async () => {
  const q = await setup();
  await offer(q, "a");
  await offer(q, "b", { key: "w", scope: "window", windowMs: 1_000 });
  await q.engine.cancel("b");
  await offer(q, "c", { key: "x", scope: "window", windowMs: 1_000 });
  expect(await q.engine.freeKeys(100, "0")).toEqual({ removed: 1, cursor: "0" });
  expect(Object.keys(await entries(q)).sort()).toEqual(["k", "x"]);
  q.advance(1_000);
  expect((await q.engine.purge(100, 3_600_000)).uniqueKeys).toBe(2);
  expect(await q.engine.freeKeys(100, "0")).toEqual({ removed: 1, cursor: "0" });
  expect(await entries(q)).toEqual({ k: "a" });
});

describe("scope waiting", () => {
  test("a running task does not hold the key, and a waiting task does", async () => {
    const q = await setup();
    await offer(q, "a", { scope: "waiting" });
    expect(await offer(q, "b", { scope: "waiting" })).toEqual(heldBy("a", "p"));
    await q.grant();
    expect(await offer(q, "b", { scope: "waiting" })).toEqual(accepted);
    expect(await offer(q, "c", { scope: "waiting" })).toEqual(heldBy("b", "p"));
  });
});

describe("scope window", () => {
  const window = { scope: "window", windowMs: 1_000 } as const;

  test("a task holds the key until the window ends, even after it has completed and was purged", async () => {
    const q = await setup();
    await offer(q, "a", window);
    await q.ack(await q.grant());
    expect(await offer(q, "b", window)).toEqual(heldBy("a", "c"));
    await q.engine.configure({ retentionMs: 0, idempotencyMs: 0 });
    q.advance(1);
    await q.engine.purge(100, 3_600_000);
    expect(await offer(q, "b", window)).toEqual(heldBy("a", "r"));
    q.advance(998);
    expect(await offer(q, "b", window)).toEqual(heldBy("a", "r"));
    q.advance(1);
    expect(await offer(q, "b", window)).toEqual(accepted);
  });

  test("a window ends even if its task has not ended", async () => {
    const q = await setup();
    await offer(q, "a", window);
    q.advance(1_000);
    expect(await offer(q, "b", window)).toEqual(accepted);
  });

  test.each(ends.filter(({ how }) => !how.startsWith("completed")))(
    "a task that $how does not hold its key for the rest of the window",
    async ({ options = {}, end }) => {
      const q = await setup();
      await offer(q, "a", { ...window, windowMs: 86_400_000 }, options);
      await end(q);
      expect(await offer(q, "b", window)).toEqual(accepted);
    },
  );
});

describe("the id of a task is checked before its unique key", () => {
  test("a repeat of an enqueue is a duplicate, and another id finds the key held", async () => {
    const q = await setup();
    const given: AddOptions = { fingerprint: "fp" };
    expect(await offer(q, "a", {}, given)).toEqual(accepted);
    expect(await offer(q, "a", {}, given)).toEqual({ verdicts: "d", states: "p" });
    expect(await offer(q, "b", {}, given)).toEqual(heldBy("a", "p"));
  });

  test("a new life of the id without the key does not hold it", async () => {
    const q = await setup();
    const given: AddOptions = { fingerprint: "fp" };
    for (const scope of [{}, { scope: "window", windowMs: 60_000 } as const]) {
      await offer(q, "a", scope, given);
      await q.engine.cancel("a");
      expect(await q.add("a", { fingerprint: "other" })).toBe("n");
      expect(await offer(q, "b", scope, given)).toEqual(accepted);
      await q.engine.cancel("a");
      await q.engine.cancel("b");
    }
  });

  test("the next life of a task takes its key again, or learns who holds it", async () => {
    const q = await setup();
    const given: AddOptions = { fingerprint: "fp" };
    await offer(q, "a", {}, given);
    await q.engine.cancel("a");
    expect(await offer(q, "a", {}, given)).toEqual(accepted);
    expect(await offer(q, "b")).toEqual(heldBy("a", "p"));
    await q.engine.cancel("a");
    await offer(q, "b");
    expect(await offer(q, "a", { onConflict: "reject" }, given)).toEqual(heldBy("b", "p", "u"));
    expect((await q.task("a")).state).toBe("cancelled");
  });
});

describe("replay", () => {
  test("takes the unique key again", async () => {
    const q = await setup();
    await offer(q, "a");
    await q.fatal(await q.grant());
    expect(await q.engine.replay(["a", ""])).toBe("r");
    expect(await offer(q, "b")).toEqual(heldBy("a", "p"));
  });

  test("leaves a task dead if another task holds its key, and names that task, even in a repeat of the call", async () => {
    const q = await setup();
    await offer(q, "a");
    await q.fatal(await q.grant());
    await q.addDead("plain");
    await offer(q, "b");
    const request = { requestSlot: "#q:test:0", sequence: 1 };
    expect(await q.engine.replay(["a", "", "plain", ""], request)).toBe("hr b");
    expect(await q.engine.replay(["a", "", "plain", ""], request)).toBe("hr b");
    expect((await q.task("a")).state).toBe("dead");
  });

  test("of two tasks with one unique key replays only the first", async () => {
    const q = await setup();
    for (const id of ["a", "b"]) {
      await offer(q, id);
      await q.fatal(await q.grant());
    }
    expect(await q.engine.replay(["a", "", "b", ""])).toBe("rh a");
  });

  test("by force does not take the key", async () => {
    const q = await setup();
    await offer(q, "a");
    await q.fatal(await q.grant());
    await offer(q, "b");
    expect(await q.engine.replay(["a", ""], undefined, 0, true)).toBe("r");
    expect(await entries(q)).toEqual({ k: "b" });
    // Both tasks hold the same key now, which the audit after the test would report. So one of them is cancelled.
    await q.engine.cancel("a");
  });
});

test("a full queue accepts no task, but still says who holds a key", async () => {
  const q = await setup();
  await offer(q, "a");
  await q.engine.configure({ maxWaiting: 1 });
  expect(await offer(q, "b")).toEqual(heldBy("a", "p"));
  expect(await offer(q, "c", { key: "other" })).toEqual({ verdicts: "f", states: "" });
  expect(await entries(q)).toEqual({ k: "a" });
});

test("a repeated call gets the same answer, even if the key is free again", async () => {
  const q = await setup();
  await offer(q, "a");
  const envelope = encodeEnvelope("t", q.now, "{}", { unique: { key: "k" } });
  const call = () =>
    q.engine.enqueue(
      { checked: false, unique: true, high: 0, normal: 1, low: 0, tail: ["b", envelope] },
      { requestSlot: "#q:test:0", sequence: 1 },
    );
  expect(await call()).toEqual(heldBy("a", "p"));
  await q.engine.cancel("a");
  expect(await call()).toEqual(heldBy("a", "p"));
});

test("a task shows its unique key and who holds it", async () => {
  const q = await setup();
  await offer(q, "a", { key: "käse 7", scope: "window", windowMs: 5_000, onConflict: "reject" });
  expect((await q.task("a")).unique).toEqual({
    ...{ key: "käse 7", scope: "window", windowMs: 5_000, onConflict: "reject", holder: "a" },
    ...{ maxWaitMs: null, replaced: null },
  });
  await q.add("plain");
  expect((await q.task("plain")).unique).toBeNull();
});

test("a deleted queue leaves no entries", async () => {
  const q = await setup();
  await offer(q, "a");
  await q.engine.empty("pending", "pending", 10);
  await offer(q, "b");
  await q.engine.empty("pending", "pending", 10);
  await q.engine.pause(true);
  expect(await q.engine.delete()).toBe("deleted");
  expect(await q.redis.exists(q.keys.unique)).toBe(0);
});
