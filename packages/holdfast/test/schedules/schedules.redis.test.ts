import { until } from "@holdfast/testing";
import { expect, test } from "vitest";
import { Schedules } from "../../src/index.ts";
import { MINUTE, NOON, setupSchedules } from "./harness.ts";

const at = (minutes: number) => NOON + minutes * MINUTE;

test("a schedule is shown as it was written, with its defaults, a description in words and its next five times", async () => {
  const { schedules } = await setupSchedules();
  const view = await schedules.put("nightly", {
    queue: "work",
    cron: "30 2 * * 1-5",
    timeZone: "Europe/Berlin",
    type: "report",
    payloadText: '{"n":12345678901234567890}',
    options: { priority: "high", maxRetries: 1, tags: ["a b"], expiresAfterMs: 60_000 },
  });
  expect(view).toMatchObject({
    ...{ id: "nightly", queue: "work", missed: "once", overlap: "allow", paused: false },
    ...{ payloadText: '{"n":12345678901234567890}', createdAt: NOON, updatedAt: NOON },
    ...{ words: "At 02:30, Monday through Friday", lastRun: null, runs: [] },
  });
  expect(view.nextAt).toBe(Date.parse("2027-01-18T01:30:00Z"));
  expect(view.nextRuns).toHaveLength(5);
  expect(view.nextRuns[0]).toBe(view.nextAt);
  expect(await schedules.get("nightly")).toEqual(view);
  expect(await schedules.get("other")).toBeNull();
});

test("the task of an occurrence has the payload byte for byte, and the options", async () => {
  const { clock, every, janitor, observer } = await setupSchedules();
  const payloadText = '{"n":12345678901234567890, "s":"\\ud800"}';
  await every({ payloadText, options: { priority: "low", tags: ["nightly"], expiresAfterMs: 5_000 } });
  clock.nowMs = at(1) + 400;
  const { fire, events } = janitor();
  await fire();
  expect(await observer.task("work", `s:${at(1)}`)).toMatchObject({
    ...{ type: "t", payloadText, priority: "low", tags: ["nightly"], state: "pending" },
    expiresAt: at(1) + 5_000,
  });
  expect(events).toEqual([
    expect.objectContaining({ outcome: "enqueued", lagMs: 400, taskId: `s:${at(1)}` }),
  ]);
});

test.each([
  ["skip", [], 11],
  ["once", [11], 10],
  ["all", [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11], 0],
] as const)(
  "after eleven minutes without a janitor, missed %s enqueues %j",
  async (missed, expected, count) => {
    const { clock, every, janitor, times, schedules } = await setupSchedules();
    await every({ missed });
    clock.nowMs = at(11) + 20_000;
    const { fire, events } = janitor();
    await fire();
    expect(events.filter(({ outcome }) => outcome === "enqueued")).toHaveLength(expected.length);
    if (expected.length > 0) expect(await times()).toEqual(expected);
    expect(events.filter(({ outcome }) => outcome === "missed")).toHaveLength(count);
    expect((await schedules.get("s"))?.nextAt).toBe(at(12));
  },
);

test("after a long outage the last hundred missed occurrences are enqueued", async () => {
  const { clock, every, janitor, times, enqueuedTotal } = await setupSchedules();
  await every({ missed: "all" });
  clock.nowMs = at(60 * 24);
  await janitor().fire();
  expect(await enqueuedTotal()).toBe(100);
  expect((await times()).at(-1)).toBe(60 * 24);
});

test("without overlap an occurrence is skipped while the previous task has not ended, however long that takes", async () => {
  const { clock, every, janitor, system, schedules, enqueuedTotal } = await setupSchedules();
  await every({ overlap: "skip" });
  const { fire, events } = janitor();
  for (let minute = 1; minute <= 14; minute++) {
    clock.nowMs = at(minute);
    await fire();
  }
  expect(events.map(({ outcome }) => outcome)).toEqual(["enqueued", ...Array(13).fill("overlapped")]);
  await expect(schedules.run("s")).rejects.toMatchObject({ code: "conflict" });
  await system.queue().cancel(`s:${at(1)}`);
  clock.nowMs = at(15);
  await fire();
  expect(await enqueuedTotal()).toBe(2);
  const view = await schedules.get("s");
  expect(view?.lastRun).toMatchObject({ outcome: "enqueued", taskId: `s:${at(15)}`, state: "pending" });
  expect(view?.runs).toHaveLength(10);
});

test("a paused schedule does not fire, and its missed occurrences are not enqueued later", async () => {
  const { clock, every, janitor, times, schedules } = await setupSchedules();
  await every({ missed: "all" });
  expect(await schedules.pause("s")).toMatchObject({ paused: true, nextAt: null });
  clock.nowMs = at(5);
  await janitor().fire();
  expect(await schedules.resume("s")).toMatchObject({ paused: false, nextAt: at(6) });
  clock.nowMs = at(6);
  await janitor().fire();
  expect(await times()).toEqual([6]);
  await expect(schedules.pause("none")).rejects.toMatchObject({ code: "not_found" });
});

test("an update keeps the runs, and also the next time if expression and zone do not change", async () => {
  const { clock, every, janitor, schedules } = await setupSchedules();
  await every();
  clock.nowMs = at(1);
  await janitor().fire();
  clock.nowMs = at(1) + 30_000;
  const updated = await every({ payloadText: "2" });
  expect(updated).toMatchObject({ nextAt: at(2), createdAt: NOON, updatedAt: at(1) + 30_000 });
  expect(updated.runs).toHaveLength(1);
  expect(await every({ cron: "0 * * * *" })).toMatchObject({ nextAt: at(60) });
  await schedules.pause("s");
  expect(await every()).toMatchObject({ paused: true, nextAt: null });
});

test.each([
  ["the same in other words", { cron: "*/1  * * * *" }],
  ["a list instead of a star", { cron: "0-59 * * * *" }],
  ["the zone in small letters", { timeZone: "utc" }],
  ["another expression", { cron: "30 * * * *" }],
])("a put drops no due occurrence that no janitor has seen yet: %s", async (_, change) => {
  const { clock, every, janitor, times, schedules } = await setupSchedules();
  await every({ missed: "all" });
  clock.nowMs = at(3) + 20_000;
  const written = await every({ missed: "all", ...change });
  expect(written.nextAt).toBe("cron" in change && change.cron === "30 * * * *" ? at(30) : at(4));
  const { fire, events } = janitor();
  await fire();
  expect(await times()).toEqual([1, 2, 3]);
  expect(events.map(({ outcome }) => outcome)).toEqual(["enqueued", "enqueued", "enqueued"]);
  expect((await schedules.get("s"))?.nextAt).toBe(written.nextAt);
});

test("occurrences that a put finds due follow the policies of the old definition, and are reported as by a janitor", async () => {
  const { clock, every, janitor, times, schedules } = await setupSchedules();
  await every({ missed: "once" });
  clock.nowMs = at(3) + 20_000;
  const once = await every({ missed: "skip", cron: "*/1 * * * *" });
  expect(once.runs.map(({ at: time, outcome }) => [time, outcome])).toEqual([
    [at(2), "missed"],
    [at(1), "missed"],
  ]);
  clock.nowMs = at(5) + 20_000;
  const skipped = await every({ missed: "all", cron: "* * * * *" });
  expect(skipped.runs[0]).toMatchObject({ at: at(5), outcome: "missed" });
  await janitor().fire();
  expect(await times()).toEqual([3]);
  expect((await schedules.get("s"))?.nextAt).toBe(at(6));
});

test("a put keeps the owed times, before the times that have become due", async () => {
  const { clock, every, janitor, observer, schedules, times } = await setupSchedules();
  await every({ missed: "all" });
  await observer.configure("work", { maxWaiting: 1 });
  await schedules.run("s");
  clock.nowMs = at(1);
  await janitor().fire();
  clock.nowMs = at(2);
  await every({ missed: "all", cron: "*/1 * * * *" });
  await observer.configure("work", { maxWaiting: 0 });
  await observer.empty("work", ["pending"]);
  await janitor().fire();
  expect(await times()).toEqual([1, 2]);
});

test("run now enqueues a task at once, paused or not, and does not change the occurrences", async () => {
  const { every, schedules, observer } = await setupSchedules();
  await every();
  await schedules.pause("s");
  const { taskId } = await schedules.run("s");
  expect(await observer.task("work", taskId)).toMatchObject({ state: "pending", type: "t" });
  expect((await schedules.run("s")).taskId).not.toBe(taskId);
  const view = await schedules.get("s");
  expect(view?.lastRun).toMatchObject({ manual: true, outcome: "enqueued", state: "pending" });
  expect(view?.nextAt).toBeNull();
  await schedules.resume("s");
  expect((await schedules.get("s"))?.nextAt).toBe(at(1));
});

test("a full queue is tried again until it accepts the task, without delaying another schedule", async () => {
  const { clock, every, janitor, observer, schedules, times } = await setupSchedules();
  await every();
  await schedules.put("other", { queue: "free", cron: "* * * * *", type: "t" });
  await observer.configure("work", { maxWaiting: 1 });
  await schedules.run("s");
  clock.nowMs = at(1);
  const { fire, events } = janitor();
  await fire();
  expect(events.map(({ scheduleId, outcome }) => `${scheduleId} ${outcome}`).sort()).toEqual([
    "other enqueued",
    "s refused",
  ]);
  await observer.empty("work", ["pending"]);
  clock.nowMs += 5_000;
  await fire();
  expect(await times()).toEqual([1]);
});

test("the times of an interval neither shift nor occur twice, however often the schedule is written and however late janitors come", async () => {
  const { clock, every, janitor, times } = await setupSchedules();
  const { fire } = janitor();
  await every({ cron: "@every 10m" });
  for (const minute of [3, 10, 14, 21, 27, 30, 39]) {
    clock.nowMs = at(minute) + 7_000;
    await every({ cron: "@every 10m" });
    await fire();
  }
  expect(await times()).toEqual([10, 20, 30]);
  clock.nowMs = at(41);
  // The interval changes while a run of the old interval is due. That run is still made.
  await every({ cron: "@every 15m" });
  await fire();
  clock.nowMs = at(60);
  await fire();
  expect(await times()).toEqual([10, 20, 30, 40, 60]);
});

test("a schedule has no occurrence before its start or after its end, and shows both", async () => {
  const { clock, every, janitor, times, schedules } = await setupSchedules();
  const view = await every({ startAt: at(3), endAt: at(5) });
  expect(view).toMatchObject({ startAt: at(3), endAt: at(5), nextAt: at(3), nextRuns: [3, 4, 5].map(at) });
  const { fire } = janitor();
  for (let minute = 0; minute <= 10; minute++) {
    clock.nowMs = at(minute);
    await fire();
  }
  expect(await times()).toEqual([3, 4, 5]);
  expect(await schedules.get("s")).toMatchObject({ nextAt: null, nextRuns: [] });
  // With a later end, the schedule continues, but leaves out the times that have passed.
  await every({ startAt: at(3), endAt: at(12) });
  clock.nowMs = at(20);
  await fire();
  expect(await times()).toEqual([3, 4, 5, 12]);
});

test("occurrences that a put finds due follow the end of the old definition", async () => {
  const { clock, every, janitor, times } = await setupSchedules();
  await every({ missed: "all" });
  clock.nowMs = at(3);
  await every({ missed: "all", endAt: at(1) });
  await janitor().fire();
  expect(await times()).toEqual([1, 2, 3]);
});

test("a schedule of an earlier version, which has no start and no end, continues", async () => {
  const { clock, every, janitor, times, schedules, system, store } = await setupSchedules();
  await every();
  const { definition } = (await store.get("s")) ?? {};
  const { startAt: _s, endAt: _e, ...before } = definition as object & { startAt: null; endAt: null };
  const key = `${system.prefix}:{:system}:schedules`;
  await system.client.connection.command("HSET", key, "ds", JSON.stringify(before));
  expect(await schedules.get("s")).toMatchObject({ startAt: null, endAt: null, nextAt: at(1) });
  await every();
  clock.nowMs = at(1);
  await janitor().fire();
  expect(await times()).toEqual([1]);
});

test("a limit counts the occurrences that are enqueued, over puts, and not the runs by hand", async () => {
  const { clock, every, janitor, times, schedules } = await setupSchedules();
  const { fire } = janitor();
  expect(await every({ limit: 3 })).toMatchObject({ limit: 3, count: 0, nextRuns: [1, 2, 3].map(at) });
  await schedules.run("s");
  for (const minute of [1, 2]) {
    clock.nowMs = at(minute);
    await fire();
    await every({ limit: 3 });
  }
  expect(await schedules.get("s")).toMatchObject({ count: 2, nextAt: at(3), nextRuns: [at(3)] });
  for (let minute = 3; minute <= 6; minute++) {
    clock.nowMs = at(minute);
    await fire();
  }
  expect((await times()).filter((minute) => minute > 0)).toEqual([1, 2, 3]);
  expect(await schedules.get("s")).toMatchObject({ count: 3, nextAt: null, nextRuns: [] });
  expect((await schedules.pause("s")).nextAt).toBeNull();
  expect((await schedules.resume("s")).nextAt).toBeNull();
  // With a higher limit the schedule continues.
  expect(await every({ limit: 4 })).toMatchObject({ nextAt: at(7), nextRuns: [at(7)] });
});

test("a limit also holds for missed occurrences, whoever decides about them", async () => {
  const { clock, every, janitor, times } = await setupSchedules();
  await every({ limit: 5, missed: "all" });
  clock.nowMs = at(3);
  // This `put` makes up for three missed runs, which count against the limit.
  await every({ limit: 5, missed: "all", cron: "@every 1m" });
  clock.nowMs = at(30);
  await janitor().fire();
  expect(await times()).toEqual([1, 2, 3, 4, 5]);
});

test("a new schedule can have its first occurrence at once, and then follows its times", async () => {
  const { clock, every, janitor, times, schedules } = await setupSchedules();
  clock.nowMs = at(0.5);
  const first = await every({ cron: "@every 10m", immediately: true });
  expect(first).toMatchObject({ nextAt: at(0.5), nextRuns: [0.5, 10, 20, 30, 40].map(at) });
  expect(first).not.toHaveProperty("immediately");
  const { fire } = janitor();
  await fire();
  for (const minute of [3, 10, 12, 20]) {
    clock.nowMs = at(minute);
    await every({ cron: "@every 10m", immediately: true });
    await fire();
  }
  expect(await times()).toEqual([0.5, 10, 20]);
  await schedules.delete("s");
  expect(await every({ immediately: true, paused: true })).toMatchObject({ nextAt: null });
});

test("an immediate first occurrence that no janitor enqueued in time is enqueued later, with the occurrences after it", async () => {
  const { clock, every, janitor, times } = await setupSchedules();
  clock.nowMs = at(0.5);
  await every({ cron: "@every 10m", immediately: true, missed: "all" });
  clock.nowMs = at(25);
  await janitor().fire();
  expect(await times()).toEqual([0.5, 10, 20]);
});

test.each([
  [{ startAt: NOON, endAt: NOON - 1 }, "endAt is before startAt"],
  [{ startAt: NOON, immediately: true }, "startAt and immediately cannot be combined"],
  [{ limit: 0 }, "limit has to be a whole number from 1"],
  [
    { everyMs: 5 },
    'everyMs is not an option of a schedule: an interval is a cron expression, too: cron: "@every 30s"',
  ],
])("a schedule with %j is refused", async (change, message) => {
  const { every } = await setupSchedules();
  await expect(every(change as object)).rejects.toThrow(message);
});

test("a deleted schedule fires no more, and its tasks stay", async () => {
  const { clock, every, janitor, schedules, times } = await setupSchedules();
  await every();
  clock.nowMs = at(1);
  await janitor().fire();
  expect(await schedules.delete("s")).toBe(true);
  expect(await schedules.delete("s")).toBe(false);
  clock.nowMs = at(5);
  await janitor().fire();
  expect(await times()).toEqual([1]);
  expect(await schedules.list()).toEqual([]);
});

test("a schedule creates its deleted queue again", async () => {
  const { clock, every, janitor, observer, times } = await setupSchedules();
  await every();
  await observer.pause("work");
  await observer.deleteQueue("work");
  clock.nowMs = at(1);
  await janitor().fire();
  expect(await times()).toEqual([1]);
});

test("of concurrent writers the last one wins, and each learns what it wrote or that others are writing", async () => {
  const { every, schedules } = await setupSchedules();
  await every();
  const views = await Promise.all([1, 2, 3, 4].map((n) => every({ payloadText: String(n) })));
  expect(views).toHaveLength(4);
  expect(["1", "2", "3", "4"]).toContain((await schedules.get("s"))?.payloadText);
});

test("lists go by queue; bad ids, queues, types, payloads and options are refused", async () => {
  const { every, schedules } = await setupSchedules();
  await every();
  await schedules.put("b", { queue: "other", cron: "@daily", type: "t" });
  expect((await schedules.list()).map(({ id }) => id)).toEqual(["b", "s"]);
  expect((await schedules.list({ queue: "other" })).map(({ id }) => id)).toEqual(["b"]);
  const refused = (change: object, id = "x") =>
    schedules.put(id, { queue: "work", cron: "* * * * *", type: "t", ...change }).then(
      () => "written",
      (error: { code: string }) => error.code,
    );
  expect(await refused({ cron: "x" })).toBe("invalid_argument");
  expect(await refused({ timeZone: "Nowhere" })).toBe("invalid_argument");
  expect(await refused({ payloadText: "{" })).toBe("invalid_argument");
  expect(await refused({ options: { delayMs: 1 } })).toBe("invalid_argument");
  expect(await refused({ options: { timeoutMs: 0 } })).toBe("invalid_argument");
  expect(await refused({ missed: "never" })).toBe("invalid_argument");
  expect(await refused({ queue: "a/0" })).toBe("invalid_argument");
  expect(await refused({ queue: "no good" })).toBe("invalid_queue_name");
  expect(await refused({ type: "" })).toBe("invalid_task_type");
  expect(await refused({ payloadText: `"${"x".repeat(262_144)}"` })).toBe("payload_too_large");
  expect(await refused({ payloadText: "[".repeat(65) + "]".repeat(65) })).toBe("payload_too_deep");
  expect(await refused({ payloadText: `["${"[".repeat(99)}",{"a\\"[":[]}]` })).toBe("written");
  expect(await refused({ payloadText: "[".repeat(64) + "]".repeat(64) })).toBe("written");
  expect(await refused({}, "a:b")).toBe("invalid_argument");
  expect(Schedules.preview("@hourly", "UTC", NOON)).toEqual({
    words: expect.stringMatching(/hour/i),
    nextRuns: [60, 120, 180, 240, 300].map(at),
  });
});

test("a janitor wakes for an occurrence, however long its sweep interval", async () => {
  const { system, schedules, observer } = await setupSchedules();
  const real = new Schedules({ client: system.client });
  await real.put("s", { queue: "work", cron: "* * * * * *", type: "t" });
  const janitor = system.janitor({ sweepIntervalMs: 60_000 });
  const lags: number[] = [];
  janitor.on("scheduled", ({ lagMs }) => lags.push(lagMs));
  await janitor.start();
  await until("three occurrences were reported", () => lags.length >= 3, 10_000);
  expect((await observer.stats("work")).pending).toBeGreaterThanOrEqual(3);
  await janitor.stop();
  expect(await schedules.delete("s")).toBe(true);
});

test("a janitor that looks after schedules is listed while it runs, and not after that", async () => {
  const { system, observer } = await setupSchedules();
  const blind = system.janitor({ schedules: false });
  const [one, two] = [system.janitor({ sweepIntervalMs: 50 }), system.janitor({ sweepIntervalMs: 50 })];
  for (const janitor of [blind, one, two]) await janitor.start();
  await until("both janitors are listed", async () => (await observer.janitors()).length === 2);
  const ids = await observer.janitors();
  await one.stop();
  await until("only one janitor is listed", async () => (await observer.janitors()).length === 1);
  expect(ids).toEqual(expect.arrayContaining(await observer.janitors()));
  await two.stop();
  expect(await observer.janitors()).toEqual([]);
});

test("a janitor that died suddenly is listed for a sweep interval and 15 s more", async () => {
  const { clock, store, system } = await setupSchedules();
  const announced = (janitorId: string) => store.due(1, { janitorId, aliveMs: 20_000 });
  const left = async () => {
    await announced("other");
    const key = `${system.prefix}:{:system}:janitors`;
    return (await system.client.connection.command<string[]>("ZRANGE", key, 0, -1)).sort();
  };
  await announced("killed");
  clock.nowMs += 19_999;
  expect(await left()).toEqual(["killed", "other"]);
  clock.nowMs += 1;
  expect(await left()).toEqual(["other"]);
});

test("a janitor fires by an injected clock, and a janitor with schedules: false fires nothing", async () => {
  const { clock, every, system, times } = await setupSchedules();
  await every({ missed: "all" });
  clock.nowMs = at(2);
  await system.janitor({ schedules: false, clockMs: () => clock.nowMs }).runOnce();
  expect(await times()).toEqual([]);
  const janitor = system.janitor({ clockMs: () => clock.nowMs, sweepIntervalMs: 60_000 });
  const nextInMs = await janitor.runOnce();
  expect(await times()).toEqual([1, 2]);
  expect(nextInMs).toBeGreaterThan(50_000);
  clock.nowMs = at(3) - 700;
  expect(await janitor.runOnce()).toBeLessThanOrEqual(700);
});
