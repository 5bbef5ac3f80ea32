import type { Unique } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { bandOf, encodeEnvelope } from "../src/engine/envelope.ts";
import { setup } from "./support/setup.ts";
import { type AddOptions, type TestQueue, typesText } from "./support/test-queue.ts";

/**
 * Enqueues a task with the unique key "k". @returns the verdict, the state and the task that holds the key, as one
 * text
 */
async function offer(
  q: TestQueue,
  id: string,
  body: string,
  options: AddOptions = {},
  change: Partial<Unique> = {},
) {
  const { type = "t", fingerprint, ...rest } = options;
  const unique: Unique = { key: "k", onConflict: "replace", ...change };
  const envelope = encodeEnvelope(type, q.now, body, { ...rest, unique }, fingerprint);
  const count = (band: string) => (bandOf(rest) === band ? 1 : 0);
  const { verdicts, states, owners } = await q.engine.enqueue({
    ...{ checked: fingerprint !== undefined, unique: true, tail: [id, envelope] },
    ...{ high: count("high"), normal: count("normal"), low: count("low"), keyed: count("keyed") },
  });
  return [verdicts, states, ...(owners ?? [])].join(" ").trim();
}

const debounce = { onConflict: "debounce", scope: "waiting", maxWaitMs: 2_000 } as const;

test("a waiting task gets the payload and the options of the last enqueue, and keeps its id and place", async () => {
  const q = await setup();
  expect(await offer(q, "a", "1")).toBe("n");
  await q.add("next");
  expect(await offer(q, "b", "2", { maxRetries: 7 })).toBe("r p a");
  expect(await q.task("a")).toMatchObject({ payloadText: "2", maxRetries: 7, state: "pending" });
  expect(await q.view("b")).toBeNull();
  expect((await q.acquire(5)).grants.map(({ id }) => id)).toEqual(["a", "next"]);
});

test("a replacement moves the task to another priority, to a later time and back", async () => {
  const q = await setup();
  await offer(q, "a", "1", { priority: "low" });
  await q.add("x");
  expect(await offer(q, "b", "2", { priority: "high" })).toBe("r p a");
  expect(await q.stats()).toMatchObject({ pending: 2, scheduled: 0 });
  expect(await offer(q, "b", "3", { delayMs: 50 })).toBe("r s a");
  expect(await q.stats()).toMatchObject({ pending: 1, scheduled: 1 });
  expect(await offer(q, "b", "4", { delayMs: 20 })).toBe("r s a");
  expect((await q.task("a")).runAt).toBe(q.now + 20);
  expect(await offer(q, "b", "5", { priority: "high" })).toBe("r p a");
  const { grants } = await q.acquire(5);
  expect(grants.map(({ id, envelope }) => [id, envelope.split("\n")[1]])).toEqual([
    ["a", "5"],
    ["x", "{}"],
  ]);
});

test("a task that runs is not replaced: the enqueue is refused", async () => {
  const q = await setup();
  await offer(q, "a", "1");
  const grant = await q.grant();
  expect(await offer(q, "b", "2")).toBe("u l a");
  await q.fail(grant, "no", 500);
  expect(await offer(q, "b", "2")).toBe("r p a");
  expect(await q.task("a")).toMatchObject({ attempts: 1, payloadText: "2", state: "pending" });
  await q.ack(await q.grant());
  expect(await offer(q, "b", "3")).toBe("n");
});

test("with the scope waiting, a new task is accepted while the other one runs", async () => {
  const q = await setup();
  await offer(q, "a", "1", {}, { scope: "waiting" });
  await q.grant();
  expect(await offer(q, "b", "2", {}, { scope: "waiting" })).toBe("n");
  expect(await offer(q, "c", "3", {}, { scope: "waiting" })).toBe("r p b");
});

test("a replacement keeps the type and the key of the task, otherwise it is refused", async () => {
  const q = await setup();
  await offer(q, "a", "1", { key: "ada" });
  expect(await offer(q, "b", "2", { key: "bob" })).toBe("x p a");
  expect(await offer(q, "b", "2", { key: "ada", type: "u" })).toBe("x p a");
  expect(await offer(q, "b", "2", { key: "ada", priority: "high" })).toBe("r p a");
  await q.ack(await q.grant());
  expect(await q.task("a")).toMatchObject({ state: "completed", payloadText: "2" });
});

test("the id of the task belongs to its first body", async () => {
  const q = await setup();
  expect(await offer(q, "a", "1", { fingerprint: "fp1" })).toBe("n");
  expect(await offer(q, "b", "2", { fingerprint: "fp2" })).toBe("r p a");
  expect(await offer(q, "a", "1", { fingerprint: "fp1" })).toBe("d p");
  expect(await offer(q, "a", "2", { fingerprint: "fp2" })).toBe("c p");
});

test("the task shows how often it was replaced, when and by whom", async () => {
  const q = await setup();
  await offer(q, "a", "1");
  const firstAt = q.now;
  await offer(q, "b", "2");
  q.advance(7);
  await offer(q, "b", "3");
  const { unique, history, replays } = await q.task("a");
  expect(unique).toMatchObject({
    replaced: { count: 2, firstAt, lastAt: firstAt + 7, by: expect.stringMatching(/^test-/) },
    holder: "a",
  });
  expect([history, replays]).toEqual([[], []]);
  await q.fail(await q.grant());
  await offer(q, "b", "4");
  const again = await q.task("a");
  expect(again.unique?.replaced).toMatchObject({ count: 3, firstAt });
  expect(again.history).toMatchObject([{ outcome: "failed" }]);
});

test("several enqueues of one call replace a task in their order", async () => {
  const q = await setup();
  const text = (body: string) =>
    encodeEnvelope("t", q.now, body, { unique: { key: "k", onConflict: "replace" } });
  const tail = ["a", text("1"), "b", text("2"), "c", text("3")];
  const answer = await q.engine.enqueue({ checked: false, unique: true, high: 0, normal: 3, low: 0, tail });
  expect(answer).toEqual({ verdicts: "nrr", states: "pp", owners: ["a", "a"] });
  expect(await q.task("a")).toMatchObject({ payloadText: "3", unique: { replaced: { count: 2 } } });
});

test("a task that was put aside by its type gets the payload and stays there", async () => {
  const q = await setup();
  await offer(q, "a", "1", { type: "report" });
  await q.acquire(1, { types: typesText("none") });
  expect(await offer(q, "b", "2", { type: "report", delayMs: 5_000 })).toBe("r p a");
  expect((await q.acquireTypes("report", 1)).map(({ envelope }) => envelope.split("\n")[1])).toEqual(["2"]);
});

test("a task that ends between the two calls is not replaced: the enqueue makes a new task", async () => {
  const q = await setup();
  await offer(q, "a", "1");
  const other = q.otherEngine("other");
  q.mutate = (name, source) => {
    if (name !== "replace") return source;
    q.mutate = undefined;
    return source.replace(
      "local ids, offered",
      "redis.call('HSET', KEYS[10], 'a', 'x0 1')\nlocal ids, offered",
    );
  };
  q.corrupted = true;
  expect(await offer(q, "b", "2")).toBe("n");
  expect((await other.get(["b"]))[0]?.envelope).toContain("\n2");
});

test("a debounced task is due after the last enqueue, and at the latest maxWaitMs after the first one", async () => {
  const q = await setup();
  const first = q.now;
  expect(await offer(q, "a", "1", { delayMs: 1_000 }, debounce)).toBe("n");
  q.advance(900);
  expect(await offer(q, "b", "2", { delayMs: 1_000 }, debounce)).toBe("r s a");
  expect((await q.task("a")).runAt).toBe(first + 1_900);
  q.advance(900);
  expect(await offer(q, "b", "3", { delayMs: 1_000 }, debounce)).toBe("r s a");
  expect((await q.task("a")).runAt).toBe(first + 2_000);
  q.advance(200);
  expect(await offer(q, "b", "4", { delayMs: 1_000 }, debounce)).toBe("r p a");
  expect((await q.grant()).envelope).toContain("\n4");
  expect(await offer(q, "b", "5", { delayMs: 1_000 }, debounce)).toBe("n");
});

test("10,000 debounced enqueues in 5 s with a bound of 2 s run 2 or 3 times, and the last run has the last payload", async () => {
  const q = await setup();
  const ran: string[] = [];
  const run = async () => {
    await q.engine.promote(500);
    for (const grant of (await q.acquire(10)).grants) {
      ran.push(grant.envelope.split("\n")[1] ?? "");
      await q.ack(grant);
    }
  };
  let last = 0;
  for (let ms = 0; ms < 5_000; ms += 50) {
    const envelopes = Array.from({ length: 100 }, () =>
      encodeEnvelope("t", q.now, `${++last}`, { delayMs: 1_000, unique: { key: "k", ...debounce } }),
    );
    const tail = envelopes.flatMap((envelope, at) => [`m${last}-${at}`, envelope]);
    await q.engine.enqueue({ checked: false, unique: true, high: 0, normal: 0, low: 0, tail });
    q.advance(50);
    await run();
  }
  q.advance(2_000);
  await run();
  expect(last).toBe(10_000);
  expect(ran.length).toBeGreaterThanOrEqual(2);
  expect(ran.length).toBeLessThanOrEqual(3);
  expect(ran.at(-1)).toBe("10000");
});

test("a lost answer to a replacement is answered as before", async () => {
  const q = await setup();
  await offer(q, "a", "1");
  const tail = ["a", encodeEnvelope("t", q.now, "2", { unique: { key: "k", onConflict: "replace" } })];
  const request = { requestSlot: "#q:test:0", sequence: 1 };
  expect(await q.engine.replace(tail, request)).toBe("p");
  await q.engine.cancel("a");
  expect(await q.engine.replace(tail, request)).toBe("p");
  expect(await q.engine.replace(tail, { ...request, sequence: 2 })).toBe("g");
});

const latest = { onConflict: "keepLatest" } as const;
const bodyOf = ({ envelope }: { envelope: string }) => envelope.split("\n")[1];

test("keepLatest: 1,000 enqueues during a run make one more run, with the last payload", async () => {
  const q = await setup();
  expect(await offer(q, "a", "0", {}, latest)).toBe("n");
  const first = await q.grant();
  expect(await offer(q, "b", "1", {}, latest)).toBe("a");
  for (let n = 2; n <= 1_000; n++) expect(await offer(q, `c${n}`, `${n}`, {}, latest)).toBe("r s b");
  expect(await q.stats()).toMatchObject({ pending: 0, scheduled: 1, processing: 1 });
  expect((await q.acquire(5)).grants).toEqual([]);
  await q.ack(first);
  const second = await q.grant();
  expect([second.id, bodyOf(second)]).toEqual(["b", "1000"]);
  await q.ack(second);
  expect(await offer(q, "d", "2000", {}, latest)).toBe("n");
  expect(await q.redis.hexists(q.keys.state, "~a")).toBe(0);
});

test("keepLatest: the next task waits while the first one fails and is retried, even until it is dead", async () => {
  const q = await setup();
  await offer(q, "a", "0", { maxRetries: 3 }, latest);
  let grant = await q.grant();
  await offer(q, "b", "1", {}, latest);
  for (let n = 0; n < 3; n++) {
    expect(await q.fail(grant, "no", 5)).toBe("retried");
    expect(await offer(q, "c", `${n}`, {}, latest)).toBe("r s b");
    q.advance(5);
    await q.engine.promote(10);
    grant = await q.grant();
    expect(grant.id).toBe("a");
  }
  expect(await q.fail(grant)).toBe("dead");
  expect(bodyOf(await q.grant())).toBe("2");
});

test("keepLatest: a waiting task is replaced", async () => {
  const q = await setup();
  await offer(q, "a", "0", {}, latest);
  expect(await offer(q, "b", "1", {}, latest)).toBe("r p a");
  expect(bodyOf(await q.grant())).toBe("1");
});

test("keepLatest: the next task follows a task whose worker crashed to its death, and one that was cancelled while it ran", async () => {
  for (const isCancelled of [false, true]) {
    const q = await setup();
    await offer(q, "a", "0", { maxRetries: 0 }, latest);
    await q.grant();
    await offer(q, "b", "1", {}, latest);
    if (isCancelled) await q.engine.cancel("a");
    await q.crash();
    expect((await q.task("a")).state).toBe(isCancelled ? "cancelled" : "dead");
    expect((await q.grant()).id).toBe("b");
  }
});

test("keepLatest: the next task is due when a task is cancelled while it waits for a retry", async () => {
  const q = await setup();
  await offer(q, "a", "0", {}, latest);
  const grant = await q.grant();
  await offer(q, "b", "1", {}, latest);
  await q.fail(grant, "no", 5_000);
  await q.engine.cancel("a");
  expect((await q.grant()).id).toBe("b");
});

test("keepLatest: a sweep makes the next task due if the first one was emptied", async () => {
  const q = await setup();
  await offer(q, "a", "0", {}, latest);
  const grant = await q.grant();
  await offer(q, "b", "1", {}, latest);
  await q.fail(grant, "no", 0);
  await q.engine.empty("pending", "pending", 10);
  expect((await q.acquire(1)).grants).toEqual([]);
  expect(await q.engine.freeKeys(100, "0")).toEqual({ removed: 0, cursor: "0" });
  expect((await q.grant()).id).toBe("b");
});

test("keepLatest: two tasks of one settle that have the same record both make their next tasks due", async () => {
  const q = await setup();
  const keyOf = (key: string) => ({ ...latest, key });
  for (const key of ["k1", "k2"]) await offer(q, key, "0", {}, keyOf(key));
  const { grants } = await q.acquire(2);
  for (const key of ["k1", "k2"]) expect(await offer(q, `next-${key}`, "1", {}, keyOf(key))).toBe("a");
  await q.settle(grants.map(({ id, fence }) => ({ kind: "ack", id, fence })));
  expect((await q.acquire(5)).grants.map(({ id }) => id).sort()).toEqual(["next-k1", "next-k2"]);
});

test("keepLatest: after a next task was cancelled, another one can wait", async () => {
  const q = await setup();
  await offer(q, "a", "0", {}, latest);
  const grant = await q.grant();
  await offer(q, "b", "1", {}, latest);
  await q.engine.cancel("b");
  expect(await offer(q, "c", "2", {}, latest)).toBe("a");
  await q.ack(grant);
  expect((await q.acquire(5)).grants.map(({ id }) => id)).toEqual(["c"]);
});

describe("keepLatest: the first task expires after the next one was cancelled", () => {
  const expired = async () => {
    const q = await setup();
    await offer(q, "a", "0", { expiresAt: q.now + 1_000 }, latest);
    const grant = await q.grant();
    await offer(q, "b", "1", {}, latest);
    await q.engine.cancel("b");
    await q.fail(grant, "no", 0);
    q.advance(1_001);
    expect((await q.acquire(1)).expired.map(({ id }) => id)).toEqual(["a"]);
    expect(await q.redis.hexists(q.keys.state, "~a")).toBe(1);
    return q;
  };

  test("a sweep removes the note of which task came next", async () => {
    const q = await expired();
    expect(await q.engine.freeKeys(100, "0")).toEqual({ removed: 1, cursor: "0" });
    expect(await q.redis.hexists(q.keys.state, "~a")).toBe(0);
  });

  test("the next enqueue of the key removes it as well", async () => {
    const q = await expired();
    expect(await offer(q, "c", "2", {}, latest)).toBe("n");
    expect(await q.redis.hexists(q.keys.state, "~a")).toBe(0);
    expect((await q.grant()).id).toBe("c");
  });
});

test("keepLatest: the cancel of a waiting task wakes the worker that can run the next one", async () => {
  for (const isPaused of [false, true]) {
    const q = await setup();
    await offer(q, "a", "0", {}, latest);
    const grant = await q.grant();
    await offer(q, "b", "1", {}, latest);
    await q.fail(grant, "no", 5_000);
    const { parked } = await q.engine.acquire({ ...q.roundTripArgs({ want: 1 }), park: true });
    if (isPaused) await q.engine.pause(true);
    await q.engine.cancel("a");
    expect([parked, await q.redis.hexists(q.keys.state, "#parked")]).toEqual([true, isPaused ? 1 : 0]);
  }
});

test("keepLatest: a next task that began another life keeps the time of that life", async () => {
  const q = await setup();
  await offer(q, "a", "0", {}, latest);
  const grant = await q.grant();
  await offer(q, "b", "1", { fingerprint: "fp" }, latest);
  await q.engine.cancel("b");
  await q.add("b", { fingerprint: "fp", delayMs: 60_000 });
  expect((await q.task("b")).state).toBe("scheduled");
  await q.ack(grant);
  expect((await q.engine.promote(10)).promoted).toBe(0);
  expect((await q.task("b")).runAt).toBe(q.now + 60_000);
});
