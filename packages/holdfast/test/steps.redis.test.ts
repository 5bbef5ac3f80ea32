import { expect, test } from "vitest";
import { auditQueue } from "../src/engine/audit.ts";
import { changeTasks } from "../src/engine/change.ts";
import { SIGNAL_KEPT_MS, SIGNALS_KEPT } from "../src/engine/format.ts";
import type { Grant } from "../src/engine/round-trip.ts";
import {
  freeSteps,
  type NewStep,
  readSteps,
  readStepText,
  sendSignal,
  waitForSignal,
  writeStep,
} from "../src/engine/steps.ts";
import { abortAt } from "./support/abort.ts";
import { setup } from "./support/setup.ts";
import type { TestQueue } from "./support/test-queue.ts";

const step = (place: number, name: string, text = "1"): NewStep => ({
  ...{ place, name, text },
  ...{ kind: "s", outcome: "d" },
});
const wait = (events: string[], timeoutMs = 1_000, place = 1) => ({
  ...{ place, timeoutMs, events },
  ...{ kind: "w" as const, name: events.join(",") },
});
const suspend = (q: TestQueue, { id, fence }: { id: string; fence: string }, delayMs: number, events = "") =>
  q.settleOne({ kind: "suspend", id, fence, delayMs, events });
const namesOf = async (q: TestQueue, id: string) =>
  (await readSteps(q.engine, id)).steps.map(({ name }) => name);

test("steps are stored in their places, and a text of more than 1 KiB is read on its own", async () => {
  const q = await setup();
  await q.add("a");
  const grant = await q.grant();
  const long = JSON.stringify("ä".repeat(1_024));
  expect(await writeStep(q.engine, grant, step(1, "charge card", '{"a":"\\n%"}'))).toBe(q.now);
  expect(await writeStep(q.engine, grant, step(3, "report", long))).toBe(q.now);
  expect(
    await writeStep(q.engine, grant, { ...step(4, "sleep", ""), kind: "z", outcome: "o", waitMs: 9 }),
  ).toBe(q.now + 9);
  const stored = await readSteps(q.engine, "a");
  const common = { kind: "s", outcome: "d", at: q.now };
  expect(stored.steps).toEqual([
    { ...common, place: 1, name: "charge card", bytes: 11, text: '{"a":"\\n%"}' },
    { ...common, place: 3, name: "report", bytes: 2_050, text: undefined },
    { kind: "z", outcome: "o", at: q.now + 9, place: 4, name: "sleep", bytes: 0, text: "" },
  ]);
  expect(stored).toMatchObject({ places: 4, bytes: 2_061 });
  expect(await readStepText(q.engine, stored.serial, 3)).toBe(long);
  expect((await readSteps(q.engine, "a", 2)).steps.map(({ name }) => name)).toEqual(["report", "sleep"]);
});

test("a step that is stored again replaces the stored one, and its bytes are counted once", async () => {
  const q = await setup();
  await q.add("a");
  const grant = await q.grant();
  await writeStep(q.engine, grant, step(1, "x", "12345"));
  await writeStep(q.engine, grant, step(1, "x", "12"));
  expect(await readSteps(q.engine, "a")).toMatchObject({ places: 1, bytes: 2, steps: [{ text: "12" }] });
});

test("a sleep that is the only step is stored without a serial, and stays when a step or a signal follows", async () => {
  const q = await setup();
  await q.add(["a", "b", "c"]);
  const grants = await Promise.all([q.grant(), q.grant(), q.grant()]);
  const until = q.now + 1_000;
  for (const grant of grants)
    await writeStep(q.engine, grant, { ...step(1, "sleep", ""), kind: "z", outcome: "o", waitMs: 1_000 });
  const [a, b, c] = grants.map(({ id }) => id) as [string, string, string];
  expect(await q.redis.hgetall(q.keys.steps)).toEqual({
    [a]: `/${until}`,
    [b]: `/${until}`,
    [c]: `/${until}`,
  });
  const sleep = { kind: "z", outcome: "o", at: until, place: 1, name: "sleep", bytes: 0, text: "" };
  await q.add("d");
  const named = { ...step(1, "until monday", ""), kind: "z", outcome: "o", waitMs: 9 } as const;
  await writeStep(q.engine, await q.grant(), named);
  expect(await namesOf(q, "d")).toEqual(["until monday"]);
  expect(await readSteps(q.engine, a)).toEqual({
    serial: "0",
    places: 1,
    bytes: 0,
    steps: [sleep],
    signals: [],
  });
  await sendSignal(q.engine, b, "paid", "1");
  expect(await readSteps(q.engine, b)).toMatchObject({
    places: 1,
    steps: [sleep],
    signals: [{ event: "paid" }],
  });
  q.advance(1_001);
  await writeStep(q.engine, grants[0] as Grant, step(2, "charge"));
  expect(await namesOf(q, a)).toEqual(["sleep", "charge"]);
  // The sleep has no other fields, so nothing of it is left to remove.
  await q.ack(grants[2] as Grant);
  q.advance(86_400_001);
  expect((await q.engine.purge(200, 1)).steps).toBe(0);
  expect(await q.redis.hexists(q.keys.steps, c)).toBe(0);
  expect(await q.redis.exists(q.keys.stepsRemoved)).toBe(0);
});

test("a sleep that has not ended is stored in the head, and the next step after its end gives it a field of its own", async () => {
  const q = await setup();
  await q.add("a");
  const grant = await q.grant();
  const sleep = { kind: "z", outcome: "o", name: "sleep", text: "" } as const;
  const until = q.now + 1_000;
  await writeStep(q.engine, grant, { ...sleep, place: 1, waitMs: 1_000 });
  await writeStep(q.engine, grant, { ...sleep, place: 2, name: "long", waitMs: 9_000 });
  await sendSignal(q.engine, "a", "e", "");
  const fieldsOf = async () => (await q.redis.hkeys(q.keys.steps)).filter((field) => field.includes("/"));
  expect(await fieldsOf()).toEqual([]);
  q.advance(1_000);
  await writeStep(q.engine, grant, step(3, "x"));
  expect((await fieldsOf()).map((field) => field.split("/")[1]).sort()).toEqual(["1", "3"]);
  const stored = await readSteps(q.engine, "a");
  expect(stored.steps.map(({ place, kind, name, at }) => [place, kind, name, at])).toEqual([
    [1, "z", "sleep", until],
    [2, "z", "long", until + 8_000],
    [3, "s", "x", q.now],
  ]);
  expect(stored.signals).toMatchObject([{ event: "e" }]);
  expect((await readSteps(q.engine, "a", 2)).steps.map(({ name }) => name)).toEqual(["long", "x"]);
});

test("a stale token, an unknown task and a task that is not running store nothing", async () => {
  const q = await setup();
  await q.add(["a", "waiting"]);
  const first = await q.grant();
  await q.crash();
  const second = await q.grant();
  for (const held of [first, { id: "waiting", fence: first.fence }, { id: "nobody", fence: "1-x" }]) {
    expect(await writeStep(q.engine, held, step(1, "x"))).toBe(0);
    expect(await waitForSignal(q.engine, held, wait(["e"]))).toEqual({ kind: "stale" });
  }
  expect(await q.redis.exists(q.keys.steps)).toBe(0);
  await q.ack(second);
  expect(await writeStep(q.engine, second, step(1, "x"))).toBe(0);
});

test("a suspended task is scheduled without a lease, loses no attempt, and keeps its history and its steps", async () => {
  const q = await setup();
  await q.add("a");
  await q.fail(await q.grant(), "Error: once");
  const grant = await q.grant();
  await writeStep(q.engine, grant, step(1, "x"));
  expect(await suspend(q, grant, 60_000)).toBe("released");
  expect(await q.task("a")).toMatchObject({ state: "scheduled", attempts: 1, runAt: q.now + 60_000 });
  expect(await q.stats()).toMatchObject({ processing: 0, scheduled: 1 });
  expect(await writeStep(q.engine, grant, step(2, "y"))).toBe(0);
  q.advance(60_000);
  const again = await q.grant();
  expect(again.past).toMatchObject({ attempt: 2, fresh: false });
  expect(await namesOf(q, "a")).toEqual(["x"]);
  await q.ack(again);
  expect((await q.task("a")).history).toHaveLength(2);
});

test("suspended tasks are counted among the scheduled ones, by a sample if there are more than 500", async () => {
  const q = await setup();
  await q.add("later", { delayMs: 60_000 });
  await q.add(["sleeps", "waits", "fails"]);
  const { grants } = await q.acquire(3);
  const [sleeps, waits, fails] = grants as [Grant, Grant, Grant];
  await q.fail(fails, "no", 60_000);
  expect(await q.stats()).toMatchObject({ scheduled: 2, suspended: 0 });
  await writeStep(q.engine, sleeps, { ...step(1, "sleep", ""), kind: "z", outcome: "o", waitMs: 60_000 });
  await suspend(q, sleeps, 60_000);
  await suspend(q, waits, 60_000, "go");
  expect(await q.stats()).toMatchObject({ scheduled: 4, suspended: 2 });
  await sendSignal(q.engine, "waits", "go", "");
  expect(await q.stats()).toMatchObject({ scheduled: 3, suspended: 1 });
  for (let round = 0; round < 2; round++) {
    await q.add(Array.from({ length: 500 }, (_, n) => `t${round}-${n}`));
    for (const grant of (await q.acquire(500)).grants) await suspend(q, grant, 60_000);
  }
  const { scheduled, suspended } = await q.stats();
  expect(suspended).toBeGreaterThan(990);
  expect(suspended).toBeLessThanOrEqual(scheduled);
});

test("the wait of a task that slept in its first attempt does not count from its enqueue", async () => {
  const q = await setup();
  await q.add("a");
  await suspend(q, await q.grant(), 5);
  q.advance(5);
  expect((await q.grant()).past).toMatchObject({ attempt: 1, fresh: false });
});

test("a task that was asked to stop is cancelled when it is suspended", async () => {
  const q = await setup();
  await q.add("a");
  const grant = await q.grant();
  await q.engine.cancel("a");
  expect(await suspend(q, grant, 60_000)).toBe("cancelled");
});

test("a suspended task can be cancelled, and made due by a change, which keeps its events", async () => {
  const q = await setup();
  await q.add(["a", "b"]);
  for (const grant of (await q.acquire(2)).grants) await suspend(q, grant, 60_000, "go");
  expect(await q.engine.cancel("a")).toBe("cancelled");
  await changeTasks(q.engine, ["b"], { delayMs: 90_000, priority: "high" });
  expect(await sendSignal(q.engine, "b", "go", "")).toBe("delivered");
  expect(await q.task("b")).toMatchObject({ state: "pending", priority: "high" });
});

test("a signal wakes the task that waits for it, and is used once", async () => {
  const q = await setup();
  await q.add("a");
  const grant = await q.grant();
  const until = q.now + 1_000;
  expect(await waitForSignal(q.engine, grant, wait(["no", "yes"]))).toEqual({ kind: "open", until });
  await suspend(q, grant, 1_000, "no,yes");
  expect(await sendSignal(q.engine, "a", "other", "")).toBe("kept");
  expect(await q.task("a")).toMatchObject({ state: "scheduled" });
  expect(await sendSignal(q.engine, "a", "yes", '{"by":"me"}')).toBe("delivered");
  expect(await q.task("a")).toMatchObject({ state: "pending" });
  const again = await q.grant();
  const signal = { kind: "signal", event: "yes", data: '{"by":"me"}' };
  expect(await waitForSignal(q.engine, again, wait(["no", "yes"]))).toEqual(signal);
  expect(await readSteps(q.engine, "a")).toMatchObject({
    steps: [{ kind: "w", outcome: "d", name: "no,yes", text: 'yes\n{"by":"me"}' }],
    signals: [{ event: "other" }],
  });
  expect(await waitForSignal(q.engine, again, wait(["yes"], 1_000, 2))).toMatchObject({ kind: "open" });
  expect(await q.redis.hkeys(q.keys.steps)).toHaveLength(6); // #serial, the head, 2 steps, the other signal and the request
});

const request = { requestSlot: "#q:signals:0", sequence: 1 };

test("a repeated signal gets the first answer, is stored once, and does not wake a later wait", async () => {
  const q = await setup();
  await q.add("a");
  const send = () => sendSignal(q.engine, "a", "e", "1", request);
  await suspend(q, await q.grant(), 9_000, "e");
  expect([await send(), await send()]).toEqual(["delivered", "delivered"]);
  expect((await readSteps(q.engine, "a")).signals).toHaveLength(1);
  const grant = await q.grant();
  expect(await waitForSignal(q.engine, grant, wait(["e"]))).toMatchObject({ kind: "signal" });
  expect(await waitForSignal(q.engine, grant, wait(["e"], 9_000, 2))).toMatchObject({ kind: "open" });
  await suspend(q, grant, 9_000, "e");
  expect(await send()).toBe("delivered");
  expect(await q.task("a")).toMatchObject({ state: "scheduled" });
  expect((await readSteps(q.engine, "a")).signals).toEqual([]);
  const next = { ...request, sequence: 2 };
  expect(await sendSignal(q.engine, "a", "e", "2", next)).toBe("delivered");
  await q.ack(await q.grant());
  expect(await sendSignal(q.engine, "a", "e", "2", next)).toBe("delivered");
  await expect(send()).rejects.toMatchObject({ message: expect.stringContaining("newer request") });
});

test("a signal that was aborted at any call is sent once and wakes its task if the call is repeated", async () => {
  let call = 1;
  for (let aborted = true; aborted; call++) {
    const q = await setup();
    await q.add("a");
    await suspend(q, await q.grant(), 9_000, "e");
    const send = () => sendSignal(q.engine, "a", "e", "1", request);
    q.mutate = abortAt("signal", call);
    aborted = await send().then(
      () => false,
      () => true,
    );
    q.mutate = undefined;
    expect([call, await send()]).toEqual([call, "delivered"]);
    await auditQueue(q.engine, { repair: true });
    expect([call, (await readSteps(q.engine, "a")).signals]).toMatchObject([call, [{ event: "e" }]]);
    expect([call, (await q.task("a")).state]).toEqual([call, "pending"]);
    expect(await waitForSignal(q.engine, await q.grant(), wait(["e"]))).toMatchObject({ data: "1" });
  }
  expect(call).toBeGreaterThan(10);
});

test("the request of a signal is forgotten when its slot was idle for long", async () => {
  const q = await setup();
  await q.add("a");
  await sendSignal(q.engine, "a", "e", "1", request);
  const isKnown = () => q.redis.hexists(q.keys.steps, request.requestSlot);
  await q.engine.purge(200, 60_000);
  expect([await isKnown(), await q.redis.zcard(q.keys.requests)]).not.toContain(0);
  q.advance(60_001);
  await q.engine.purge(200, 60_000);
  expect([await isKnown(), await q.redis.zcard(q.keys.requests)]).toEqual([0, 0]);
});

test("early signals are kept and consumed in their order", async () => {
  const q = await setup();
  await q.add("a");
  for (const data of ["1", "2", "3"]) expect(await sendSignal(q.engine, "a", "e", data)).toBe("kept");
  const grant = await q.grant();
  for (const data of ["1", "2", "3"])
    expect(await waitForSignal(q.engine, grant, wait(["e"], 9, Number(data)))).toMatchObject({ data });
});

test("a signal that comes after the handler has looked for it and before the attempt ends is not lost", async () => {
  const q = await setup();
  await q.add("a");
  const grant = await q.grant();
  expect(await waitForSignal(q.engine, grant, wait(["e"]))).toMatchObject({ kind: "open" });
  expect(await sendSignal(q.engine, "a", "e", "1")).toBe("kept");
  expect(await suspend(q, grant, 1_000, "e")).toBe("released");
  expect(await q.task("a")).toMatchObject({ state: "pending", attempts: 0 });
});

test("a wait times out at the time that was set first, even if later attempts are suspended again, and stays timed out", async () => {
  const q = await setup();
  await q.add("a");
  const grant = await q.grant();
  await waitForSignal(q.engine, grant, wait(["e"], 1_000));
  await suspend(q, grant, 500, "e");
  q.advance(500);
  const again = await q.grant();
  expect(await waitForSignal(q.engine, again, wait(["e"], 1_000))).toEqual({
    kind: "open",
    until: q.now + 500,
  });
  q.advance(500);
  expect(await waitForSignal(q.engine, again, wait(["e"], 1_000))).toEqual({ kind: "timed_out" });
  expect(await readSteps(q.engine, "a")).toMatchObject({ steps: [{ kind: "w", outcome: "t" }] });
});

test("an ended task and an unknown task get no signal", async () => {
  const q = await setup();
  await q.addDead("dead");
  await q.addDead("dropped");
  await q.engine.discard(["dropped", ""], undefined, { discard: "d" });
  await q.add(["done", "cancelled"]);
  await q.ack(await q.grant());
  await q.engine.cancel("cancelled");
  await q.add("unkept", { keepPayload: false, priority: "high" });
  await q.ack(await q.grant());
  for (const id of ["done", "dead", "cancelled", "unkept"])
    expect([id, await sendSignal(q.engine, id, "e", "")]).toEqual([id, "ended"]);
  for (const id of ["nobody", "dropped"]) expect(await sendSignal(q.engine, id, "e", "")).toBe("not_found");
  expect(await q.redis.exists(q.keys.steps)).toBe(0);
});

test("a task keeps its last 100 signals, each for seven days", async () => {
  const q = await setup();
  await q.add("a");
  for (let i = 0; i <= SIGNALS_KEPT; i++) await sendSignal(q.engine, "a", "e", String(i));
  expect((await readSteps(q.engine, "a")).signals).toHaveLength(SIGNALS_KEPT);
  const grant = await q.grant();
  expect(await waitForSignal(q.engine, grant, wait(["e"]))).toMatchObject({ data: "1" });
  q.advance(SIGNAL_KEPT_MS);
  await sendSignal(q.engine, "a", "e", '"new"');
  expect((await readSteps(q.engine, "a")).signals).toHaveLength(1);
  // The five fields are #serial, the head, the wait, the last signal and the request.
  expect(await q.redis.hkeys(q.keys.steps)).toHaveLength(5);
});

test("a dead letter keeps its steps, and a replay continues after the last stored step", async () => {
  const q = await setup();
  await q.add("a");
  const grant = await q.grant();
  await writeStep(q.engine, grant, step(1, "x"));
  await q.fatal(grant);
  await q.engine.replay(["a", ""]);
  expect(await namesOf(q, "a")).toEqual(["x"]);
  await writeStep(q.engine, await q.grant(), step(2, "y"));
  expect(await namesOf(q, "a")).toEqual(["x", "y"]);
});

test("a new life of a task begins without steps", async () => {
  const q = await setup();
  await q.add("a", { fingerprint: "fp" });
  const grant = await q.grant();
  await writeStep(q.engine, grant, step(1, "x"));
  await q.fatal(grant);
  await q.add("a", { fingerprint: "fp2" });
  await writeStep(q.engine, await q.grant(), step(1, "y"));
  expect(await namesOf(q, "a")).toEqual(["y"]);
  // The fields of the old steps contain another serial number, so their removal does not touch the new steps.
  expect(await freeSteps(q.engine, 1_000)).toEqual({ freed: 1, left: 0 });
  expect(await namesOf(q, "a")).toEqual(["y"]);
});

test.each(["purge", "empty", "discard", "settle"])(
  "%s removes the steps of its tasks completely",
  async (by) => {
    const q = await setup();
    await q.add(["a", "b"]);
    for (const grant of (await q.acquire(2)).grants) {
      for (let place = 1; place <= 3; place++)
        await writeStep(q.engine, grant, step(place, `s${place}`, JSON.stringify("x".repeat(600 * place))));
      await sendSignal(q.engine, grant.id, "e", "1");
      if (by === "discard" || by === "empty") await q.fatal(grant);
      else await q.ack(grant);
    }
    if (by === "empty") await q.engine.empty("deadLetters", "dead", 500);
    if (by === "discard") {
      await q.engine.discard(["a", "", "b", "other/b"], undefined, { discard: "d" });
      q.advance(600_001);
    }
    if (by === "settle") {
      await q.engine.configure({ retentionCount: 0 });
      await q.add("c");
      await q.ack(await q.grant());
    }
    if (by === "purge") q.advance(86_400_001);
    const { steps } = await q.engine.purge(200, 1);
    expect(steps).toBeGreaterThan(0);
    expect(await freeSteps(q.engine, 1)).toEqual({ freed: 1, left: steps - 1 });
    while ((await freeSteps(q.engine, 1)).left > 0);
    const left = (await q.redis.hkeys(q.keys.steps)).filter((field) => !field.startsWith("#q:"));
    expect(left).toEqual(["#serial"]);
    expect(await q.redis.exists(q.keys.stepsRemoved)).toBe(0);
  },
);
