import type { TaskSchedule } from "@holdfast/contracts";
import { expect, test } from "vitest";
import { Queue, type ScheduleRunEvent } from "../../src/index.ts";
import { testWorker } from "../../src/testing/index.ts";
import { MINUTE, NOON, setupSchedules } from "./harness.ts";

const at = (minutes: number) => NOON + minutes * MINUTE;
const outcomes = (events: readonly ScheduleRunEvent[]) => events.map(({ outcome }) => outcome);

test("a task knows its schedule, its number and its time, also after puts, outages and runs by hand", async () => {
  const { clock, every, janitor, observer, schedules } = await setupSchedules();
  const scheduleOf = async (id: string) => (await observer.task("work", id))?.schedule;
  await every({ missed: "all" });
  const { fire } = janitor();
  clock.nowMs = at(1);
  await fire();
  await every({ cron: "*/2 * * * *", missed: "all" });
  const { taskId } = await schedules.run("s");
  clock.nowMs = at(6);
  await fire();
  const numbered = [1, 2, 4, 6].map((minute, place) => [minute, place + 1] as const);
  for (const [minute, run] of numbered)
    expect(await scheduleOf(`s:${at(minute)}`)).toEqual({ id: "s", run, dueAt: at(minute) });
  expect(await scheduleOf(taskId)).toEqual({ id: "s", run: null, dueAt: at(1) });
});

test("a task keeps its number if a janitor is killed after it enqueued a part of the owed tasks", async () => {
  const { clock, every, janitor, observer } = await setupSchedules();
  await every({ missed: "all" });
  clock.nowMs = at(4);
  let settles = 0;
  const killed = janitor({
    before(_call, name) {
      if (name === "scheduleSettle" && ++settles === 3) throw new Error("killed");
    },
  });
  await expect(killed.fire()).rejects.toThrow();
  await janitor().fire();
  const { tasks } = await observer.list("work", { state: "pending" });
  expect(tasks.map(({ schedule }) => schedule?.run).sort()).toEqual([1, 2, 3, 4]);
});

test("a handler gets the schedule, the number and the time; other tasks have none", async () => {
  const { clock, every, janitor, system } = await setupSchedules();
  const seen: (TaskSchedule | null)[] = [];
  await every();
  clock.nowMs = at(1);
  await janitor().fire();
  const queue = system.queue();
  const { id } = await queue.enqueue("t", 1);
  const handlers = { t: (task: { schedule: TaskSchedule | null }) => void seen.push(task.schedule) };
  await system.started("work", handlers, { concurrency: 1 });
  await queue.result(id, { waitMs: 10_000 });
  await queue.result(`s:${at(1)}`, { waitMs: 10_000 });
  expect(seen).toHaveLength(2);
  expect(seen).toEqual(expect.arrayContaining([{ id: "s", run: 1, dueAt: at(1) }, null]));
  await testWorker(handlers).run("t", 1, { schedule: { id: "n", run: 7, dueAt: 5 } });
  expect(seen.at(-1)).toEqual({ id: "n", run: 7, dueAt: 5 });
});

test("a schedule with a unique key never stops: over 1,000 occurrences it enqueues whenever the key is free", async () => {
  const { clock, every, janitor, system, schedules } = await setupSchedules();
  const key = "only one";
  await every({ options: { unique: { key } } });
  const { fire, events } = janitor();
  const queue = system.queue();
  // What happens to the task that holds the key: nothing, a cancel, or a removal by `empty`.
  const ends = [
    async () => {},
    (id: string) => queue.cancel(id),
    () => system.observer.empty("work", ["pending"]),
  ];
  let holder: string | null = null;
  for (let minute = 1; minute <= 1_000; minute++) {
    clock.nowMs = at(minute);
    await fire();
    const event = events.at(-1);
    expect(event).toMatchObject(
      holder === null
        ? { outcome: "enqueued", taskId: `s:${at(minute)}`, at: at(minute) }
        : { outcome: "deduplicated", taskId: holder, at: at(minute) },
    );
    holder = event?.taskId ?? null;
    await ends[minute % 3]?.(holder as string);
    if (minute % 3 > 0) holder = null;
  }
  expect(events).toHaveLength(1_000);
  // In two of three runs of the schedule, the task with the key has ended, so these runs find the key free.
  expect(outcomes(events).filter((outcome) => outcome === "enqueued")).toHaveLength(667);
  const view = await schedules.get("s");
  expect(view).toMatchObject({ nextAt: at(1_001), count: 1_000, options: { unique: { key } } });
});

test("the key is held while the task runs, and a run by hand is then refused with the task that holds it", async () => {
  const { clock, every, janitor, system, schedules } = await setupSchedules();
  await every({ options: { unique: { key: "k" } } });
  const { fire, events } = janitor();
  clock.nowMs = at(1);
  await fire();
  await system.grantToNobody("work", 1, 600_000);
  clock.nowMs = at(2);
  await fire();
  expect(events.at(-1)).toMatchObject({ outcome: "deduplicated", taskId: `s:${at(1)}` });
  await expect(schedules.run("s")).rejects.toMatchObject({ code: "unique_conflict", heldBy: `s:${at(1)}` });
  const view = await schedules.get("s");
  expect(view?.lastRun).toMatchObject({ outcome: "deduplicated", taskId: `s:${at(1)}`, state: "processing" });
});

test("with replace an occurrence gives its payload and its number to the task that waits", async () => {
  const { clock, every, janitor, observer } = await setupSchedules();
  const options = { unique: { key: "k", onConflict: "replace" } } as const;
  await every({ options, payloadText: "1" });
  const { fire, events } = janitor();
  clock.nowMs = at(1);
  await fire();
  await every({ options, payloadText: "2" });
  clock.nowMs = at(2);
  await fire();
  expect(outcomes(events)).toEqual(["enqueued", "replaced"]);
  expect(events.at(-1)?.taskId).toBe(`s:${at(1)}`);
  expect(await observer.task("work", `s:${at(1)}`)).toMatchObject({
    payloadText: "2",
    schedule: { run: 2, dueAt: at(2) },
    unique: { replaced: { count: 1 } },
  });
});

test("with keepLatest one task runs and one waits for its end", async () => {
  const { clock, every, janitor, system } = await setupSchedules();
  await every({ options: { unique: { key: "k", onConflict: "keepLatest" } } });
  const { fire, events } = janitor();
  clock.nowMs = at(1);
  await fire();
  await system.grantToNobody("work", 1, 600_000);
  for (const minute of [2, 3]) {
    clock.nowMs = at(minute);
    await fire();
  }
  expect(events.map(({ outcome, taskId }) => [outcome, taskId])).toEqual([
    ["enqueued", `s:${at(1)}`],
    ["enqueued", `s:${at(2)}`],
    ["replaced", `s:${at(2)}`],
  ]);
});

test("if a janitor is killed after an occurrence was deduplicated, the occurrence is still noted once", async () => {
  const { clock, every, janitor, system, schedules, enqueuedTotal } = await setupSchedules();
  await every({ options: { unique: { key: "k" } } });
  await system.queue().enqueue("t", 1, { unique: { key: "k" } });
  clock.nowMs = at(1);
  const killed = janitor({
    before(_call, name) {
      if (name === "scheduleSettle") throw new Error("killed");
    },
  });
  await expect(killed.fire()).rejects.toThrow();
  const { fire, events } = janitor();
  await fire();
  await fire();
  expect(outcomes(events)).toEqual(["deduplicated"]);
  expect((await schedules.get("s"))?.runs).toHaveLength(1);
  expect(await enqueuedTotal()).toBe(1);
});

test("in a queue with partitions the unique key of a schedule excludes every other task with that key", async () => {
  const { clock, schedules, janitor, system, observer } = await setupSchedules();
  const queue = new Queue("parted", { client: system.client, partitions: 5 });
  await queue.ready();
  const { fire, events } = janitor();
  // Each task is stored in the partition of its unique key. With this many keys, some are in another partition than
  // the one that their id alone would choose.
  for (let n = 0; n < 8; n++) {
    const definition = { queue: "parted", cron: "* * * * *", type: "t" };
    await schedules.put(`s${n}`, { ...definition, options: { unique: { key: `k${n}` } } });
  }
  clock.nowMs = at(1);
  await fire();
  expect(outcomes(events)).toEqual(Array(8).fill("enqueued"));
  for (const { taskId, scheduleId } of events) {
    expect(await observer.task("parted", taskId ?? "")).toMatchObject({
      schedule: { id: scheduleId, run: 1 },
    });
    const other = await queue.enqueue("t", 1, { unique: { key: scheduleId.replace("s", "k") } });
    expect(other).toMatchObject({ id: taskId, deduplicated: true });
  }
  clock.nowMs = at(2);
  await fire();
  expect(outcomes(events.slice(8))).toEqual(Array(8).fill("deduplicated"));
});

test("a debounce is refused, because a task of a schedule has no delay", async () => {
  const { every } = await setupSchedules();
  const unique = { key: "k", onConflict: "debounce", maxWaitMs: 1_000 } as const;
  await expect(every({ options: { unique } })).rejects.toThrow(/debounce.*use "replace"/);
  await expect(every({ options: { unique: { key: "" } } })).rejects.toThrow(/key/);
});
