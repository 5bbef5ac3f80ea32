import { describe, expect, test } from "vitest";
import { encodeEnvelope } from "../src/engine/envelope.ts";
import { setup } from "./support/setup.ts";

const request = (sequence: number) => ({ requestSlot: "#q:caller:0", sequence });

test("a task without a delay is pending, one with a delay or a time is scheduled", async () => {
  const q = await setup();
  await q.add("now");
  await q.add("later", { delayMs: 5_000 });
  await q.add("at", { runAt: q.now + 7_000 });
  expect(await q.task("now")).toMatchObject({ state: "pending", attempts: 0 });
  expect(await q.task("later")).toMatchObject({ state: "scheduled", runAt: q.now + 5_000 });
  expect(await q.task("at")).toMatchObject({ state: "scheduled", runAt: q.now + 7_000 });
  expect(await q.stats()).toMatchObject({ pending: 1, scheduled: 2, totals: { enqueued: 3 } });
});

test("each priority has a band of its own, and the order given is kept", async () => {
  const q = await setup();
  await q.add(["n1", "n2"]);
  await q.add(["h1", "h2"], { priority: "high" });
  await q.add(["l1", "l2"], { priority: "low" });
  expect(await q.redis.lrange(q.keys.pendingHigh, 0, -1)).toEqual(["h1", "h2"]);
  expect(await q.redis.lrange(q.keys.pending, 0, -1)).toEqual(["n1", "n2"]);
  expect(await q.redis.lrange(q.keys.pendingLow, 0, -1)).toEqual(["l1", "l2"]);
  expect((await q.stats()).pendingByPriority).toEqual({ high: 2, normal: 2, low: 2 });
});

test("one call takes tasks of all bands and scheduled ones", async () => {
  const q = await setup();
  const plain = encodeEnvelope("t", q.now, "1");
  const later = encodeEnvelope("t", q.now, "1", { delayMs: 9 });
  const tail = ["h", plain, "n", plain, "l", plain, "s", later];
  expect(await q.engine.enqueue({ checked: false, high: 1, normal: 1, low: 1, tail })).toEqual({
    verdicts: "nnnn",
    states: "",
  });
  expect((await q.stats()).pendingByPriority).toEqual({ high: 1, normal: 1, low: 1 });
  expect((await q.task("s")).runAt).toBe(q.now + 9);
});

test.each([124, 125, 126, 250, 251, 500])("%i tasks fit in one call, in order", async (count) => {
  const q = await setup();
  const ids = Array.from({ length: count }, (_, i) => `t${i}`);
  expect(await q.add(ids)).toBe("n".repeat(count));
  expect(await q.redis.lrange(q.keys.pending, 0, -1)).toEqual(ids);
  expect((await q.stats()).pending).toBe(count);
});

test("a minted id that is enqueued again is known, even if its task kept no payload", async () => {
  const q = await setup();
  await q.add("minted", { payloadText: "[1]", keepPayload: false });
  const asked = (type: string, options = {}) =>
    q.engine.enqueue({
      ...{ checked: true, high: 0, normal: 1, low: 0 },
      tail: ["minted", encodeEnvelope(type, q.now, "[1]", options, "fp")],
    });
  await q.ack(await q.grant());
  expect(await q.redis.hexists(q.keys.tasks, "minted")).toBe(0);
  expect(await asked("t", { keepPayload: false })).toEqual({ verdicts: "d", states: "c" });
  expect(await asked("other")).toEqual({ verdicts: "c", states: "c" });
  expect((await q.acquire(1)).grants).toEqual([]);
});

describe("the same request sent twice", () => {
  test("stores its tasks once and answers the same", async () => {
    const q = await setup();
    expect(await q.add(["a", "b"], {}, request(1))).toBe("nn");
    expect(await q.add(["a", "b"], {}, request(1))).toBe("nn");
    expect(await q.stats()).toMatchObject({ pending: 2, totals: { enqueued: 2, deduplicated: 0 } });
    expect(await q.redis.llen(q.keys.pending)).toBe(2);
  });

  test("is refused once a later request of the same slot was answered", async () => {
    const q = await setup();
    await q.add("a", {}, request(1));
    await q.add("b", {}, request(2));
    await expect(q.add("late", {}, request(1))).rejects.toMatchObject({ code: "outcome_unknown" });
    expect(await q.view("late")).toBeNull();
  });
});

describe("an id given by the caller (I10)", () => {
  const a = { fingerprint: "fp-a" };

  test("is accepted once: the same body is a duplicate, another body a conflict", async () => {
    const q = await setup();
    expect(await q.add("order-1", a)).toBe("n");
    expect(await q.add("order-1", a)).toBe("d");
    expect(await q.add("order-1", { fingerprint: "fp-b", payloadText: "2" })).toBe("c");
    expect(await q.task("order-1")).toMatchObject({ payloadText: "{}" });
    expect((await q.stats()).totals).toMatchObject({ enqueued: 1, deduplicated: 1 });
  });

  test("is seen twice within one call", async () => {
    const q = await setup();
    expect(await q.add(["x", "y", "x"], a)).toBe("nnd");
    expect((await q.stats()).pending).toBe(2);
  });

  test("answers with the state of the task, whatever the state is", async () => {
    const q = await setup();
    const envelope = encodeEnvelope("t", q.now, "{}", {}, "fp-a");
    const again = async () =>
      (
        await q.engine.enqueue({
          checked: true,
          once: true,
          high: 0,
          normal: 1,
          low: 0,
          tail: ["id", envelope],
        })
      ).states;
    await q.add("id", a);
    expect(await again()).toBe("p");
    const grant = await q.grant();
    expect(await again()).toBe("l");
    await q.fail(grant, "no", 50);
    expect(await again()).toBe("s");
    q.advance(50);
    await q.fatal(await q.grant());
    expect(await again()).toBe("d");
    await q.engine.replay(["id", ""]);
    await q.ack(await q.grant());
    expect(await again()).toBe("c");
  });

  test("is remembered for an hour after the task ended, even if the task itself was purged", async () => {
    const q = await setup();
    await q.engine.configure({ retentionMs: 1_000 });
    await q.add("id", a);
    await q.ack(await q.grant());
    q.advance(1_001);
    await q.engine.purge(100, 3_600_000);
    expect(await q.view("id")).toBeNull();
    expect(await q.add("id", a)).toBe("d");
    expect(await q.add("id", { fingerprint: "fp-b" })).toBe("c");
    q.advance(3_600_000);
    await q.engine.purge(100, 7_200_000);
    expect(await q.add("id", { fingerprint: "fp-b" })).toBe("n");
    expect(await q.task("id")).toMatchObject({ state: "pending", attempts: 0 });
  });
});

describe("the cap of waiting tasks", () => {
  test("accepts the first tasks that fit, and the others once there is room", async () => {
    const q = await setup();
    await q.engine.configure({ maxWaiting: 3 });
    expect(await q.add("later", { delayMs: 100 })).toBe("n");
    expect(await q.add(["a", "b", "c", "d"])).toBe("nnff");
    expect(await q.view("c")).toBeNull();
    expect(await q.add("c")).toBe("f");
    await q.grant();
    expect(await q.add("c")).toBe("n");
    expect((await q.stats()).totals.enqueued).toBe(4);
  });

  test("a known task is a duplicate and is not refused, because it takes no room", async () => {
    const q = await setup();
    await q.engine.configure({ maxWaiting: 1 });
    expect(await q.add(["a", "b"], { fingerprint: "fp" })).toBe("nf");
    expect(await q.add(["b", "a"], { fingerprint: "fp" })).toBe("fd");
    expect(await q.add("a", { fingerprint: "other" })).toBe("c");
    expect((await q.stats()).totals).toMatchObject({ enqueued: 1, deduplicated: 1 });
  });
});

test("a queue that was written with a newer layout is refused, and nothing is stored", async () => {
  const q = await setup();
  await q.redis.hset(q.keys.state, "#settings", "5 0 0 86400000 10000 3600000 ");
  q.corrupted = true;
  await expect(q.add("a")).rejects.toMatchObject({ code: "layout_too_new" });
  expect(await q.redis.exists(q.keys.tasks, q.keys.pending)).toBe(0);
});

test("an enqueue wakes a parked worker once", async () => {
  const q = await setup();
  const listener = q.redis.duplicate();
  const heard: string[] = [];
  listener.on("smessage", (channel: string) => heard.push(channel));
  await listener.ssubscribe(q.keys.wake);
  await q.acquire(1, { park: true });
  await q.add("a");
  await q.add("b");
  // Redis answers this command after it has sent all earlier messages, so the listener has got them by then.
  await listener.sunsubscribe("nothing");
  expect(heard).toEqual([q.keys.wake]);
  listener.disconnect();
});

test("at maxmemory the error of an enqueue names the cause, and workers still complete tasks", async () => {
  const { startRedisServer } = await import("@holdfast/testing");
  const { Connection } = await import("../src/redis/connection.ts");
  const { Engine } = await import("../src/engine/engine.ts");
  const server = await startRedisServer();
  const connection = new Connection(server.url);
  try {
    const engine = new Engine(connection, "full");
    const tail = ["a", encodeEnvelope("t", 1, "{}")];
    await engine.enqueue({ checked: false, high: 0, normal: 1, low: 0, tail });
    await connection.command("CONFIG", "SET", "maxmemory", "1");
    const more = engine.enqueue({ checked: false, high: 0, normal: 1, low: 0, tail: ["b", tail[1] ?? ""] });
    await expect(more).rejects.toMatchObject({ code: "redis_out_of_memory" });
    const base = {
      ...{ want: 1, held: 0, leaseMs: 1_000, maxRetries: 0, workerId: "w", nonce: "n" },
      ...{ park: false, noHandlerAfterMs: 1_000 },
    };
    const [grant] = (await engine.acquire(base)).grants;
    expect(grant?.id).toBe("a");
    const verdict = { kind: "ack" as const, id: "a", fence: grant?.fence ?? "" };
    expect((await engine.settle([verdict], { ...base, want: 0 })).outcomes).toEqual(["acked"]);
  } finally {
    await connection.close();
    await server.stop();
  }
});
