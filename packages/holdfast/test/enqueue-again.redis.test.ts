import { describe, expect, test } from "vitest";
import { encodeEnvelope } from "../src/engine/envelope.ts";
import { setup } from "./support/setup.ts";
import type { AddOptions, TestQueue } from "./support/test-queue.ts";

const given: AddOptions = { fingerprint: "fp" };

/**
 * Enqueues a task with the option `ifEnded: "duplicate"`: if the id belongs to a task that has ended, the enqueue is
 * a duplicate.
 */
async function addOnce(
  q: TestQueue,
  id: string,
  fingerprint = "fp",
): Promise<{ verdicts: string; states: string }> {
  const tail = [id, encodeEnvelope("t", q.now, "{}", {}, fingerprint)];
  return q.engine.enqueue({ checked: true, once: true, high: 0, normal: 1, low: 0, tail });
}

interface End {
  state: string;
  /** The letter with which the reply to a duplicate names this state. */
  letter: string;
  end(q: TestQueue): Promise<unknown>;
}

const cancel = (q: TestQueue) => q.engine.cancel("a");
const die = async (q: TestQueue) => q.fatal(await q.grant());
const discard = async (q: TestQueue) => {
  await die(q);
  await q.engine.discard(["a", ""], undefined, { discard: "d1" });
};

/** The ways in which a waiting task "a" ends without completing. Its id stays known. */
const ends: End[] = [
  { state: "cancelled", letter: "x", end: cancel },
  {
    state: "cancelled while it ran",
    letter: "x",
    async end(q) {
      const grant = await q.grant();
      await cancel(q);
      await q.fail(grant, "stopped", 5);
    },
  },
  { state: "dead", letter: "d", end: die },
  {
    state: "dead after crashes",
    letter: "d",
    async end(q) {
      while ((await q.task("a")).state !== "dead") {
        await q.grant();
        await q.crash();
      }
    },
  },
  { state: "discarded", letter: "k", end: discard },
  {
    state: "expired",
    letter: "e",
    async end(q) {
      await q.engine.empty("pending", "pending", 1);
      await q.add("a", { ...given, expiresAt: q.now + 1 });
      q.advance(1);
      await q.acquire(1);
    },
  },
];

describe.each(ends)("an id whose task is $state", ({ letter, end }) => {
  test("is free: an enqueue gives the id a new life with its own body, and a repeat finds this life", async () => {
    const q = await setup();
    await q.add("a", given);
    await end(q);
    const before = await q.stats();
    expect(await q.add("a", { fingerprint: "other", payloadText: "2", type: "u", priority: "high" })).toBe(
      "n",
    );
    expect(await q.task("a")).toMatchObject({
      ...{
        state: "pending",
        type: "u",
        payloadText: "2",
        priority: "high",
        attempts: 0,
        failures: 0,
        crashes: 0,
      },
      ...{ generation: 1, cancelRequested: false, deadReason: null, endedAt: null, unroutedSince: null },
    });
    expect(await q.stats()).toMatchObject({ pending: before.pending + 1, dead: 0, cancelled: 0, expired: 0 });
    expect(await q.add("a", { fingerprint: "other" })).toBe("d");
    expect(await q.add("a", given)).toBe("c");
    const { grants } = await q.acquire(5);
    expect(grants.map(({ id, past }) => [id, past.attempt, past.generation])).toEqual([["a", 1, 1]]);
    await q.ack(grants[0] as { id: string; fence: string }, "1");
    expect(await q.add("a", { fingerprint: "other" })).toBe("d");
    expect((await q.acquire(5)).grants).toEqual([]);
  });

  test("is free for a later time too", async () => {
    const q = await setup();
    await q.add("a", given);
    await end(q);
    expect(await q.add("a", { ...given, delayMs: 100 })).toBe("n");
    expect(await q.task("a")).toMatchObject({ state: "scheduled", runAt: q.now + 100, generation: 1 });
    expect((await q.acquire(5)).grants).toEqual([]);
    q.advance(100);
    expect((await q.acquire(5)).grants.map(({ id }) => id)).toEqual(["a"]);
  });

  test("stays taken if the caller asks for that: the same body is a duplicate, another body a conflict", async () => {
    const q = await setup();
    await q.add("a", given);
    await end(q);
    expect(await addOnce(q, "a")).toEqual({ verdicts: "d", states: letter });
    expect(await addOnce(q, "a", "other")).toEqual({ verdicts: "c", states: letter });
    expect((await q.acquire(5)).grants).toEqual([]);
  });

  test("keeps the attempts of the previous life, and refuses its late verdicts", async () => {
    const q = await setup();
    await q.add("a", given);
    const late = await q.grant();
    await q.crash();
    await end(q);
    const { history } = (await q.view("a")) ?? { history: [] };
    await q.add("a", given);
    expect(await q.ack(late, "late")).toBe("stale");
    const task = await q.task("a");
    expect(task).toMatchObject({ state: "pending", generation: 1, replays: [{ generation: 1, at: q.now }] });
    if (letter !== "k" && letter !== "e") expect(task.history).toEqual(history);
    const grant = await q.grant();
    expect(await q.ack(late, "late")).toBe("stale");
    expect(await q.ack(grant)).toBe("acked");
    expect(await q.task("a")).toMatchObject({ state: "completed", resultText: null });
  });
});

test.each(["pending", "scheduled", "processing", "completed"])(
  "an id whose task is %s is taken",
  async (state) => {
    const q = await setup();
    await q.add("a", { ...given, ...(state === "scheduled" ? { delayMs: 50 } : {}) });
    if (state === "processing" || state === "completed") {
      const grant = await q.grant();
      if (state === "completed") await q.ack(grant);
    }
    for (const enqueue of [() => q.add("a", given), async () => (await addOnce(q, "a")).verdicts])
      expect(await enqueue()).toBe("d");
    expect(await q.add("a", { fingerprint: "other" })).toBe("c");
    expect((await q.task("a")).state).toBe(state);
  },
);

test("the id of a task whose cancel was requested is free only after the task has ended; with ifEnded=duplicate the enqueue is a duplicate", async () => {
  const q = await setup();
  await q.add("a", given);
  const grant = await q.grant();
  await q.engine.cancel("a");
  expect(await q.add("a", given)).toBe("b");
  expect(await q.add("a", { fingerprint: "other" })).toBe("b");
  expect(await addOnce(q, "a")).toEqual({ verdicts: "d", states: "l" });
  await q.fail(grant, "stopped", 5);
  expect(await q.add("a", given)).toBe("n");
});

describe("after a purge the id is", () => {
  const purged = async (end: (q: TestQueue) => Promise<unknown>) => {
    const q = await setup();
    await q.engine.configure({ retentionMs: 10, idempotencyMs: 1_000 });
    await q.add("a", given);
    await end(q);
    return q;
  };

  test.each<[string, (q: TestQueue) => Promise<unknown>]>([
    ["cancelled", cancel],
    ["discarded, and can no longer be restored", discard],
    ["emptied while it waited", (q) => q.engine.empty("pending", "pending", 5)],
    [
      "emptied while it was scheduled",
      async (q) => {
        await cancel(q);
        await q.add("a", { ...given, delayMs: 50 });
        await q.engine.empty("scheduled", "scheduled", 5);
      },
    ],
    [
      "emptied as a dead letter",
      async (q) => {
        await die(q);
        await q.engine.empty("deadLetters", "dead", 5);
      },
    ],
  ])("a remembered id is free if its task was %s", async (_, end) => {
    const q = await purged(end);
    q.advance(10);
    await q.engine.purge(100, 3_600_000, 5);
    expect(await q.view("a")).toBeNull();
    expect(await addOnce(q, "a")).toEqual({ verdicts: "d", states: "r" });
    expect(await q.add("a", { fingerprint: "other" })).toBe("n");
    expect(await q.task("a")).toMatchObject({ state: "pending", generation: 0, history: [] });
    // The purge of the old task left an index entry, which must not affect the new task with the same id.
    q.advance(2_000);
    await q.engine.purge(100, 3_600_000, 5);
    expect((await q.task("a")).state).toBe("pending");
  });

  test("taken if its task completed, as long as the id is remembered", async () => {
    const q = await purged(async (queue) => queue.ack(await queue.grant()));
    q.advance(10);
    await q.engine.purge(100, 3_600_000);
    expect(await q.add("a", given)).toBe("d");
    expect(await q.add("a", { fingerprint: "other" })).toBe("c");
    q.advance(1_000);
    await q.engine.purge(100, 3_600_000);
    expect(await q.add("a", given)).toBe("n");
  });

  test("taken if its task was moved to another queue, because the task continues there", async () => {
    const q = await purged(die);
    await q.engine.discard(["a", "other/a.g1"]);
    expect(await q.add("a", given)).toBe("d");
  });

  test("taken if an older version purged the task, whose record does not say how the task ended", async () => {
    const q = await setup();
    await q.redis.hset(q.keys.state, "a", `r ${q.now} fp -`);
    expect(await q.add("a", given)).toBe("d");
  });
});

test("a restore or a replay that comes after the enqueue finds no dead letter", async () => {
  const q = await setup();
  await q.add("a", given);
  await discard(q);
  await q.add("a", given);
  expect(await q.engine.restore(["a"], "d1")).toBe("n");
  expect(await q.engine.replay(["a", ""])).toBe("n");
  expect(await q.engine.discard(["a", ""])).toBe("n");
  await q.fatal(await q.grant());
  expect(await q.engine.replay(["a", ""])).toBe("r");
  expect(await q.task("a")).toMatchObject({ state: "pending", generation: 2 });
});

test("a task that crashed its workers runs alone in its next life", async () => {
  const q = await setup();
  await q.add("a", { ...given, maxRetries: 1 });
  for (let n = 0; n < 2; n++) {
    await q.grant();
    await q.crash();
  }
  expect((await q.task("a")).state).toBe("dead");
  await q.add("a", given);
  expect(await q.stats()).toMatchObject({ pending: 1, pendingSolo: 1 });
  expect((await q.acquire(1, { held: 1 })).grants).toEqual([]);
  expect((await q.acquire(1)).solo).toBe(true);
});

test("the next life starts without progress and log lines", async () => {
  const q = await setup();
  await q.add("a", given);
  const grant = await q.grant();
  await q.engine.progress("a", grant.fence, { progress: "1", line: "info\tbefore" });
  await q.fatal(grant);
  await q.add("a", given);
  expect(await q.task("a")).toMatchObject({ progress: null, log: [] });
});

test("one call accepts ended ids, new ids and repeated ids, up to the cap of the queue", async () => {
  const q = await setup();
  await q.add("done", given);
  await q.ack(await q.grant());
  await q.add(["x1", "x2", "x3"], given);
  for (const id of ["x1", "x2", "x3"]) await q.engine.cancel(id);
  await q.engine.configure({ maxWaiting: 5 });
  const text = (fingerprint = "fp", options = {}) => encodeEnvelope("t", q.now, "{}", options, fingerprint);
  const answer = await q.engine.enqueue({
    ...{ checked: true, high: 1, normal: 6, low: 1 },
    tail: [
      ...[
        "x1",
        text("fp", { priority: "high" }),
        "new",
        text(),
        "x2",
        text(),
        "x2",
        text(),
        "x2",
        text("other"),
      ],
      ...["done", text(), "x1", text(), "new2", text("fp", { priority: "low" })],
      ...["x3", text("fp", { delayMs: 5 }), "late", text("fp", { delayMs: 0 })],
    ],
  });
  // The new tasks take the room in the queue first. Ids of ended tasks come after them, in a second call.
  expect(answer).toEqual({ verdicts: "nnndcddnfp", states: "ppcp" });
  expect((await q.stats()).pending).toBe(5);
});

test("an enqueue whose answer was lost is answered as before, and begins one life", async () => {
  const q = await setup();
  await q.add("a", given);
  await q.engine.cancel("a");
  const tail = ["a", encodeEnvelope("t", q.now, "{}", {}, "fp")];
  const request = { requestSlot: "#q:again:0", sequence: 1 };
  const first = await q.engine.enqueueAgain(tail, request);
  expect(first).toEqual({ verdicts: "n", states: "" });
  await q.engine.cancel("a");
  expect(await q.engine.enqueueAgain(tail, request)).toEqual(first);
  expect(await q.task("a")).toMatchObject({ state: "cancelled", generation: 1 });
});

test("an id that is purged between the two calls becomes a new task", async () => {
  const q = await setup();
  const tail = ["a", encodeEnvelope("t", q.now, "{}", {}, "fp")];
  expect(await q.engine.enqueueAgain(tail)).toEqual({ verdicts: "g", states: "" });
  await q.add("a", given);
  await q.engine.cancel("a");
  // The purge runs after the first call of the enqueue and before its second call.
  const other = q.otherEngine("other");
  q.mutate = (name, source) => {
    if (name !== "enqueueAgain") return source;
    q.mutate = undefined;
    return source.replace(
      "local ids, offered = {}, {}",
      "redis.call('HDEL', KEYS[13], 'a') redis.call('HDEL', KEYS[14], 'a')\nlocal ids, offered = {}, {}",
    );
  };
  q.corrupted = true;
  expect(await q.add("a", given)).toBe("n");
  const [raw] = await other.get(["a"]);
  expect(raw?.record).toBe("");
});

test("a next life wakes waiting workers, unless the queue is paused", async () => {
  const q = await setup();
  const isParked = async () => (await q.redis.hget(q.keys.state, "#parked")) !== null;
  await q.add(["a", "b"], given);
  for (const id of ["a", "b"]) await q.engine.cancel(id);
  await q.engine.acquire({ ...q.roundTripArgs({ want: 5 }) });
  await q.engine.acquire({ ...q.roundTripArgs({ want: 5 }), park: true });
  await q.engine.pause(true);
  await q.add("a", given);
  expect(await isParked()).toBe(true);
  await q.engine.pause(false);
  await q.ack(await q.grant());
  await q.engine.acquire({ ...q.roundTripArgs({ want: 5 }), park: true });
  await q.add("b", given);
  expect(await isParked()).toBe(false);
});

describe("times that were computed from the clock", () => {
  const runAt = (q: TestQueue, ms: number) => ({ ...given, runAt: q.now + ms });

  test("the same time, or the same delay after the enqueue, is the same task", async () => {
    const q = await setup();
    const first = runAt(q, 60_000);
    await q.add("a", first);
    q.advance(5_000);
    expect(await q.add("a", first)).toBe("d");
    expect(await q.add("a", runAt(q, 60_000))).toBe("d");
    expect(await q.add("a", runAt(q, 60_900))).toBe("d");
    expect(await q.add("a", runAt(q, 59_100))).toBe("d");
    expect(await q.task("a")).toMatchObject({ runAt: first.runAt });
  });

  test("another time is a conflict, so that a repeat is not mistaken for a change of the time", async () => {
    const q = await setup();
    await q.add("a", runAt(q, 60_000));
    q.advance(5_000);
    expect(await q.add("a", runAt(q, 62_000))).toBe("c");
    expect(await q.add("a", runAt(q, 3_600_000))).toBe("c");
  });

  test.each([{}, { keepPayload: false }])(
    "another expiresAt is a conflict too, while the task runs and after it has completed: %j",
    async (keeps) => {
      const q = await setup();
      const until = (ms: number) => ({ ...given, ...keeps, expiresAt: q.now + ms });
      await q.add("a", until(60_000));
      q.advance(5_000);
      expect(await q.add("a", until(60_000))).toBe("d");
      expect(await q.add("a", until(90_000))).toBe("c");
      await q.ack(await q.grant());
      expect(await q.add("a", until(60_000))).toBe("d");
      expect(await q.add("a", until(90_000))).toBe("c");
    },
  );
});
