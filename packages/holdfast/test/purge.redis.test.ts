import { expect, test } from "vitest";
import { setup } from "./support/setup.ts";

const IDLE_MS = 3_600_000;

async function endOne(q: Awaited<ReturnType<typeof setup>>, id: string): Promise<void> {
  await q.add(id);
  await q.ack(await q.grant(), "1");
}

test("completed, cancelled and expired tasks are purged after their retention, not before", async () => {
  const q = await setup();
  await q.engine.configure({ retentionMs: 1_000 });
  await endOne(q, "done");
  await q.add("cancelled");
  await q.engine.cancel("cancelled");
  await q.acquire(1);
  await q.add("expired", { expiresAt: 1 });
  await q.acquire(1);
  q.advance(999);
  expect((await q.engine.purge(100, IDLE_MS)).purged).toBe(0);
  q.advance(1);
  expect((await q.engine.purge(100, IDLE_MS)).purged).toBe(3);
  for (const id of ["done", "cancelled", "expired"]) expect(await q.view(id)).toBeNull();
  expect(await q.redis.exists(q.keys.results)).toBe(0);
  expect(await q.stats()).toMatchObject({
    completed: 0,
    cancelled: 0,
    expired: 0,
    totals: { enqueued: 3, purged: 3, acked: 1 },
  });
});

test("completed tasks without a payload are purged like the others, and their counter goes down", async () => {
  const q = await setup();
  await q.engine.configure({ retentionMs: 1_000 });
  await q.add(["a", "b"], { keepPayload: false });
  await q.ack(await q.grant(), "1");
  q.advance(1);
  await q.ack(await q.grant());
  q.advance(999);
  expect((await q.engine.purge(100, IDLE_MS)).purged).toBe(1);
  expect(await q.headers()).toBe(1);
  expect(await q.redis.hmget(q.keys.state, "a", "b")).toEqual([null, expect.stringMatching(/^c1 /)]);
  q.advance(1);
  expect((await q.engine.purge(100, IDLE_MS)).purged).toBe(1);
  expect(await q.headers()).toBe(0);
});

test("dead letters stay until an operator acts", async () => {
  const q = await setup();
  await q.engine.configure({ retentionMs: 0, retentionCount: 0 });
  await q.addDead("dead");
  q.advance(1_000_000_000);
  await q.engine.purge(100, IDLE_MS);
  expect((await q.task("dead")).state).toBe("dead");
});

test("with a cap by age, dead letters are dropped when they reach that age, with everything that belongs to them", async () => {
  const q = await setup();
  await q.engine.configure({ maxDeadAgeMs: 1_000 });
  await q.addDead("old");
  q.advance(400);
  await q.addDead("given", { fingerprint: "fp" });
  q.advance(599);
  expect(await q.engine.purge(100, IDLE_MS)).toMatchObject({ purged: 0, dropped: 0 });
  q.advance(1);
  expect(await q.engine.purge(100, IDLE_MS)).toMatchObject({ purged: 0, dropped: 1 });
  expect(await q.view("old")).toBeNull();
  expect(await q.stats()).toMatchObject({ dead: 1, totals: { dropped: 1, purged: 1, deadLettered: 2 } });
  q.advance(400);
  expect(await q.engine.purge(100, IDLE_MS)).toMatchObject({ dropped: 1 });
  expect(await q.stats()).toMatchObject({ dead: 0, totals: { dropped: 2, purged: 2 } });
  expect(await q.redis.exists(q.keys.deadLetters, q.keys.progress, q.keys.results)).toBe(0);
  // Redis remembers the id that the caller gave, with the note that its task died.
  expect(await q.redis.hget(q.keys.state, "given")).toMatch(/^r \d+ fp - d$/);
});

test("with a cap by count, the oldest dead letters beyond it are dropped, in steps of the limit", async () => {
  const q = await setup();
  const ids = Array.from({ length: 7 }, (_, n) => `d${n}`);
  for (const id of ids) {
    await q.addDead(id);
    q.advance(1);
  }
  await q.engine.configure({ maxDead: 3 });
  const dropped: number[] = [];
  for (let call = 0; call < 3; call++) dropped.push((await q.engine.purge(3, IDLE_MS)).dropped);
  expect(dropped).toEqual([3, 1, 0]);
  expect(await q.redis.zrange(q.keys.deadLetters, "0", "-1")).toEqual(ids.slice(4));
  expect(await q.stats()).toMatchObject({ dead: 3, totals: { dropped: 4 } });
  await q.engine.configure({ maxDead: 0 });
  await q.addDead("more");
  expect((await q.engine.purge(100, IDLE_MS)).dropped).toBe(0);
});

test("a cap drops no task that was replayed, even if its entry was left behind", async () => {
  const q = await setup();
  await q.engine.configure({ maxDeadAgeMs: 1_000 });
  await q.addDead("again");
  await q.engine.replay(["again", ""]);
  // A replay that was aborted after its commit leaves this entry.
  await q.redis.zadd(q.keys.deadLetters, 1, "again");
  q.advance(5_000);
  expect((await q.engine.purge(100, IDLE_MS)).dropped).toBe(0);
  expect((await q.task("again")).state).toBe("pending");
  expect(await q.redis.zcard(q.keys.deadLetters)).toBe(0);
  expect(await q.stats()).toMatchObject({ pending: 1, dead: 0, totals: { dropped: 0 } });
});

test("the oldest tasks beyond the count are purged, even if they are young", async () => {
  const q = await setup();
  for (const id of ["a", "b", "c"]) await endOne(q, id);
  await q.engine.configure({ retentionCount: 1 });
  expect((await q.engine.purge(100, IDLE_MS)).purged).toBe(2);
  expect([await q.view("a"), await q.view("b")]).toEqual([null, null]);
  expect((await q.task("c")).state).toBe("completed");
});

test("a call reads no more tasks than its limit", async () => {
  const q = await setup();
  await q.engine.configure({ retentionMs: 0 });
  for (const id of ["a", "b", "c"]) await endOne(q, id);
  expect((await q.engine.purge(2, IDLE_MS)).purged).toBe(2);
  expect((await q.engine.purge(2, IDLE_MS)).purged).toBe(1);
});

test("progress and log lines are purged with the task", async () => {
  const q = await setup();
  await q.engine.configure({ retentionMs: 0 });
  await q.add("a");
  const grant = await q.grant();
  await q.engine.progress("a", grant.fence, { progress: "1", line: "info\tx" });
  await q.ack(grant);
  await q.engine.purge(100, IDLE_MS);
  expect(await q.redis.exists(q.keys.progress)).toBe(0);
});

test.each([
  ["cancelled", true],
  ["expired", true],
  ["completed", true],
  ["completed", false],
] as const)(
  "the given id of a %s task is remembered for the set time after the purge, then forgotten (payload kept: %s)",
  async (state, keepPayload) => {
    const q = await setup();
    await q.engine.configure({ retentionMs: 10, idempotencyMs: 1_000 });
    const ends = state === "expired" ? { expiresAt: q.now } : {};
    await q.add("id", { fingerprint: "fp", keepPayload, ...ends });
    if (state === "cancelled") await q.engine.cancel("id");
    const { grants } = await q.acquire(1);
    if (grants[0]) await q.ack(grants[0]);
    expect((await q.task("id")).state).toBe(state);
    q.advance(10);
    await q.engine.purge(100, IDLE_MS);
    expect(await q.view("id")).toBeNull();
    const once = { ifEnded: "duplicate" } as const;
    expect(await q.add("id", { ...once, fingerprint: "fp" })).toBe("d");
    expect(await q.add("id", { ...once, fingerprint: "other" })).toBe("c");
    q.advance(990);
    await q.engine.purge(100, IDLE_MS);
    expect(await q.redis.hexists(q.keys.state, "id")).toBe(0);
    expect(await q.redis.llen(q.keys.remembered)).toBe(0);
    expect(await q.add("id", { ...once, fingerprint: "other" })).toBe("n");
  },
);

test("request records of callers that are gone are removed, and those in use stay", async () => {
  const q = await setup();
  const gone = { requestSlot: "#q:gone:0", sequence: 1 };
  const live = { requestSlot: "#q:live:0", sequence: 1 };
  await q.add("a", {}, gone);
  await q.engine.acquire(q.roundTripArgs({ want: 1 }), { ...gone, requestSlot: "#q:gone:1" });
  await q.add("b", {}, live);
  q.advance(IDLE_MS - 1);
  await q.add("c", {}, { ...live, sequence: 2 });
  await q.engine.purge(100, IDLE_MS);
  expect(await q.redis.hexists(q.keys.tasks, gone.requestSlot)).toBe(1);
  q.advance(1);
  expect((await q.engine.purge(100, IDLE_MS)).forgotten).toBe(2);
  expect(await q.redis.hexists(q.keys.tasks, gone.requestSlot)).toBe(0);
  expect(await q.redis.hexists(q.keys.state, "#q:gone:1")).toBe(0);
  expect(await q.redis.hexists(q.keys.tasks, live.requestSlot)).toBe(1);
});
