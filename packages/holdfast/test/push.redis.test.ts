import { until } from "@holdfast/testing";
import { expect, onTestFinished, test } from "vitest";
import { encodeEnvelope } from "../src/engine/envelope.ts";
import { parsePush } from "../src/engine/round-trip.ts";
import { workerChannel } from "../src/redis/keys.ts";
import { setup } from "./support/setup.ts";
import type { AddOptions, TestQueue } from "./support/test-queue.ts";

const NONCE = "nonce";
const request = { requestSlot: "#q:worker:0", sequence: 1 };

/** Collects the messages to one worker and the wake-ups for all workers. */
async function listenFor(q: TestQueue, workerId: string): Promise<Buffer[]> {
  const heard: Buffer[] = [];
  const listener = q.redis.duplicate();
  onTestFinished(() => listener.disconnect());
  listener.on("smessageBuffer", (_channel: Buffer, message: Buffer) => heard.push(message));
  await listener.ssubscribe(workerChannel(q.keys.wake, workerId), q.keys.wake);
  return heard;
}

/** Makes an idle worker that listens, and whose request waits in Redis (it is parked). */
async function idleWorker(
  q: TestQueue,
  options: { workerId?: string; want?: number; listens?: boolean; nonce?: string; types?: string } = {},
) {
  const { workerId = "w1", want = 4, listens = true, nonce = NONCE, types = "" } = options;
  const heard = listens ? await listenFor(q, workerId) : [];
  const args = {
    want,
    held: 0,
    leaseMs: 30_000,
    maxRetries: 3,
    workerId,
    nonce,
    types,
    park: true,
    noHandlerAfterMs: 1_000,
  };
  const asked = { requestSlot: `#q:${workerId}:0`, sequence: 1 };
  const repeat = (change: Partial<typeof args> = {}) => q.engine.acquire({ ...args, ...change }, asked);
  expect(await repeat()).toMatchObject({ grants: [], parked: true });
  return { heard, repeat, asked };
}

const parked = (q: TestQueue) => q.redis.hget(q.keys.state, "#parked");

test("a task that is enqueued while a worker waits is leased and sent to that worker byte for byte", async () => {
  const q = await setup();
  const { heard, asked } = await idleWorker(q);
  const payloadText = '{"s":"ü – 😀\\ud800","n":12345678901234567890}\n\n';
  await q.add(["a", "b"], { payloadText });
  await until("the message with the grant has arrived", () => heard.length === 1);
  const push = parsePush(heard[0] as Buffer);
  expect(push).toMatchObject({ ...asked, now: q.now });
  const trip = push?.roundTrip(NONCE);
  expect(trip?.grants.map(({ id, envelope }) => [id, envelope.slice(envelope.indexOf("\n") + 1)])).toEqual([
    ["a", payloadText],
    ["b", payloadText],
  ]);
  for (const grant of trip?.grants ?? []) {
    expect(await q.task(grant.id)).toMatchObject({ state: "processing", attempts: 1, fence: grant.fence });
    expect(await q.ack(grant)).toBe("acked");
  }
  expect(await parked(q)).toBeNull();
});

test("after a lost message, a repeat of the request gets the same grants and no others", async () => {
  const q = await setup();
  const { repeat } = await idleWorker(q, { want: 1 });
  await q.add("a");
  const first = await repeat();
  await q.add("b");
  const again = await repeat();
  expect(first.grants.map(({ id }) => id)).toEqual(["a"]);
  expect(again.grants).toEqual(first.grants);
  expect(await q.task("b")).toMatchObject({ state: "pending", attempts: 0 });
});

test("no task is granted to a worker that no longer listens", async () => {
  const q = await setup();
  await idleWorker(q, { workerId: "gone", listens: false });
  await q.add("a");
  expect(await q.task("a")).toMatchObject({ state: "pending", attempts: 0 });
});

test("if the first worker is gone, the next listening one gets the task", async () => {
  const q = await setup();
  await idleWorker(q, { workerId: "gone", listens: false });
  const { heard } = await idleWorker(q, { workerId: "w2" });
  await q.add("a");
  await until("the message with the grant has arrived", () => heard.length === 1);
  expect(await q.task("a")).toMatchObject({ state: "processing", workerId: "w2" });
});

test("a burst wakes all workers by a hint, so that each takes its share", async () => {
  const q = await setup();
  const { heard, repeat } = await idleWorker(q, { want: 4 });
  await q.add(["a", "b", "c", "d", "e"]);
  await until("the hint to all workers has arrived", () => heard.length === 1);
  expect(heard[0]).toHaveLength(0);
  expect(await q.task("a")).toMatchObject({ state: "pending" });
  expect((await repeat()).grants).toHaveLength(4);
});

test("enqueues are granted to the workers in turn, first to the one that has waited longest", async () => {
  const q = await setup();
  const first = await idleWorker(q, { workerId: "w1" });
  const second = await idleWorker(q, { workerId: "w2" });
  await q.add("a");
  await q.add("b");
  await until("both workers have a message", () => first.heard.length === 1 && second.heard.length === 1);
  expect(await q.task("a")).toMatchObject({ workerId: "w1" });
  expect(await q.task("b")).toMatchObject({ workerId: "w2" });
});

test("tasks are granted to the first worker whose prefixes and limits of types take all of them", async () => {
  const q = await setup();
  const one = await idleWorker(q, { workerId: "one", types: " *=1 email.*=0" });
  const two = await idleWorker(q, { workerId: "two", types: " email.*=2" });
  await q.add(["a", "b"], { type: "email.send" });
  await until("both tasks were granted to the second worker", () => two.heard.length === 1);
  await q.add("c", { type: "report" });
  await until("one task was granted to the first worker", () => one.heard.length === 1);
  expect(
    parsePush(one.heard[0] as Buffer)
      ?.roundTrip(NONCE)
      ?.grants.map(({ id }) => id),
  ).toEqual(["c"]);
});

test("a task is granted to the first worker that runs its type, and the others go on waiting", async () => {
  const q = await setup();
  await idleWorker(q, { workerId: "mails", types: " mail mail-report" });
  await idleWorker(q, { workerId: "none", types: " " });
  const { heard } = await idleWorker(q, { workerId: "reports", types: " other report" });
  await idleWorker(q, { workerId: "last" });
  await q.add("a", { type: "report" });
  await until("the message with the grant has arrived", () => heard.length === 1);
  expect(await q.task("a")).toMatchObject({ state: "processing", workerId: "reports" });
  expect((await parked(q))?.split("\n").map((line) => line.split(" ")[0])).toEqual(["mails", "none", "last"]);
});

test("an enqueue wakes all workers if no waiting worker runs all of its tasks", async () => {
  const q = await setup();
  const { heard } = await idleWorker(q, { types: " mail" });
  const envelope = (type: string) => encodeEnvelope(type, q.now, "{}");
  const tail = ["m", envelope("mail"), "r", envelope("report")];
  await q.engine.enqueue({ checked: false, high: 0, normal: 2, low: 0, tail });
  await until("the hint to all workers has arrived", () => heard.length === 1);
  expect(heard[0]).toHaveLength(0);
  expect([await q.task("m"), await q.task("r")]).toMatchObject([{ state: "pending" }, { state: "pending" }]);
});

test("tasks that were put aside by type do not keep others from being granted by push", async () => {
  const q = await setup();
  await q.add("r", { type: "report" });
  await q.acquire(1, { types: " " });
  const { heard } = await idleWorker(q, { types: " mail" });
  await q.add("m", { type: "mail" });
  await until("the message with the grant has arrived", () => heard.some((message) => message.length > 0));
  expect(await q.task("m")).toMatchObject({ state: "processing", workerId: "w1" });
});

test("a message only names tasks that are too large for it, and a repeat of the request gets them", async () => {
  const q = await setup();
  const { heard, repeat } = await idleWorker(q);
  await q.add("a", { payloadText: JSON.stringify("x".repeat(100_000)) });
  await until("the message with the grant has arrived", () => heard.length === 1);
  expect(heard[0]?.length).toBeLessThan(200);
  expect(parsePush(heard[0] as Buffer)?.roundTrip(NONCE)).toBeNull();
  expect((await repeat()).grants.map(({ id }) => id)).toEqual(["a"]);
});

test("a paused queue grants nothing by push, and its resume wakes the worker", async () => {
  const q = await setup();
  const { heard, repeat } = await idleWorker(q);
  await q.engine.pause(true);
  await q.add("a");
  expect(await q.task("a")).toMatchObject({ state: "pending" });
  expect(await repeat()).toMatchObject({ grants: [], parked: true, paused: true });
  await q.engine.pause(false);
  await until("the worker is woken", () => heard.some((message) => message.length === 0));
  expect((await repeat()).grants).toHaveLength(1);
});

test("a worker that stops withdraws its request, and gets the tasks that were granted meanwhile", async () => {
  const q = await setup();
  const waiting = await idleWorker(q, { workerId: "w1" });
  expect(await waiting.repeat({ want: 0, park: false })).toMatchObject({ grants: [], parked: false });
  expect(await parked(q)).toBeNull();
  const granted = await idleWorker(q, { workerId: "w2" });
  await q.add("a");
  expect((await granted.repeat({ want: 0, park: false })).grants.map(({ id }) => id)).toEqual(["a"]);
});

test("a task that has to run alone is never granted by push", async () => {
  const q = await setup();
  await q.add("poison");
  for (let crash = 0; crash < 2; crash++) {
    await q.grant();
    q.advance(30_001);
    await q.engine.reap(10);
  }
  await parkByHand(q);
  await q.add("a");
  expect(await q.task("a")).toMatchObject({ state: "pending" });
  expect(await q.task("poison")).toMatchObject({ state: "pending" });
});

test("a mark of an older version or an unreadable line does not count as a parked request", async () => {
  const q = await setup();
  await q.redis.hset(q.keys.state, "#parked", "1");
  await q.add("a");
  expect(await q.task("a")).toMatchObject({ state: "pending" });
  expect(await parked(q)).toBeNull();
  expect(
    await q.engine.acquire(
      {
        want: 1,
        held: 0,
        leaseMs: 1_000,
        maxRetries: 3,
        workerId: "w",
        nonce: "n",
        park: true,
        noHandlerAfterMs: 1,
      },
      request,
    ),
  ).toMatchObject({ grants: [{ id: "a" }], parked: false });
});

/** Leaves a request in Redis although tasks wait. A pause or an interrupted script can leave this state. */
async function parkByHand(q: TestQueue) {
  const heard = await listenFor(q, "w1");
  await q.redis.hset(q.keys.state, "#parked", "w1 #q:w1:0 1 4 30000 3 nonce.");
  return heard;
}

test("an enqueue behind waiting tasks wakes all workers instead of granting the new task", async () => {
  const q = await setup();
  await q.add("first", { priority: "low" });
  const heard = await parkByHand(q);
  await q.add("second");
  await until("the hint to all workers has arrived", () => heard.length === 1);
  expect(heard[0]).toHaveLength(0);
  for (const id of ["first", "second"])
    expect(await q.task(id)).toMatchObject({ state: "pending", attempts: 0 });
});

test("an enqueue behind the entry of a cancelled task grants nothing by push, and loses nothing", async () => {
  const q = await setup();
  await q.add("gone");
  await q.engine.cancel("gone");
  const heard = await parkByHand(q);
  await q.add("a");
  await until("the hint to all workers has arrived", () => heard.length === 1);
  expect(heard[0]).toHaveLength(0);
  expect((await q.acquire(4)).grants.map(({ id }) => id)).toEqual(["a"]);
});

test("an expired task is left to an acquire, which reports it", async () => {
  const q = await setup();
  const { heard, repeat } = await idleWorker(q);
  await q.add("late", { expiresAt: q.now });
  await until("the hint to all workers has arrived", () => heard.length === 1);
  expect(heard[0]).toHaveLength(0);
  expect(await repeat()).toMatchObject({ grants: [], expired: [{ id: "late" }] });
});

test("tasks of all bands are granted, tasks of the high band first", async () => {
  const q = await setup();
  const { heard } = await idleWorker(q);
  const text = (priority: "high" | "normal" | "low") => encodeEnvelope("t", q.now, "{}", { priority });
  const tail = (["high", "normal", "low"] as const).flatMap((band) => [band, text(band)]);
  await q.engine.enqueue({ checked: false, high: 1, normal: 1, low: 1, tail });
  await until("the message with the grant has arrived", () => heard.length === 1);
  const grants = parsePush(heard[0] as Buffer)?.roundTrip(NONCE)?.grants;
  expect(grants?.map(({ id, token }) => [id, token])).toEqual([
    ["high", "1-nonce.1"],
    ["normal", "1-nonce.2"],
    ["low", "1-nonce.3"],
  ]);
  for (const key of [q.keys.pendingHigh, q.keys.pending, q.keys.pendingLow])
    expect(await q.redis.exists(key)).toBe(0);
});

test.each([
  {},
  { timeoutMs: 1_000 },
  { timeoutMs: 86_400_000 },
  { maxRetries: 0 },
  { maxRetries: 7, priority: "high" },
  { expiresAt: 1_900_000_000_000, priority: "low" },
  { keepPayload: false },
  { fingerprint: "fp" },
  { fingerprint: "fp", keepPayload: false, timeoutMs: 29_999, tags: ["t=1"] },
] as AddOptions[])("a grant by push writes and reports the same as an acquire: %j", async (options) => {
  const byPush = await setup();
  const { heard, asked } = await idleWorker(byPush);
  await byPush.add(["a", "b"], options);
  await until("the message with the grant has arrived", () => heard.length === 1);

  const byAcquire = await setup();
  await byAcquire.add(["a", "b"], options);
  const args = byAcquire.roundTripArgs({ want: 4, nonce: NONCE });
  const { grants } = await byAcquire.engine.acquire(args, asked);

  expect(parsePush(heard[0] as Buffer)?.roundTrip(NONCE)?.grants).toEqual(grants);
  expect(grants).toHaveLength(2);
  const written = async ({ redis, keys }: TestQueue) => [
    await redis.hmget(keys.state, "a", "b", asked.requestSlot),
    await redis.zrange(keys.processing, "0", "-1", "WITHSCORES"),
  ];
  expect(await written(byPush)).toEqual(await written(byAcquire));
});

test("at most 64 requests are parked, and further workers poll", async () => {
  const q = await setup();
  for (let n = 0; n < 64; n++) await idleWorker(q, { workerId: `w${n}`, listens: false });
  await expect(idleWorker(q, { workerId: "one-more", listens: false })).rejects.toThrow(/parked/);
  expect((await parked(q))?.split("\n")).toHaveLength(64);
});
