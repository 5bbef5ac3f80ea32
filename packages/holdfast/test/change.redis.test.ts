import type { TaskChange } from "@holdfast/contracts";
import { expect, test } from "vitest";
import { changeTasks } from "../src/engine/change.ts";
import { encodeEnvelope } from "../src/engine/envelope.ts";
import { changeKey, setLimits } from "../src/engine/limits.ts";
import type { Grant } from "../src/engine/round-trip.ts";
import { setup } from "./support/setup.ts";
import { type TestQueue, typesText } from "./support/test-queue.ts";

const HOUR = 3_600_000;

/** Changes one task. @returns as one text: the outcome, the state and the task that prevents the change */
async function change(q: TestQueue, id: string, what: TaskChange): Promise<string> {
  const [result] = await changeTasks(q.engine, [id], what);
  return [result?.outcome, result?.state, result?.heldBy].filter((part) => part !== undefined).join(" ");
}

const granted = async (q: TestQueue, want = 10) => (await q.acquire(want)).grants.map(({ id }) => id);

test("a scheduled task is made due now, and is granted after the tasks that wait", async () => {
  const q = await setup();
  await q.add("later", { delayMs: HOUR });
  await q.add("first");
  expect(await change(q, "later", { delayMs: 0 })).toBe("changed pending");
  expect(await q.stats()).toMatchObject({ pending: 2, scheduled: 0, totals: { promoted: 1 } });
  expect(await granted(q)).toEqual(["first", "later"]);
});

test("a task that waits for its retry is made due now, and keeps its attempts", async () => {
  const q = await setup();
  await q.add("a");
  await q.fail(await q.grant(), "Error: no", HOUR);
  expect(await change(q, "a", { runAt: 1 })).toBe("changed pending");
  expect((await q.grant()).id).toBe("a");
  expect(await q.task("a")).toMatchObject({ attempts: 2, failures: 1, history: [{ outcome: "failed" }, {}] });
});

test("a scheduled task gets an earlier and a later time", async () => {
  const q = await setup();
  await q.add("a", { delayMs: HOUR });
  expect(await change(q, "a", { delayMs: 20 })).toBe("changed scheduled");
  expect((await q.task("a")).runAt).toBe(q.now + 20);
  expect(await change(q, "a", { runAt: q.now + 50 })).toBe("changed scheduled");
  expect(await change(q, "a", { runAt: q.now + 50 })).toBe("unchanged scheduled");
  q.advance(49);
  expect(await granted(q)).toEqual([]);
  q.advance(1);
  expect(await granted(q)).toEqual(["a"]);
});

test("a pending task that gets a later time is not granted before it", async () => {
  const q = await setup();
  await q.add(["a", "b"]);
  expect(await change(q, "a", { delayMs: 30 })).toBe("changed scheduled");
  expect(await q.stats()).toMatchObject({ pending: 1, scheduled: 1 });
  expect(await granted(q)).toEqual(["b"]);
  q.advance(30);
  expect(await granted(q)).toEqual(["a"]);
});

test("a pending task moves to the end of another band, down as well as up", async () => {
  const q = await setup();
  await q.add(["up", "x"]);
  await q.add(["down", "h"], { priority: "high" });
  await q.add("l", { priority: "low" });
  expect(await change(q, "down", { priority: "low" })).toBe("changed pending");
  expect(await change(q, "up", { priority: "high" })).toBe("changed pending");
  expect(await change(q, "up", { priority: "high" })).toBe("unchanged pending");
  expect(await q.stats()).toMatchObject({ pending: 5, pendingByPriority: { high: 2, normal: 1, low: 2 } });
  expect(await granted(q)).toEqual(["h", "up", "x", "l", "down"]);
});

test("a task that goes to another band and back is granted once", async () => {
  const q = await setup();
  await q.add(["a", "b"]);
  await change(q, "a", { priority: "high" });
  await change(q, "a", { priority: "normal" });
  expect((await granted(q)).sort()).toEqual(["a", "b"]);
  expect(await granted(q)).toEqual([]);
});

test("the priority of a scheduled task counts when it is due", async () => {
  const q = await setup();
  await q.add("a", { delayMs: 10 });
  await q.add("b");
  expect(await change(q, "a", { priority: "high" })).toBe("changed scheduled");
  expect((await q.task("a")).runAt).toBe(q.now + 10);
  q.advance(10);
  expect(await granted(q)).toEqual(["a", "b"]);
});

test("a new payload is granted byte for byte, and the other options stay", async () => {
  const q = await setup();
  await q.add("a", { payloadText: "1", maxRetries: 7, tags: ["x"] });
  expect(await change(q, "a", { payloadText: '{"n": 1.0}' })).toBe("changed pending");
  expect(await q.task("a")).toMatchObject({ payloadText: '{"n": 1.0}', maxRetries: 7, tags: ["x"] });
  expect((await q.grant()).envelope.split("\n")[1]).toBe('{"n": 1.0}');
});

test.each([
  ["given by the caller", { fingerprint: "fp" }],
  ["minted", {}],
])("an id that was %s belongs to the first body after each change", async (_, options) => {
  const q = await setup();
  await q.add("a", { ...options, delayMs: 50, payloadText: "1" });
  await change(q, "a", { payloadText: "2", priority: "high" });
  await change(q, "a", { payloadText: "3", delayMs: 5 });
  const again = (payloadText: string, fingerprint: string) =>
    q.add("a", { fingerprint, delayMs: 50, payloadText });
  expect(await again("1", "fp")).toBe("d");
  expect(await again("2", "fp2")).toBe("c");
  expect((await q.task("a")).payloadText).toBe("3");
});

test("a repeated enqueue with runAt finds its task after the time was changed", async () => {
  const q = await setup();
  const options = { fingerprint: "fp", runAt: q.now + HOUR };
  await q.add("a", options);
  await change(q, "a", { delayMs: 0 });
  expect(await q.add("a", options)).toBe("d");
});

test("tasks that do not wait are not changed, and the result has their state", async () => {
  const q = await setup();
  await q.addDead("dead");
  await q.add("done");
  await q.ack(await q.grant());
  await q.add("gone");
  await q.engine.cancel("gone");
  await q.add("old", { expiresAt: 1 });
  await q.acquire(1);
  await q.add("runs");
  const [grant] = (await q.acquire(3)).grants as [Grant];
  const states = { dead: "dead", done: "completed", gone: "cancelled", old: "expired", runs: "processing" };
  for (const [id, state] of Object.entries(states))
    expect(await change(q, id, { delayMs: 0, payloadText: "2" })).toBe(`not_waiting ${state}`);
  expect(await change(q, "none", { delayMs: 0 })).toBe("not_found");
  await q.engine.discard(["dead", ""]);
  expect(await change(q, "dead", { delayMs: 0 })).toBe("not_found");
  expect((await q.task("runs")).payloadText).toBe("{}");
  expect(await q.ack(grant)).toBe("acked");
});

test("a task moves from the line of one key to the line of another key, and both counts are updated", async () => {
  const q = await setup();
  await setLimits(q.engine, { key: { concurrency: 1 } });
  await q.add(["a1", "a2"], { key: "a" });
  await q.add("b1", { key: "b" });
  expect(await granted(q)).toEqual(["a1", "b1"]);
  expect(await change(q, "a2", { key: "c" })).toBe("changed pending");
  expect(await granted(q)).toEqual(["a2"]);
  expect((await q.engine.audit(false)).violations).toEqual([]);
  expect(await q.redis.hget(q.keys.state, "@c")).toMatch(/^1 /);
  expect(await q.redis.hget(q.keys.state, "@a")).toMatch(/^1 /);
});

test.each([
  ["gets a key", {}, { key: "a" }],
  ["loses its key", { key: "b" }, { key: null }],
  ["gets another key", { key: "b" }, { key: "a" }],
  ["gets a key and a priority", { priority: "low" as const }, { key: "a", priority: "high" as const }],
])("a task that %s counts for the right key while it runs", async (_, before, after) => {
  const q = await setup();
  await setLimits(q.engine, { key: { concurrency: 1 } });
  await q.add(["t1", "t2"], before);
  expect(await change(q, "t1", after)).toBe("changed pending");
  expect(await q.stats()).toMatchObject({ pending: 2 });
  const { grants } = await q.acquire(5);
  expect(grants.map(({ id }) => id).sort()).toEqual(["t1", "t2"]);
  expect((await q.engine.audit(false)).violations).toEqual([]);
  for (const grant of grants) expect(await q.ack(grant)).toBe("acked");
  expect((await q.engine.audit(false)).violations).toEqual([]);
  expect((await q.stats()).pending).toBe(0);
});

test("the entry that a moved task leaves in a long line does not count as a waiting task of that key", async () => {
  const q = await setup();
  const ids = Array.from({ length: 1_001 }, (_, at) => `t${at}`);
  for (let at = 0; at < ids.length; at += 500) await q.add(ids.slice(at, at + 500), { key: "other" });
  await q.add("last", { key: "other" });
  expect(await change(q, "last", { key: "free" })).toBe("changed pending");
  // The change looks only at the first entries of the line. 1,001 entries are in front of the old entry of the moved
  // task, so that entry stays.
  expect(await q.redis.zlexcount(q.keys.pendingKeyed, "[other ", "(other!")).toBe(1_002);
  await changeKey(q.engine, { key: "free" }, { holdMs: HOUR });
  for (let call = 0; call < 2; call++) expect(await granted(q, 300)).not.toContain("last");
  // Fewer than 1,000 tasks wait in the line of the key now. So an enqueue looks at all of them, and cancels them. It
  // must not cancel the moved task.
  await setLimits(q.engine, { key: { concurrency: 1, whenFull: "cancel-running" } });
  await q.add("newest", { key: "other" });
  expect(await q.stats()).toMatchObject({ pending: 2, cancelled: 401 });
  expect((await q.task("last")).state).toBe("pending");
  await changeKey(q.engine, { key: "free" }, { holdMs: 0 });
  expect(await granted(q, 2)).toEqual(["last"]);
});

test("a full key refuses the task, which stays where it was", async () => {
  const q = await setup();
  await setLimits(q.engine, { key: { maxWaiting: 1 } });
  await q.add("a", { key: "a" });
  await q.add("b", { key: "b" });
  expect(await change(q, "b", { key: "a" })).toBe("key_full");
  expect(await q.task("b")).toMatchObject({ key: "b", state: "pending", changes: null });
  await q.add("later", { key: "b", delayMs: HOUR });
  expect(await change(q, "later", { key: "a" })).toBe("changed scheduled");
});

test("with cancel-running, a task that comes from another key counts as the newest", async () => {
  const q = await setup();
  await setLimits(q.engine, { key: { concurrency: 1, whenFull: "cancel-running" } });
  await q.add("a", { key: "a" });
  await q.add("b", { key: "b" });
  expect(await change(q, "b", { key: "a" })).toBe("changed pending");
  expect((await q.task("a")).state).toBe("cancelled");
  expect(await granted(q)).toEqual(["b"]);
});

test("a held key holds tasks that get this key, and not tasks that lose it", async () => {
  const q = await setup();
  await changeKey(q.engine, { key: "a" }, { holdMs: HOUR });
  await q.add("out", { key: "a" });
  await q.add("in", { key: "b" });
  await change(q, "out", { key: "b" });
  await change(q, "in", { key: "a" });
  expect(await granted(q)).toEqual(["out"]);
});

test("a change of a task that was put aside by type gives it the new payload and key, and leaves it in place", async () => {
  const q = await setup();
  await q.add("a", { type: "report", key: "a" });
  await q.acquire(1, { types: typesText("none") });
  expect(await change(q, "a", { payloadText: "2", key: "b", priority: "high" })).toBe("changed pending");
  const [grant] = await q.acquireTypes("report", 1);
  expect([grant?.id, grant?.envelope.split("\n")[1]]).toEqual(["a", "2"]);
  expect((await q.engine.audit(false)).violations).toEqual([]);
});

test("a task that was put aside gets a later time, and its 24 hours begin again", async () => {
  const q = await setup();
  await q.add("a", { type: "report" });
  await q.acquire(1, { types: typesText("none"), noHandlerAfterMs: 100 });
  expect(await change(q, "a", { delayMs: 1_000 })).toBe("changed scheduled");
  await q.engine.expire(500);
  q.advance(1_000);
  expect(await q.engine.reject([], "-", 10)).toMatchObject({ dead: 0 });
  await q.acquire(1, { types: typesText("none"), noHandlerAfterMs: 100 });
  expect(await q.engine.reject([], "-", 10)).toMatchObject({ dead: 0 });
  q.advance(100);
  expect(await q.engine.reject([], "-", 10)).toMatchObject({ dead: 1 });
});

test("a task that waits for the end of another task keeps its time, and gets the other changes", async () => {
  const q = await setup();
  const unique = { key: "k", onConflict: "keepLatest" } as const;
  await q.add("runs", { unique });
  const grant = await q.grant();
  await q.add("next", { unique });
  expect(await change(q, "next", { delayMs: 0 })).toBe("unique_conflict scheduled runs");
  expect(await change(q, "next", { payloadText: "2" })).toBe("changed scheduled");
  await q.ack(grant);
  expect((await q.grant()).envelope.split("\n")[1]).toBe("2");
});

test("a debounced task is run now, and holds its key until then", async () => {
  const q = await setup();
  const unique = { key: "k", onConflict: "debounce", scope: "waiting", maxWaitMs: HOUR } as const;
  await q.add("a", { unique, delayMs: 500 });
  expect(await change(q, "a", { delayMs: 0 })).toBe("changed pending");
  expect(await q.add("b", { unique, delayMs: 500 })).toBe("r");
  expect(await q.task("a")).toMatchObject({ state: "scheduled", unique: { holder: "a" } });
});

test("a task shows how often it was changed, when, by whom, and which fields", async () => {
  const q = await setup();
  await q.add("a", { delayMs: HOUR });
  const firstAt = q.now;
  await change(q, "a", { priority: "high" });
  q.advance(7);
  await change(q, "a", { delayMs: 0 });
  const { changes, history, replays } = await q.task("a");
  expect(changes).toEqual({
    ...{ count: 2, firstAt, lastAt: firstAt + 7, by: expect.stringMatching(/^test-/) },
    fields: ["runAt", "priority"],
  });
  expect([history, replays]).toEqual([[], []]);
});

test("the next attempt of a changed task is linked to the span of the last one", async () => {
  const q = await setup();
  const span = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  await q.add("a");
  await q.fail(await q.grant(), `~${span} Error: no`, HOUR);
  await change(q, "a", { priority: "high" });
  await change(q, "a", { delayMs: 0 });
  expect(JSON.stringify(await q.grant())).toContain(span);
});

test("many tasks are changed in one call, and a repeat of the call is answered as before", async () => {
  const q = await setup();
  const ids = Array.from({ length: 500 }, (_, at) => `t${at}`);
  await q.add(ids, { delayMs: HOUR });
  const request = { requestSlot: "#q:me:0", sequence: 1 };
  const first = await changeTasks(q.engine, ids, { delayMs: 0 }, { request });
  expect(new Set(first.map(({ outcome }) => outcome))).toEqual(new Set(["changed"]));
  await q.acquire(500);
  expect(await changeTasks(q.engine, ids, { delayMs: 0 }, { request })).toEqual(first);
});

test("an id that is given twice is changed once", async () => {
  const q = await setup();
  await q.add("a", { delayMs: HOUR });
  const results = await changeTasks(q.engine, ["a", "a"], { delayMs: 0 });
  expect(results.map(({ outcome }) => outcome)).toEqual(["changed", "unchanged"]);
  expect(await granted(q)).toEqual(["a"]);
});

test("tasks that began to wait after waitedBefore are not changed", async () => {
  const q = await setup();
  await q.add(["old", "retry"], { delayMs: HOUR });
  const waitedBefore = q.now;
  await changeTasks(q.engine, ["retry"], { delayMs: 0 });
  q.advance(1);
  await q.fail(await q.grant(), "no", HOUR);
  await q.redis.hset(q.keys.tasks, "new", encodeEnvelope("t", q.now, "{}", { delayMs: HOUR }));
  q.corrupted = true;
  expect(
    await changeTasks(q.engine, ["old", "retry", "new"], { delayMs: 0 }, { waitedBefore }),
  ).toMatchObject([{ id: "old", outcome: "changed" }]);
});

test("a change in a paused queue wakes no worker, and in any other queue it wakes the parked one", async () => {
  const q = await setup();
  await q.add("a", { delayMs: HOUR });
  await q.add("b", { delayMs: HOUR });
  await q.acquire(1, { park: true });
  await change(q, "a", { delayMs: HOUR / 2 });
  expect(await q.redis.hexists(q.keys.state, "#parked")).toBe(0);
  await q.acquire(1, { park: true });
  await change(q, "b", { delayMs: 2 * HOUR });
  expect(await q.redis.hexists(q.keys.state, "#parked")).toBe(1);
  await change(q, "b", { delayMs: 0 });
  expect(await q.redis.hexists(q.keys.state, "#parked")).toBe(0);
});

test.each([
  ["band", {}, { priority: "high" }, "pendingHigh"],
  ["line of a key", {}, { key: "a" }, "pendingKeyed"],
] as const)(
  "a task whose entry in its new %s is gone is granted by the entry that it left behind",
  async (_, options, what, index) => {
    const q = await setup();
    await q.add(["a", "b"], options);
    await change(q, "a", what);
    // An older version of the janitor would remove this second entry of the task, because it takes it for the entry
    // of a task that is gone.
    await q.redis.unlink(q.keys[index]);
    await q.redis.zrem(q.keys.ready, "a");
    q.corrupted = true;
    const ids = [...(await granted(q)), ...(await granted(q))];
    expect(ids.sort()).toEqual(["a", "b"]);
  },
);

test("a janitor that ends expired tasks leaves both entries of a task that moved to another band or key", async () => {
  const q = await setup();
  await q.add(["a", "b"], { priority: "high" });
  await change(q, "a", { priority: "low" });
  await change(q, "b", { key: "k" });
  await q.add("low", { priority: "low" });
  await q.engine.expire(100);
  const ids: string[] = [];
  while (ids.length < 3) ids.push(...(await granted(q, 1)));
  expect(ids.filter((id) => id !== "b")).toEqual(["a", "low"]);
});
