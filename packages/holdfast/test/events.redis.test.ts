import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { encodeEnvelope } from "../src/engine/envelope.ts";
import { readEvents } from "../src/engine/events.ts";
import { setLimits } from "../src/engine/limits.ts";
import { PartReader } from "../src/events/part-reader.ts";
import { afterwards } from "./support/library.ts";
import { redisUrl, setup } from "./support/setup.ts";
import { type TestQueue, typesText } from "./support/test-queue.ts";

async function withEvents(maxEvents = 100_000): Promise<TestQueue> {
  const q = await setup();
  await q.engine.configure({ maxEvents });
  return q;
}

/** Returns a function that returns the events since its last call, each as `type id detail`. */
function teller(q: TestQueue): () => Promise<string[]> {
  let from = 1;
  return async () => {
    const read = await readEvents(q.engine, from, 100);
    if (read === null) throw new Error("no events");
    const told: string[] = [];
    for (const { first, count, groups } of read.entries) {
      expect(first).toBe(from);
      from += count;
      for (const { type, detail, hasResult, ids } of groups)
        for (const id of ids)
          told.push([type, id, ...(detail ? [detail] : []), ...(hasResult ? ["result"] : [])].join(" "));
    }
    expect(read.last).toBe(from - 1);
    return told;
  };
}

test("a queue that keeps no events has none, and no key for them", async () => {
  const q = await setup();
  await q.add("a");
  await q.ack(await q.grant());
  expect(await readEvents(q.engine, 1, 100)).toBeNull();
  expect(await q.redis.exists(q.keys.events)).toBe(0);
  expect(await q.redis.hmget(q.keys.state, "#events", "#awaited")).toEqual([null, null]);
});

test("each transition is reported, in one entry per call", async () => {
  const q = await withEvents();
  const told = teller(q);
  await q.add(["a", "b"]);
  await q.add("later", { delayMs: 1_000 });
  expect(await q.redis.xlen(q.keys.events)).toBe(2);
  expect(await told()).toEqual(["enqueued a", "enqueued b", "scheduled later"]);

  const { grants } = await q.acquire(2);
  expect(await told()).toEqual(["started a w1", "started b w1"]);
  const [a, b] = grants as [(typeof grants)[0], (typeof grants)[0]];
  await q.settle([
    { kind: "ack", id: "a", fence: a.fence, resultText: "1" },
    { kind: "fail", id: "b", fence: b.fence, delayMs: 5, error: "no" },
  ]);
  expect(await q.redis.xlen(q.keys.events)).toBe(4);
  expect(await told()).toEqual(["completed a result", "retried b"]);

  q.advance(1_000);
  await q.engine.promote(500);
  expect(await told()).toEqual(["promoted b", "promoted later"]);
  await q.release(await q.grant());
  expect(await told()).toEqual(["started b w1", "released b"]);
  await q.fatal(await q.grant());
  expect(await told()).toEqual(["started b w1", "dead b fatal"]);
  await q.grant();
  await q.crash();
  expect(await told()).toEqual(["started later w1", "reaped later"]);
  await q.ack(await q.grant());
  expect(await told()).toEqual(["started later w1", "completed later"]);

  await q.engine.replay(["b", ""]);
  await q.engine.cancel("b");
  expect(await told()).toEqual(["replayed b", "cancelled b"]);
  const again = encodeEnvelope("t", q.now, "{}", {}, "fp");
  await q.engine.enqueueAgain(["b", again]);
  expect(await told()).toEqual(["enqueued b"]);
  await q.fatal(await q.grant());
  await told();
  await q.engine.discard(["b", ""], undefined, { discard: "d1" });
  await q.engine.restore(["b"], "d1");
  await q.engine.discard(["b", "other/b"], undefined, {});
  expect(await told()).toEqual(["discarded b", "restored b", "removed b"]);
});

test("ends that are not caused by a worker are reported too", async () => {
  const q = await withEvents();
  const told = teller(q);
  await q.add("old", { expiresAt: 1 });
  await q.add("older", { expiresAt: 1 });
  await q.acquire(1);
  await q.engine.expire(500);
  expect(await told()).toEqual(["enqueued old", "enqueued older", "expired old", "expired older"]);

  await q.add("nobody", { type: "old" });
  await q.acquire(1, { types: typesText("new"), noHandlerAfterMs: 1 });
  q.advance(2);
  await q.engine.reject([], "-", 500);
  expect(await told()).toEqual(["enqueued nobody", "dead nobody no_handler"]);

  await q.add("poison");
  for (let i = 0; i < 4; i++) {
    await q.grant();
    await q.crash();
  }
  expect((await told()).at(-1)).toBe("dead poison crashes_exhausted");

  await q.add("stop");
  await q.grant();
  await q.engine.cancel("stop");
  expect(await told()).toEqual(["enqueued stop", "started stop w1"]);
  await q.crash();
  expect(await told()).toEqual(["cancelled stop"]);

  await q.add("elsewhere", { delayMs: 1_000 });
  await q.engine.giveUp(["elsewhere", "3", "fatal", "1", "1", "-", "no"]);
  await q.add("gone");
  await q.engine.empty("pending", "pending", 500);
  expect(await told()).toEqual([
    "scheduled elsewhere",
    "dead elsewhere fatal",
    "enqueued gone",
    "removed gone",
  ]);
});

test("a push, a replacement and a task that has to make room are reported", async () => {
  const q = await withEvents();
  const told = teller(q);
  const subscriber = new Redis(redisUrl());
  afterwards(async () => subscriber.disconnect());
  await subscriber.ssubscribe(`${q.keys.wake}:w1`);
  await q.engine.acquire({ ...q.roundTripArgs({ want: 2 }), park: true });
  await q.add(["p1", "p2"]);
  expect(await q.redis.xlen(q.keys.events)).toBe(1);
  expect(await told()).toEqual(["enqueued p1", "enqueued p2", "started p1 w1", "started p2 w1"]);
  const unique = (onConflict: "replace") => ({ key: "u", onConflict });
  await q.add("u1", { unique: { key: "u" } });
  await q.engine.replace(["u1", encodeEnvelope("t", q.now, "2", { unique: unique("replace") })]);
  await q.engine.cancel("u1");
  expect(await told()).toEqual(["enqueued u1", "replaced u1", "cancelled u1"]);

  await setLimits(q.engine, { key: { concurrency: 1, whenFull: "cancel-running" } });
  await q.add("k1", { key: "k" });
  await q.add("k2", { key: "k" });
  expect(await told()).toEqual(["enqueued k1", "enqueued k2", "cancelled k1"]);
  await q.engine.cancel("k2");
});

test("a repeated request reports nothing twice, and a call that moves no task reports nothing", async () => {
  const q = await withEvents();
  const told = teller(q);
  const request = { requestSlot: "#q:again:0", sequence: 1 };
  await q.add("a", {}, request);
  await q.add("a", {}, request);
  expect(await told()).toEqual(["enqueued a"]);
  const args = q.roundTripArgs({ want: 1, nonce: "n" });
  const own = { requestSlot: "#q:again:1", sequence: 1 };
  const { grants } = await q.engine.acquire(args, own);
  await q.engine.acquire(args, own);
  await q.acquire(1);
  expect(await told()).toEqual(["started a w1"]);
  const [grant] = grants;
  expect(await q.ack({ id: "a", fence: "1-old" })).toBe("stale");
  if (grant) await q.ack(grant);
  if (grant) await q.ack(grant);
  expect(await told()).toEqual(["completed a"]);
});

test("old events are removed, and a reader learns how many it missed", async () => {
  const q = await withEvents(100);
  await q.add("first");
  const reader = new PartReader(q.engine, { life: String(q.now), last: 0 });
  const behind = new PartReader(q.engine, { life: String(q.now), last: 0 });
  const ids = ({ entries }: Awaited<ReturnType<PartReader["read"]>>) =>
    entries.flatMap(({ entry, skip }) => entry.groups.flatMap((group) => group.ids).slice(skip));
  expect(ids(await reader.read())).toEqual(["first"]);
  for (let i = 0; i < 1_000; i++) await q.add(`t${i}`);
  const kept = await q.redis.xlen(q.keys.events);
  expect(kept).toBeGreaterThanOrEqual(100);
  expect(kept).toBeLessThan(400);

  const read: string[] = [];
  let missed = 0;
  for (let hasMore = true; hasMore; ) {
    const batch = await behind.read();
    missed += batch.missed ?? 0;
    read.push(...ids(batch));
    hasMore = batch.hasMore;
  }
  expect(missed + read.length).toBe(1_001);
  expect(read.at(-1)).toBe("t999");
  expect((await reader.read()).missed).toBe(missed - 1);
});

test("an aborted script is a gap with the right number of events, even at the end", async () => {
  const q = await withEvents();
  q.corrupted = true;
  const reader = new PartReader(q.engine, { life: String(q.now), last: 0 });
  q.mutate = (name, source) =>
    name === "enqueue" ? source.replace("redis.call('XADD'", "error('cut') redis.call('XADD'") : source;
  await expect(q.add(["a", "b", "c"])).rejects.toThrow(/cut/);
  q.mutate = undefined;
  expect(await reader.read()).toMatchObject({ missed: 0, entries: [], missedBehind: 3 });
  await q.add("d");
  expect(await reader.read()).toMatchObject({ missed: 0, missedBehind: 0, entries: [{ skip: 0 }] });
  const later = new PartReader(q.engine, { life: String(q.now), last: 0 });
  expect(await later.read()).toMatchObject({ missed: 3, missedBehind: 0, entries: [{ skip: 0 }] });
});

test("a setting that was off in between, and a Redis that lost writes, are gaps of unknown size", async () => {
  const q = await withEvents();
  await q.add(["a", "b"]);
  const reader = new PartReader(q.engine, { life: String(q.now), last: 0 });
  expect((await reader.read()).entries).toHaveLength(1);
  await q.engine.configure({ maxEvents: 0 });
  await expect(reader.read()).rejects.toMatchObject({ code: "events_off" });
  await q.add("unseen");
  q.advance(1);
  await q.engine.configure({ maxEvents: 10 });
  await q.add("c");
  expect(await reader.read()).toMatchObject({ missed: null, entries: [], hasMore: true });
  expect(await reader.read()).toMatchObject({
    missed: 0,
    entries: [{ entry: { groups: [{ ids: ["c"] }] } }],
  });

  await q.redis.hset(q.keys.state, "#events", "1");
  await q.redis.del(q.keys.events);
  expect(await reader.read()).toMatchObject({ missed: null, entries: [], hasMore: true });
  await q.add("d");
  expect(await reader.read()).toMatchObject({
    missed: 0,
    entries: [{ entry: { groups: [{ ids: ["d"] }] } }],
  });
});
