import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CronTimes, cronInWords } from "./cron.ts";

const ms = (iso: string) => Date.parse(iso);
const iso = (times: readonly number[]) => times.map((at) => new Date(at).toISOString().slice(0, 16));

describe("a change of the clocks", () => {
  test("a time that the clocks skip comes right after the gap, once", () => {
    const times = new CronTimes("30 2 * * *", "Europe/Berlin").following(ms("2026-03-28T00:00Z"), 3);
    expect(iso(times)).toEqual(["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]);
  });

  test("a fixed time that comes twice in autumn runs once", () => {
    const times = new CronTimes("30 2 * * *", "Europe/Berlin").following(ms("2026-10-24T00:00Z"), 3);
    expect(iso(times)).toEqual(["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]);
  });

  test("intervals go on through both", () => {
    const spring = new CronTimes("*/30 * * * *", "Europe/Berlin").following(ms("2026-03-29T00:00Z"), 4);
    expect(iso(spring)).toEqual([
      "2026-03-29T00:30",
      "2026-03-29T01:00",
      "2026-03-29T01:30",
      "2026-03-29T02:00",
    ]);
    const autumn = new CronTimes("0 * * * *", "America/New_York").following(ms("2026-11-01T04:30Z"), 4);
    expect(iso(autumn)).toEqual([
      "2026-11-01T05:00",
      "2026-11-01T06:00",
      "2026-11-01T07:00",
      "2026-11-01T08:00",
    ]);
  });
});

test.each([
  ["61 * * * *", "UTC", '"61 * * * *" is no cron expression: Invalid value for minute: 61'],
  ["* * *", "UTC", "five fields"],
  ["", "UTC", "five fields"],
  ["* * * * * * 2030", "UTC", "five fields"],
  ["2030-01-01T00:00:00", "UTC", "five fields"],
  ["@reboot", "UTC", "five fields"],
  ["0 0 31 2 *", "UTC", "it never comes"],
  ["* * * * *", "Mars/Phobos", '"Mars/Phobos" is no time zone'],
  ["* * * * *", "+01:00", '"+01:00" is no time zone'],
])("%j in %s is refused: %s", (cron, timeZone, text) => {
  expect(() => new CronTimes(cron, timeZone)).toThrow(
    expect.objectContaining({ code: "invalid_argument", message: expect.stringContaining(text) }),
  );
});

test("an expression is told in words", () => {
  expect(cronInWords("30 2 * * 1-5")).toBe("At 02:30, Monday through Friday");
  expect(cronInWords("@daily")).toBe("At 00:00");
});

const crons = ["*/7 * * * *", "30 2 * * *", "0 */3 * * *", "15 1 * * 0", "5 4 1 * *", "*/20 * * * * *"];
const zones = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"];

test("occurrences only grow, and those of a span are the ones that following tells (property)", () => {
  const range = { min: ms("2026-01-01"), max: ms("2027-01-01") };
  fc.assert(
    fc.property(
      fc.constantFrom(...crons),
      fc.constantFrom(...zones),
      fc.integer(range),
      fc.integer({ min: 0, max: 40 }),
      (cron, zone, from, count) => {
        const times = new CronTimes(cron, zone);
        const expected = times.following(from, count + 1);
        for (let i = 1; i < expected.length; i++)
          expect(expected[i]).toBeGreaterThan(expected[i - 1] as number);
        const [first = 0] = expected;
        expect(first).toBeGreaterThan(from);
        const { times: between, cut } = times.between(first, expected.at(-1) as number);
        expect(between).toEqual(expected);
        expect(cut).toBe(false);
      },
    ),
    { numRuns: 60 },
  );
});

test("of a long span the last hundred are told, through a change of the clocks", () => {
  const times = new CronTimes("*/5 * * * *", "Europe/Berlin");
  const end = ms("2026-10-25T01:32:00Z");
  const { times: last, cut } = times.between(ms("2026-10-20T00:00:00Z"), end);
  expect(cut).toBe(true);
  expect(last).toHaveLength(100);
  expect(last.at(-1)).toBe(ms("2026-10-25T01:30:00Z"));
  for (let i = 1; i < last.length; i++) expect((last[i] as number) - (last[i - 1] as number)).toBe(300_000);
});
