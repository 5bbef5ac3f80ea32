import { expect, test } from "vitest";
import type { ScheduleDefinition } from "../../src/engine/schedule-runs.ts";
import { ScheduleStore } from "../../src/engine/schedule-store.ts";
import { Observer, Queue, type ScheduleRunEvent } from "../../src/index.ts";
import { abortAt } from "../support/abort.ts";
import { afterwards } from "../support/library.ts";
import { gate } from "../worker/harness.ts";
import { MINUTE, NOON, setupSchedules } from "./harness.ts";

class Killed extends Error {}

/** Lets a janitor fire two missed occurrences, and one more after a minute. */
const minutes = async (clock: { nowMs: number }, fire: () => Promise<unknown>) => {
  clock.nowMs = NOON + 2 * MINUTE;
  await fire();
  clock.nowMs = NOON + 3 * MINUTE;
  await fire();
};

/** Returns how many script calls `minutes` needs if nothing fails. */
async function callsNeeded(): Promise<number> {
  const { clock, every, janitor, times } = await setupSchedules();
  await every({ missed: "all" });
  const undisturbed = janitor();
  await minutes(clock, undisturbed.fire);
  expect(await times()).toEqual([1, 2, 3]);
  return undisturbed.calls();
}

test("if a janitor is killed at any call, before or after Redis has run it, another one makes one task per occurrence", async () => {
  const needed = await callsNeeded();
  expect(needed).toBeGreaterThanOrEqual(8);
  for (let at = 1; at <= needed; at++) {
    for (const side of ["before", "after"] as const) {
      const { clock, every, janitor, times, enqueuedTotal, schedules } = await setupSchedules();
      await every({ missed: "all" });
      const kill = (call: number) => {
        if (call >= at) throw new Killed(`at call ${call}`);
      };
      const killed = janitor({ [side]: kill });
      await expect(minutes(clock, killed.fire)).rejects.toThrow(Killed);
      const heir = janitor();
      clock.nowMs = NOON + 3 * MINUTE;
      await heir.fire();
      expect([at, side, await times(), await enqueuedTotal()]).toEqual([at, side, [1, 2, 3], 3]);
      const view = await schedules.get("s");
      expect(view?.nextAt).toBe(NOON + 4 * MINUTE);
      expect(view?.runs.map((run) => [run.outcome, (run.at - NOON) / MINUTE])).toEqual([
        ["enqueued", 3],
        ["enqueued", 2],
        ["enqueued", 1],
      ]);
    }
  }
}, 60_000);

test("a janitor that stalls at any call while another one continues changes nothing when it wakes", async () => {
  const needed = await callsNeeded();
  for (let at = 1; at <= needed; at++) {
    const { clock, every, janitor, times, enqueuedTotal } = await setupSchedules();
    await every({ missed: "all" });
    const waiting = gate();
    const reached = gate();
    const late = janitor({
      async before(call) {
        if (call !== at) return;
        reached.open();
        await waiting.opened;
      },
    });
    const ended = minutes(clock, late.fire).catch(() => {});
    await reached.opened;
    const other = janitor();
    clock.nowMs = NOON + 3 * MINUTE;
    await other.fire();
    waiting.open();
    await ended;
    await janitor().fire();
    expect([at, await times(), await enqueuedTotal()]).toEqual([at, [1, 2, 3], 3]);
  }
}, 60_000);

test("an enqueue that arrives long after its task is gone is refused, although the id is no longer remembered", async () => {
  const { clock, every, janitor, observer, system, enqueuedTotal } = await setupSchedules();
  await every();
  await observer.configure("work", { retentionCount: 0, retentionMs: 0, idempotencyMs: 0 });
  const waiting = gate();
  const reached = gate();
  clock.nowMs = NOON + MINUTE;
  const late = janitor({
    async before(_, name) {
      if (name !== "enqueue") return;
      reached.open();
      await waiting.opened;
    },
  });
  const ended = late.fire();
  await reached.opened;
  const other = janitor();
  await other.fire();
  clock.nowMs = NOON + 2 * MINUTE;
  await other.fire();
  await observer.empty("work", ["pending"]);
  expect(await system.queue().get(`s:${NOON + MINUTE}`)).toBeNull();
  waiting.open();
  await ended;
  expect(await enqueuedTotal()).toBe(2);
  expect(late.events).toEqual([]);
});

test.each(["schedulesDue", "schedulePlan", "scheduleSettle"])(
  "%s: if Redis aborts it at any call, the next sweep completes it with one task per occurrence (I14)",
  async (script) => {
    for (let call = 1; ; call++) {
      const { clock, every, janitor, times, enqueuedTotal, schedules } = await setupSchedules();
      await every({ missed: "all" });
      const cut = janitor({ mutate: abortAt(script, call) });
      const aborted = await minutes(clock, cut.fire).then(
        () => false,
        (error: Error) => error.message.includes(`aborted at call ${call}`),
      );
      clock.nowMs = NOON + 3 * MINUTE;
      await janitor().fire();
      expect([call, await times(), await enqueuedTotal()]).toEqual([call, [1, 2, 3], 3]);
      expect((await schedules.get("s"))?.nextAt).toBe(NOON + 4 * MINUTE);
      if (!aborted) {
        expect(call).toBeGreaterThan(2);
        return;
      }
    }
  },
);

test("a write that Redis aborts can be repeated, and half of a write fires nothing", async () => {
  for (let call = 1; call <= 3; call++) {
    const { clock, every, janitor, times, store, schedules, system } = await setupSchedules();
    await every();
    const before = await store.get("s");
    const cut = janitor({ mutate: abortAt("schedulePut", call) });
    const definition = { ...before?.definition, cron: "*/2 * * * *", revision: 2 } as ScheduleDefinition;
    const half = new ScheduleStore(cut.connection, system.prefix, () => clock.nowMs);
    const next = { nextAt: NOON + 2 * MINUTE, owed: [], runs: [] };
    await expect(half.put("s", before, definition, next)).rejects.toThrow("aborted");
    await every({ cron: "*/2 * * * *" });
    for (const minute of [1, 2, 3]) {
      clock.nowMs = NOON + minute * MINUTE;
      await janitor().fire();
    }
    expect([call, await times()]).toEqual([call, [2]]);
    expect((await schedules.get("s"))?.nextAt).toBe(NOON + 4 * MINUTE);
  }
});

test("a put that Redis aborts does not change which occurrences are due", async () => {
  for (let call = 1; call <= 3; call++) {
    const { clock, every, janitor, times } = await setupSchedules();
    await every({ missed: "all" });
    clock.nowMs = NOON + 2 * MINUTE;
    const cut = janitor({ mutate: abortAt("schedulePut", call) });
    const input = { queue: "work", cron: "*/1 * * * *", type: "t", missed: "all" } as const;
    await expect(cut.schedules.put("s", input)).rejects.toThrow("aborted");
    await janitor().fire();
    expect([call, await times()]).toEqual([call, [1, 2]]);
    await every({ missed: "all", cron: "*/1 * * * *" });
    await janitor().fire();
    expect([call, await times()]).toEqual([call, [1, 2]]);
  }
});

test("a put reads again if a janitor has decided meanwhile, so no occurrence comes twice", async () => {
  const { clock, every, janitor, store, times, schedules } = await setupSchedules();
  await every({ missed: "all" });
  clock.nowMs = NOON + 2 * MINUTE;
  const seen = await store.get("s");
  await janitor().fire();
  const definition = { ...seen?.definition, cron: "*/1 * * * *", revision: 2 } as ScheduleDefinition;
  const owed = [NOON + MINUTE, NOON + 2 * MINUTE];
  const next = { nextAt: NOON + 3 * MINUTE, owed, runs: [] };
  expect(await store.put("s", seen, definition, next)).toBe("changed");
  await Promise.all([every({ missed: "all", cron: "*/1 * * * *" }), janitor().fire(), janitor().fire()]);
  expect(await times()).toEqual([1, 2]);
  expect((await schedules.get("s"))?.runs).toHaveLength(2);
});

test("with concurrent puts and janitors each occurrence is one task (property)", async () => {
  for (let round = 0; round < 10; round++) {
    const { clock, every, janitor, times } = await setupSchedules();
    await every({ missed: "all" });
    const janitors = [janitor(), janitor()];
    for (let minute = 1; minute <= 4; minute++) {
      clock.nowMs = NOON + minute * MINUTE;
      const puts = ["*/1 * * * *", "0-59 * * * *"].map((cron) => every({ missed: "all", cron }));
      await Promise.all([...puts, ...janitors.map(({ fire }) => fire())]);
    }
    await janitor().fire();
    expect([round, await times()]).toEqual([round, [1, 2, 3, 4]]);
  }
});

test("many janitors at once report each occurrence once", async () => {
  const { clock, every, janitor, times } = await setupSchedules();
  await every({ missed: "all" });
  const janitors = Array.from({ length: 6 }, () => janitor());
  for (let minute = 1; minute <= 5; minute++) {
    clock.nowMs = NOON + minute * MINUTE;
    await Promise.all(janitors.map(({ fire }) => fire()));
  }
  expect(await times()).toEqual([1, 2, 3, 4, 5]);
  const told = janitors.flatMap(({ events }) => events).map(({ at, outcome }) => [at, outcome]);
  expect(told.sort()).toEqual([1, 2, 3, 4, 5].map((minute) => [NOON + minute * MINUTE, "enqueued"]));
});

test("if the clock jumps ahead and back, no time occurs twice", async () => {
  const { clock, every, janitor, times, schedules } = await setupSchedules();
  await every({ missed: "all" });
  const { fire } = janitor();
  clock.nowMs = NOON + 3 * MINUTE;
  await fire();
  clock.nowMs = NOON + MINUTE;
  await fire();
  // Even while the clock is set back, `put` chooses a next time in the future.
  await every({ missed: "all", cron: "*/1 * * * *" });
  expect((await schedules.get("s"))?.nextAt).toBe(NOON + 4 * MINUTE);
  for (const minute of [2, 3, 4]) {
    clock.nowMs = NOON + minute * MINUTE;
    await fire();
  }
  expect(await times()).toEqual([1, 2, 3, 4]);
});

test.each([
  ["spring", "2027-03-27T22:00:00Z", 12, ["2027-03-28T01:00"]],
  ["autumn", "2027-10-30T22:00:00Z", 12, ["2027-10-31T00:30"]],
])(
  "a daily schedule runs once on the day of the change of the clocks in %s",
  async (_, from, hours, expected) => {
    const { clock, every, janitor, observer } = await setupSchedules();
    clock.nowMs = Date.parse(from);
    await every({ cron: "30 2 * * *", timeZone: "Europe/Berlin" });
    const janitors = [janitor(), janitor()];
    for (let quarter = 0; quarter < hours * 4; quarter++) {
      clock.nowMs += 15 * MINUTE;
      await Promise.all(janitors.map(({ fire }) => fire()));
    }
    const { tasks } = await observer.list("work", { state: "pending" });
    expect(tasks.map(({ id }) => new Date(Number(id.slice(2))).toISOString().slice(0, 16))).toEqual(expected);
  },
);

test("the occurrences of a partitioned queue go to the partition of their id", async () => {
  const { clock, schedules, janitor, system } = await setupSchedules();
  const queue = new Queue("parted", { client: system.client, partitions: 3 });
  await queue.enqueue("t", 1);
  await schedules.put("s", { queue: "parted", cron: "* * * * *", type: "t", missed: "all" });
  const seen: ScheduleRunEvent[] = [];
  const { fire, events } = janitor();
  clock.nowMs = NOON + 5 * MINUTE;
  await fire();
  seen.push(...events);
  const observer = new Observer({ client: system.client });
  afterwards(() => observer.close());
  for (const { taskId } of seen)
    expect(await observer.task("parted", taskId ?? "")).toMatchObject({ id: taskId, queue: "parted" });
  expect(seen).toHaveLength(5);
});
