import { expect, test } from "vitest";
import { encodeEnvelope } from "../src/engine/envelope.ts";
import { tracedError } from "../src/engine/record.ts";
import { setup } from "./support/setup.ts";

const request = (sequence: number) => ({ requestSlot: "#q:operator:0", sequence });

test("a replayed dead letter is pending, with no attempts used, the next generation and its history", async () => {
  const q = await setup();
  await q.add("a", { maxRetries: 1 });
  await q.fail(await q.grant(), "Error: 1");
  await q.fail(await q.grant(), "Error: 2");
  expect(await q.engine.replay(["a", ""])).toBe("r");
  expect(await q.task("a")).toMatchObject({
    state: "pending",
    attempts: 0,
    failures: 0,
    crashes: 0,
    generation: 1,
    deadReason: null,
    history: [
      { attempt: 1, generation: 0, outcome: "failed", error: "Error: 1" },
      { attempt: 2, generation: 0, outcome: "failed", error: "Error: 2" },
    ],
  });
  expect(await q.ack(await q.grant())).toBe("acked");
  expect((await q.task("a")).history.map(({ generation, attempt }) => [generation, attempt])).toEqual([
    [0, 1],
    [0, 2],
    [1, 1],
  ]);
  expect(await q.stats()).toMatchObject({ dead: 0, completed: 1, totals: { replayed: 1, deadLettered: 1 } });
});

test("the time of each replay is kept separately from the attempts, whatever happens to the task", async () => {
  const q = await setup();
  await q.addDead("a");
  const replays: { generation: number; at: number }[] = [];
  for (let generation = 1; generation <= 3; generation++) {
    q.advance(3_600_000);
    await q.engine.replay(["a", ""]);
    replays.push({ generation, at: q.now });
    expect(await q.task("a")).toMatchObject({ state: "pending", replays });
    q.advance(2_000);
    const grant = await q.grant();
    expect(await q.task("a")).toMatchObject({ state: "processing", replays });
    await q.fatal(grant);
    const task = await q.task("a");
    expect(task.replays).toEqual(replays);
    expect(task.history.map((attempt) => [attempt.generation, attempt.attempt])).toEqual(
      Array.from({ length: generation + 1 }, (_, of) => [of, 1]),
    );
    expect(task.history.at(-1)?.startedAt).toBe((replays.at(-1)?.at ?? 0) + 2_000);
  }
});

test("a task that is replayed for ever keeps a bounded history", async () => {
  const q = await setup();
  await q.addDead("a");
  for (let n = 0; n < 40; n++) {
    await q.engine.replay(["a", ""]);
    await q.fatal(await q.grant());
  }
  const { history, replays } = await q.task("a");
  expect(history.length + replays.length).toBe(32);
  expect(history.at(-1)).toMatchObject({ generation: 40, attempt: 1 });
  expect(replays.at(-1)).toMatchObject({ generation: 40 });
});

test("the attempt after a replay is linked to the span of the attempt before it", async () => {
  const q = await setup();
  await q.add("a", { maxRetries: 0 });
  const span = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
  await q.fatal(await q.grant(), tracedError(span, "Error: x"));
  await q.engine.replay(["a", ""]);
  const { grants } = await q.acquire(1);
  expect(grants[0]).toMatchObject({ id: "a", past: { span } });
  expect((await q.task("a")).history).toMatchObject([{ error: "Error: x" }, { error: null }]);
});

test("a replayed task has all its attempts again, and can die again", async () => {
  const q = await setup();
  await q.add("a", { maxRetries: 1 });
  for (let generation = 0; generation < 2; generation++) {
    expect(await q.fail(await q.grant())).toBe("retried");
    expect(await q.fail(await q.grant())).toBe("dead");
    if (generation === 0) await q.engine.replay(["a", ""]);
  }
  expect(await q.task("a")).toMatchObject({ state: "dead", generation: 1, attempts: 2 });
});

test("the token of the previous life stays stale", async () => {
  const q = await setup();
  await q.add("a", { maxRetries: 0 });
  const late = await q.grant();
  await q.crash();
  await q.engine.replay(["a", ""]);
  const grant = await q.grant();
  expect(await q.ack(late)).toBe("stale");
  expect(await q.ack(grant)).toBe("acked");
});

test("the same request twice moves each id once, whatever happened in between (I11)", async () => {
  const q = await setup();
  await q.addDead("a");
  expect(await q.engine.replay(["a", "", "nobody", ""], request(1))).toBe("ru");
  await q.fatal(await q.grant());
  expect(await q.engine.replay(["a", "", "nobody", ""], request(1))).toBe("ru");
  expect(await q.task("a")).toMatchObject({ state: "dead", generation: 1 });
  expect(await q.engine.replay(["a", ""], request(2))).toBe("r");
  await expect(q.engine.replay(["a", ""], request(1))).rejects.toMatchObject({ code: "outcome_unknown" });
});

test("an id that is given twice is moved once, and a task that is not dead stays where it is", async () => {
  const q = await setup();
  await q.addDead("a");
  await q.add("waiting");
  expect(await q.engine.replay(["a", "", "a", "", "waiting", ""])).toBe("rnn");
  expect(await q.redis.lrange(q.keys.pending, 0, -1)).toEqual(["waiting", "a"]);
  expect((await q.task("a")).generation).toBe(1);
});

test("a replayed task goes to the band of its priority", async () => {
  const q = await setup();
  await q.addDead("a", { priority: "low" });
  await q.engine.replay(["a", ""]);
  expect((await q.stats()).pendingByPriority.low).toBe(1);
});

test("a new payload replaces the old one", async () => {
  const q = await setup();
  await q.addDead("a", { payloadText: '{"bad":1}' });
  await q.engine.replay(["a", encodeEnvelope("t", q.now, '{"good":12345678901234567890}')]);
  expect((await q.task("a")).payloadText).toBe('{"good":12345678901234567890}');
});

test("a task that died of crashes runs alone in its next life too", async () => {
  const q = await setup();
  await q.add("killer", { maxRetries: 1 });
  for (let i = 0; i < 2; i++) {
    await q.grant();
    await q.crash();
  }
  await q.engine.replay(["killer", ""]);
  expect(await q.task("killer")).toMatchObject({ state: "pending", crashes: 0, solo: true });
  expect((await q.stats()).pendingSolo).toBe(1);
});

test("a replayed id stays idempotent", async () => {
  const q = await setup();
  await q.addDead("a", { fingerprint: "fp" });
  await q.engine.replay(["a", ""]);
  expect(await q.add("a", { fingerprint: "fp" })).toBe("d");
  expect(await q.add("a", { fingerprint: "other" })).toBe("c");
});

test("500 ids fit in one call", async () => {
  const q = await setup();
  const ids = Array.from({ length: 500 }, (_, i) => `t${i}`);
  await q.add(ids);
  const { grants } = await q.acquire(500);
  await q.settle(grants.map(({ id, fence }) => ({ kind: "fatal", id, fence, error: "x" })));
  expect(await q.engine.replay(ids.flatMap((id) => [id, ""]))).toBe("r".repeat(500));
  expect(await q.stats()).toMatchObject({ pending: 500, dead: 0 });
});

test("a queue that was written with a newer layout is not changed", async () => {
  const q = await setup();
  await q.addDead("a");
  q.corrupted = true;
  await q.redis.hset(q.keys.state, "#settings", "5 0 0 86400000 10000 3600000 ");
  await expect(q.engine.replay(["a", ""])).rejects.toMatchObject({ code: "layout_too_new" });
  expect(await q.redis.zcard(q.keys.deadLetters)).toBe(1);
});

test("a task that died after the given time is not replayed, so that an operation does not replay it twice", async () => {
  const q = await setup();
  await q.addDead("a");
  const began = q.now;
  q.advance(1);
  expect(await q.engine.replay(["a", ""], undefined, began)).toBe("r");
  await q.fatal(await q.grant());
  expect(await q.engine.replay(["a", ""], undefined, began)).toBe("n");
  expect(await q.engine.replay(["a", ""])).toBe("r");
});
