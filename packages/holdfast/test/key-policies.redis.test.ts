// Tests of the scripts for policies of keys: strict order, the maximum of waiting tasks, and a fair share of the run
// time.
import type { QueueLimits } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import type { Grant } from "../src/engine/engine.ts";
import { changeKey, readKeys, setLimits } from "../src/engine/limits.ts";
import { findViolations } from "./support/invariants.ts";
import { setup } from "./support/setup.ts";
import { LEASE_MS, type TestQueue, typesText } from "./support/test-queue.ts";

const ids = (grants: { id: string }[]) => grants.map(({ id }) => id).join(" ");
const check = async (q: TestQueue) => expect(await findViolations(q.redis, q.keys)).toEqual([]);

async function withLimits(limits: QueueLimits): Promise<TestQueue> {
  const q = await setup();
  await setLimits(q.engine, limits);
  return q;
}

async function keyOf(q: TestQueue, key: string) {
  return (await readKeys(q.engine, { keys: [key] })).keys[0];
}

const ORDERED = { concurrency: 1, ordered: true };

describe("in strict order", () => {
  test("a retry keeps its place, and its key waits for it while other keys continue", async () => {
    const q = await withLimits({ key: ORDERED });
    await q.add(["a1", "a2"], { key: "a" });
    await q.add(["b1", "b2"], { key: "b" });
    const [a1, b1] = (await q.acquire(10)).grants as [Grant, Grant];
    expect(await q.fail(a1, "Error: no", 5_000)).toBe("retried");
    await q.ack(b1);
    expect(await q.view("a1")).toMatchObject({ state: "pending", attempts: 1, failures: 1 });
    expect(ids((await q.acquire(10)).grants)).toBe("b2");
    expect(await keyOf(q, "a")).toMatchObject({ waiting: 2, blockedBy: "hold", nextAt: q.now + 5_000 });
    q.advance(5_000);
    const { grants } = await q.acquire(10);
    expect(ids(grants)).toBe("a1");
    expect(await q.view("a1")).toMatchObject({ attempts: 2 });
    await q.ack(grants[0] as Grant);
    expect(ids((await q.acquire(10)).grants)).toBe("a2");
    await check(q);
  });

  test("a task that has to run alone does not stop workers without a handler for its type", async () => {
    const q = await withLimits({ key: ORDERED });
    await q.add("a", { key: "a", type: "report" });
    for (let crashes = 0; crashes < 2; crashes++) {
      await q.grant();
      await q.crash();
    }
    await q.add("m", { type: "mail" });
    const busy = await q.acquire(5, { types: typesText("mail"), held: 1 });
    expect([ids(busy.grants), busy.makeRoom, busy.typed]).toEqual(["m", false, true]);
    await q.add("n", { type: "mail" });
    expect(ids((await q.acquire(5, { types: typesText("mail") })).grants)).toBe("n");
    const alone = await q.acquire(5, { types: typesText("mail report") });
    expect([ids(alone.grants), alone.solo]).toEqual(["a", true]);
    await check(q);
  });

  test("a batch by key does not wait for other tasks, because only one task of a key runs at a time", async () => {
    const q = await withLimits({ key: ORDERED });
    const types = typesText("row=0/3/3/1000k mail");
    for (let n = 0; n < 20; n++) await q.add(`r${n}`, { type: "row", key: `k${n}` });
    await q.add("n", { type: "row" });
    expect(ids((await q.acquire(3, { types })).grants)).toBe("r0 r1 r10");
    await check(q);
  });

  test("a retry without a wait, a release and a crash keep the place too", async () => {
    const q = await withLimits({ key: ORDERED });
    await q.add(["a1", "a2"], { key: "a", maxRetries: 9 });
    await q.fail(await q.grant());
    await q.release(await q.grant());
    await q.grant();
    q.advance(LEASE_MS);
    await q.engine.reap(10);
    const grant = await q.grant();
    expect(grant.id).toBe("a1");
    await q.ack(grant);
    expect((await q.grant()).id).toBe("a2");
    await check(q);
  });

  test("one task of a key runs at a time, whatever its own limit says", async () => {
    const q = await withLimits({ key: ORDERED });
    await changeKey(q.engine, { key: "a" }, { limit: { concurrency: 5, weight: 2 } });
    await q.add(["a1", "a2", "a3"], { key: "a" });
    expect(ids((await q.acquire(10)).grants)).toBe("a1");
    expect(ids((await q.acquire(10)).grants)).toBe("");
    await check(q);
  });

  test("a task for which its worker has no handler keeps its place, and dies after noHandlerAfterMs", async () => {
    const q = await withLimits({ key: ORDERED });
    await q.add(["x1"], { key: "a", type: "other" });
    await q.add(["x2"], { key: "a" });
    const unrouted = async () => {
      const { id, fence } = await q.grant({ noHandlerAfterMs: 2_500 });
      return (await q.settle([{ kind: "unrouted", id, fence }], { noHandlerAfterMs: 2_500 }))[0];
    };
    for (let n = 0; n < 3; n++) {
      expect(await unrouted()).toBe("released");
      expect(await q.view("x1")).toMatchObject({ state: "pending", attempts: 0 });
      expect(ids((await q.acquire(10)).grants)).toBe("");
      q.advance(1_000);
    }
    expect(await unrouted()).toBe("dead");
    expect((await q.grant()).id).toBe("x2");
    await check(q);
  });

  test("a worker that does not run the type skips the key, and another worker gets the task", async () => {
    const q = await withLimits({ key: ORDERED });
    await q.add(["x1"], { key: "a", type: "other" });
    await q.add(["x2"], { key: "a" });
    await q.add(["b1"], { key: "b" });
    const mine = await q.acquire(10, { types: typesText("t") });
    expect(ids(mine.grants)).toBe("b1");
    expect(ids((await q.acquire(10, { types: typesText("t") })).grants)).toBe("");
    expect(ids((await q.acquire(10, { types: typesText("other") })).grants)).toBe("x1");
    await check(q);
  });

  test("with onDead stop a death holds the key, and a replay goes first and ends the hold", async () => {
    const q = await withLimits({ key: { ...ORDERED, onDead: "stop" } });
    await q.add(["a1", "a2"], { key: "a" });
    await q.fatal(await q.grant());
    q.advance(400 * 86_400_000);
    expect(ids((await q.acquire(10)).grants)).toBe("");
    expect(await keyOf(q, "a")).toMatchObject({ waiting: 1, running: 0, blockedBy: "stopped", nextAt: null });
    await q.engine.replay(["a1", ""]);
    const grant = await q.grant();
    expect(grant.id).toBe("a1");
    await q.ack(grant);
    expect((await q.grant()).id).toBe("a2");
    await check(q);
  });

  test("with onDead stop a death by crashes holds the key too, until somebody ends the hold", async () => {
    const q = await withLimits({ key: { ...ORDERED, onDead: "stop" } });
    await q.add(["a1"], { key: "a", maxRetries: 0 });
    await q.grant();
    q.advance(LEASE_MS);
    await q.engine.reap(10);
    await q.add(["a2"], { key: "a" });
    expect(ids((await q.acquire(10)).grants)).toBe("");
    await changeKey(q.engine, { key: "a" }, { holdMs: 0 });
    expect((await q.grant()).id).toBe("a2");
    await check(q);
  });
});

describe("a full key", () => {
  test("drop-new counts running and waiting tasks, within a call and between calls", async () => {
    const q = await withLimits({ key: { concurrency: 2, whenFull: "drop-new" } });
    expect(await q.add(["a1", "a2", "a3"], { key: "a" })).toBe("nnk");
    const { grants } = await q.acquire(10);
    expect(await q.add(["a4"], { key: "a" })).toBe("k");
    expect(await q.view("a3")).toBeNull();
    await q.ack(grants[0] as Grant);
    expect(await q.add(["a5", "a6"], { key: "a" })).toBe("nk");
    expect(await q.add(["a7"], { key: "a", delayMs: 50 })).toBe("n");
    expect(await q.add(["x"])).toBe("n");
    await check(q);
  });

  test("maxWaiting counts neither running nor cancelled tasks, and known ids take no room", async () => {
    const q = await withLimits({ key: { maxWaiting: 2 } });
    await q.add(["a1"], { key: "a" });
    await q.grant();
    expect(await q.add(["a2", "a3", "a4"], { key: "a" })).toBe("nnk");
    await q.engine.cancel("a2");
    expect(await q.add(["a5", "a6"], { key: "a" })).toBe("nk");
    expect(await q.add(["b1"], { key: "b", fingerprint: "f" })).toBe("n");
    expect(await q.add(["b2"], { key: "b" })).toBe("n");
    expect(await q.add(["b1", "b3"], { key: "b", fingerprint: "f" })).toBe("dk");
    await check(q);
  });

  test("a next life of a task is refused like a new task", async () => {
    const q = await withLimits({ key: { maxWaiting: 1 } });
    await q.add(["a1"], { key: "a", fingerprint: "f" });
    await q.engine.cancel("a1");
    await q.add(["a2"], { key: "a" });
    expect(await q.add(["a1"], { key: "a", fingerprint: "f" })).toBe("k");
    expect(await q.view("a1")).toMatchObject({ state: "cancelled" });
    expect(await q.add(["a1"], { key: "a", fingerprint: "f", delayMs: 5 })).toBe("n");
    await check(q);
  });

  test("cancel-running ends waiting tasks, asks running tasks to stop, and keeps the newest task", async () => {
    const q = await withLimits({ key: { concurrency: 2, whenFull: "cancel-running" } });
    await q.add(["a1", "a2"], { key: "a" });
    await q.add(["b1"], { key: "b" });
    const grants = new Map((await q.acquire(10)).grants.map((grant) => [grant.id, grant]));
    await q.add(["a3"], { key: "a" });
    expect(await q.view("a1")).toMatchObject({ state: "processing", cancelRequested: true });
    expect(await q.view("a2")).toMatchObject({ cancelRequested: false });
    expect(await q.add(["a4", "a5", "a6"], { key: "a" })).toBe("nnn");
    for (const id of ["a3", "a4"]) expect(await q.view(id)).toMatchObject({ state: "cancelled" });
    expect(await q.view("a2")).toMatchObject({ cancelRequested: true });
    expect(await q.view("b1")).toMatchObject({ cancelRequested: false });
    for (const id of ["a1", "a2"]) await q.fail(grants.get(id) as Grant);
    expect(await q.stats()).toMatchObject({ cancelled: 4, pending: 2, processing: 1 });
    expect(ids((await q.acquire(10)).grants)).toBe("a5 a6");
    await check(q);
  });

  test("cancel-running with a next life of a task", async () => {
    const q = await withLimits({ key: { concurrency: 1, whenFull: "cancel-running" } });
    await q.add(["a1"], { key: "a", fingerprint: "f" });
    await q.add(["a2"], { key: "a", fingerprint: "f" });
    expect(await q.view("a1")).toMatchObject({ state: "cancelled" });
    expect(await q.add(["a1"], { key: "a", fingerprint: "f" })).toBe("n");
    expect(await q.view("a2")).toMatchObject({ state: "cancelled" });
    expect((await q.grant()).id).toBe("a1");
    await check(q);
  });
});

describe("fair by time", () => {
  /** Runs tasks in simulated time, in this many slots. @returns the run time of each key, ms */
  async function shares(q: TestQueue, runMs: (id: string) => number, slots: number, untilMs: number) {
    const ran: Record<string, number> = {};
    const running: { grant: Grant; endsAt: number; ms: number }[] = [];
    const start = q.now;
    while (q.now - start < untilMs) {
      const { grants } = running.length < slots ? await q.acquire(slots - running.length) : { grants: [] };
      for (const grant of grants) {
        const ms = runMs(grant.id);
        running.push({ grant, endsAt: q.now + ms, ms });
      }
      running.sort((a, b) => a.endsAt - b.endsAt);
      const [next] = running;
      if (!next) break;
      q.advance(next.endsAt - q.now);
      for (const { grant, ms } of running.splice(0, running.filter(({ endsAt }) => endsAt <= q.now).length)) {
        await q.ack(grant);
        const key = grant.id.charAt(0);
        ran[key] = (ran[key] ?? 0) + ms;
      }
    }
    return ran;
  }

  test.each([1, 4])("keys share the time that their tasks run, by weight, with %i slots", async (slots) => {
    const q = await withLimits({ fairBy: "time" });
    await changeKey(q.engine, { key: "c" }, { limit: { weight: 2 } });
    const many = (key: string, count: number) => Array.from({ length: count }, (_, n) => `${key}${n}`);
    await q.add(many("a", 400), { key: "a" });
    await q.add(many("b", 400), { key: "b" });
    await q.add(many("c", 400), { key: "c" });
    await q.add(many("x", 400));
    const runMs = { a: 100, b: 10, c: 50, x: 20 } as Record<string, number>;
    const ran = await shares(q, (id) => runMs[id.charAt(0)] ?? 0, slots, 10_000 / slots);
    const total = Object.values(ran).reduce((sum, ms) => sum + ms, 0);
    for (const [key, share] of Object.entries({ a: 0.2, b: 0.2, c: 0.4, x: 0.2 }))
      expect((ran[key] ?? 0) / total / share, key).toBeCloseTo(1, 1);
    await check(q);
  });

  test("a key that has used its time gets no task in a large call either", async () => {
    const q = await withLimits({ fairBy: "time" });
    const all = (key: string) => Array.from({ length: 20 }, (_, n) => `${key}${n}`);
    for (const key of ["long", "short"]) await q.add(all(key), { key });
    const grants = (await q.acquire(2)).grants;
    const of = (key: string) => grants.find(({ id }) => id.startsWith(key)) as Grant;
    q.advance(10);
    await q.ack(of("short"));
    q.advance(990);
    await q.ack(of("long"));
    const next = (await q.acquire(10)).grants;
    expect(next.filter(({ id }) => id.startsWith("short"))).toHaveLength(10);
    await check(q);
  });

  test("counts starts if the limits do not set `fair`", async () => {
    const q = await withLimits({ key: { concurrency: 100 } });
    const many = (key: string) => Array.from({ length: 100 }, (_, n) => `${key}${n}`);
    await q.add(many("a"), { key: "a" });
    await q.add(many("b"), { key: "b" });
    const ran = await shares(q, (id) => (id.startsWith("a") ? 100 : 10), 1, 5_500);
    expect((ran.a ?? 0) / (ran.b ?? 1)).toBeCloseTo(10, 0);
    await check(q);
  });
});
