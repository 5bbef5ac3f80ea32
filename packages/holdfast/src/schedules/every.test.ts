import fc from "fast-check";
import { expect, test } from "vitest";
import { cronTimes, timesOfSchedule } from "./cron.ts";
import { EveryTimes } from "./every.ts";

const range = { min: 0, max: Date.UTC(2100, 0) };
const interval = fc.integer({ min: 1, max: 200_000 });

test.each([
  ["@every 30s", 30_000, "Every 30 seconds"],
  ["@every 1h30m", 5_400_000, "Every 1 hour 30 minutes"],
  [" @EVERY  2D ", 172_800_000, "Every 2 days"],
  ["@every 1s", 1_000, "Every 1 second"],
])("%j is an interval", (text, everyMs, words) => {
  const times = cronTimes(text, "UTC");
  expect(times).toMatchObject({ everyMs, words });
});

test.each([
  "@every",
  "@every 30",
  "@every 0s",
  "@every 500ms",
  "@every 366d",
  "@every 1.5h",
  "@every -1s",
  "@every 1 h",
])("%j is refused", (text) => {
  expect(() => cronTimes(text, "UTC")).toThrow(
    expect.objectContaining({
      ...{ code: "invalid_argument", field: "cron" },
      message: expect.stringContaining("is not an interval: write @every and 1s to 365d"),
    }),
  );
});

test("an interval with a wrong time zone is refused", () => {
  expect(() => cronTimes("@every 30s", "Mars/Phobos")).toThrow('"Mars/Phobos" is not a time zone');
});

test("occurrences are the multiples of the interval, whenever they are asked for, and none occurs twice (property)", () => {
  fc.assert(
    fc.property(interval, fc.integer(range), fc.integer({ min: 0, max: 150 }), (seconds, from, count) => {
      const times = new EveryTimes(`@every ${seconds}s`);
      const slots = times.following(from, count + 1);
      for (const [i, slot] of slots.entries()) {
        expect(slot % (seconds * 1_000)).toBe(0);
        expect(slot).toBeGreaterThan(slots[i - 1] ?? from);
        expect(times.after(slot - 1)).toBe(slot);
      }
      const { times: between, cut } = times.between(slots[0] as number, slots.at(-1) as number);
      expect(between).toEqual(slots.slice(-100));
      expect(cut).toBe(slots.length > 100);
    }),
  );
});

test("an immediate first run is not a multiple of the interval, but the runs after it are", () => {
  const times = new EveryTimes("@every 30s");
  expect(times.between(7_000, 60_000)).toEqual({ times: [7_000, 30_000, 60_000], cut: false });
  expect(times.between(7_000, 8_000)).toEqual({ times: [7_000], cut: false });
  const { times: last, cut } = times.between(7_000, 3_000_000);
  expect({ cut, first: last[0], length: last.length }).toEqual({ cut: true, first: 30_000, length: 100 });
  expect(times.between(7_000, 6_000)).toEqual({ times: [], cut: false });
});

test("every occurrence is between the start and the end, both included (property)", () => {
  const minute = 60_000;
  const crons = fc.constantFrom("* * * * *", "*/7 * * * *", "@every 90s", "@every 1m");
  const moments = fc.integer({ min: 0, max: 500 });
  fc.assert(
    fc.property(crons, moments, moments, moments, (cron, from, one, other) => {
      const startAt = Math.min(one, other) * minute;
      const endAt = Math.max(one, other) * minute;
      const all = cronTimes(cron, "UTC").following(from * minute, 700);
      const expected = all.filter((at) => at >= startAt && at <= endAt);
      const times = timesOfSchedule({ cron, timeZone: "UTC", startAt, endAt });
      expect(times.following(from * minute, 5)).toEqual(expected.slice(0, 5));
      expect(times.after(from * minute)).toBe(expected[0] ?? null);
      if (expected[0] === undefined) return;
      const { times: between } = times.between(expected[0], 10_000 * minute);
      expect(between).toEqual(expected.slice(-100));
    }),
    { numRuns: 50 },
  );
});
