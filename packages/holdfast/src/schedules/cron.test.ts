import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CronTimes, cronInWords } from "./cron.ts";

const ms = (iso: string) => Date.parse(iso);
const iso = (times: readonly number[]) => times.map((at) => new Date(at).toISOString().slice(0, 16));

describe("a change of the clocks", () => {
  test("a time that the clocks skip occurs once, right after the gap", () => {
    const times = new CronTimes("30 2 * * *", "Europe/Berlin").following(ms("2026-03-28T00:00Z"), 3);
    expect(iso(times)).toEqual(["2026-03-28T01:30", "2026-03-29T01:00", "2026-03-30T00:30"]);
  });

  test("a fixed time that the clocks show twice in autumn occurs once", () => {
    const times = new CronTimes("30 2 * * *", "Europe/Berlin").following(ms("2026-10-24T00:00Z"), 3);
    expect(iso(times)).toEqual(["2026-10-24T00:30", "2026-10-25T00:30", "2026-10-26T01:30"]);
  });

  test("intervals continue through both changes", () => {
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

/** Lists the occurrences of a local day, as clocks there show them. */
function localDay(cron: string, timeZone: string, day: string): string[] {
  const clock = new Intl.DateTimeFormat("sv", { timeZone, dateStyle: "short", timeStyle: "short" });
  return new CronTimes(cron, timeZone)
    .following(ms(`${day}T00:00Z`) - 86_400_000, 500)
    .map((at) => `${clock.format(at)} (${new Date(at).toISOString().slice(11, 16)}Z)`)
    .filter((text) => text.startsWith(day))
    .map((text) => text.slice(11));
}

test.each([
  ["30 2 * * *", "03:00 (01:00Z)", "02:30 (00:30Z)"],
  ["0 2,14 * * *", "03:00 (01:00Z), 14:00 (12:00Z)", "02:00 (00:00Z), 14:00 (13:00Z)"],
  ["30 2,2 * * *", "03:00 (01:00Z)", "02:30 (00:30Z)"],
  ["0,30 2 * * *", "03:00 (01:00Z)", "02:00 (00:00Z), 02:30 (00:30Z)"],
  ["0 2-3 * * *", "03:00 (01:00Z)", "02:00 (00:00Z), 03:00 (02:00Z)"],
  ["0 1-3 * * *", "01:00 (00:00Z), 03:00 (01:00Z)", "01:00 (23:00Z), 02:00 (00:00Z), 03:00 (02:00Z)"],
  ["*/20 2 * * *", "03:00 (01:00Z)", "02:00 (00:00Z), 02:20 (00:20Z), 02:40 (00:40Z)"],
  ["*/20 2 29 3 *", "03:00 (01:00Z)", ""],
  ["0 */20 2 * * *", "03:00 (01:00Z)", "02:00 (00:00Z), 02:20 (00:20Z), 02:40 (00:40Z)"],
  [
    "15 */10,2 * * *",
    "00:15 (23:15Z), 03:00 (01:00Z), 10:15 (08:15Z), 20:15 (18:15Z)",
    "00:15 (22:15Z), 02:15 (00:15Z), 10:15 (09:15Z), 20:15 (19:15Z)",
  ],
])(
  "%s in Berlin: occurrences on the day when an hour is skipped: %s; when an hour comes twice: %s",
  (cron, spring, autumn) => {
    expect(localDay(cron, "Europe/Berlin", "2026-03-29").join(", ")).toBe(spring);
    expect(localDay(cron, "Europe/Berlin", "2026-10-25").join(", ")).toBe(autumn);
  },
);

test.each(["15 * * * *", "15 */1 * * *", "15 0-23 * * *", "15 ? * * *", "15 0-11,12-23 * * *"])(
  "%s runs in every hour, so it keeps its interval",
  (cron) => {
    expect(localDay(cron, "Europe/Berlin", "2026-03-29").slice(0, 4)).toEqual([
      "00:15 (23:15Z)",
      "01:15 (00:15Z)",
      "03:15 (01:15Z)",
      "04:15 (02:15Z)",
    ]);
    expect(localDay(cron, "Europe/Berlin", "2026-10-25").slice(1, 5)).toEqual([
      "01:15 (23:15Z)",
      "02:15 (00:15Z)",
      "02:15 (01:15Z)",
      "03:15 (02:15Z)",
    ]);
  },
);

test.each([
  ["61 * * * *", "UTC", '"61 * * * *" is not a cron expression: Invalid value for minute: 61'],
  ["* * *", "UTC", "five fields"],
  ["", "UTC", "five fields"],
  ["* * * * * * 2030", "UTC", "five fields"],
  ["2030-01-01T00:00:00", "UTC", "five fields"],
  ["@reboot", "UTC", "five fields"],
  ["0 0 31 2 *", "UTC", "it never occurs"],
  ["* * * * *", "Mars/Phobos", '"Mars/Phobos" is not a time zone'],
  ["* * * * *", "+01:00", '"+01:00" is not a time zone'],
])("%j in %s is refused: %s", (cron, timeZone, text) => {
  expect(() => new CronTimes(cron, timeZone)).toThrow(
    expect.objectContaining({
      ...{ code: "invalid_argument", message: expect.stringContaining(text) },
      field: text.includes("time zone") ? "timeZone" : "cron",
    }),
  );
});

test.each([
  ["5/20 * * * *", ["00:05", "00:25", "00:45", "01:05"]],
  ["0 10/25 3 * * *", ["03:10", "03:35"]],
  ["0 4/9 * * *", ["04:00", "13:00", "22:00"]],
])("%s counts from its first number", (cron, expected) => {
  const times = new CronTimes(cron, "UTC").following(ms("2026-01-01T00:00Z") - 1, expected.length);
  expect(times.map((at) => new Date(at).toISOString().slice(11, 16))).toEqual(expected);
});

test.each(["15 0/1 * * *", "15 */1 * * *"])("%s runs in every hour, even when the clocks change", (cron) => {
  expect(localDay(cron, "Europe/Berlin", "2026-10-25")).toHaveLength(25);
});

test("an expression is described in words", () => {
  expect(cronInWords("5/20 * * * *")).toBe("Every 20 minutes, starting at 5 minutes past the hour");
  expect(cronInWords("30 2 * * 1-5")).toBe("At 02:30, Monday through Friday");
  expect(cronInWords("@daily")).toBe("At 00:00");
});

/** Days on which clocks change: by an hour, by half an hour, at midnight, or by a whole day. */
const changes = [
  ["Europe/Berlin", "2026-03-29"],
  ["Europe/Berlin", "2026-10-25"],
  ["America/New_York", "2026-11-01"],
  ["Australia/Lord_Howe", "2026-04-05"],
  ["Australia/Lord_Howe", "2026-10-04"],
  ["America/Sao_Paulo", "2018-02-18"],
  ["America/Sao_Paulo", "2018-11-04"],
  ["Africa/Cairo", "2026-04-24"],
  ["Pacific/Apia", "2011-12-30"],
] as const;

test("around a change of the clocks each wall-clock time occurs once, when the clocks first show it or at the end of the gap (property)", () => {
  const MINUTE = 60_000;
  const hoursOf = fc.uniqueArray(fc.integer({ min: 0, max: 23 }), { minLength: 1, maxLength: 23 });
  const minutesOf = fc.uniqueArray(fc.integer({ min: 0, max: 59 }), { minLength: 1, maxLength: 5 });
  const check = (
    [timeZone, day]: readonly [string, string],
    hours: number[],
    minutes: number[],
    startMinute: number,
  ) => {
    const clock = new Intl.DateTimeFormat("sv", { timeZone, dateStyle: "short", timeStyle: "short" });
    const from = ms(`${day}T00:00Z`) - 36 * 60 * MINUTE;
    const end = from + 84 * 60 * MINUTE;
    // Goes through real time, minute by minute. A time that clocks show for the second time does not count again.
    const expected: number[] = [];
    let shown = ms(`${clock.format(from - MINUTE).replace(" ", "T")}Z`);
    for (let at = from; at <= end; at += MINUTE) {
      const wall = ms(`${clock.format(at).replace(" ", "T")}Z`);
      let isDue = false;
      for (let passed = shown + MINUTE; passed <= wall; passed += MINUTE) {
        const time = new Date(passed);
        isDue ||= hours.includes(time.getUTCHours()) && minutes.includes(time.getUTCMinutes());
      }
      if (isDue) expected.push(at);
      shown = Math.max(shown, wall);
    }
    const times = new CronTimes(`${minutes.join(",")} ${hours.join(",")} * * *`, timeZone);
    const start = from + startMinute * MINUTE;
    const later = expected.filter((at) => at >= start);
    expect(iso(times.following(start - 1, later.length))).toEqual(iso(later));
    if (later[0] !== undefined) {
      const { times: between } = times.between(later[0], end);
      expect(iso(between)).toEqual(iso(later.slice(-100)));
    }
  };
  for (const change of changes) check(change, [0, 1, 2, 3], [0, 15, 59], 0);
  fc.assert(
    fc.property(
      fc.constantFrom(...changes),
      hoursOf,
      minutesOf,
      fc.integer({ min: 0, max: 84 * 60 }),
      (...[change, hours, minutes, start]) => check(change, hours, minutes, start),
    ),
    { numRuns: 100 },
  );
});

const crons = [
  "*/7 * * * *",
  "30 2 * * *",
  "*/20 1-3 * * *",
  "* 2 * * *",
  "0 */3 * * *",
  "15 1 * * 0",
  "5 4 1 * *",
  "*/20 * * * * *",
];
const zones = [
  "UTC",
  "Europe/Berlin",
  "America/New_York",
  "Australia/Lord_Howe",
  "Asia/Kathmandu",
  "Africa/Cairo",
];

test("each occurrence is later than the one before, and listing a span gives the same as asking one by one (property)", () => {
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

test("a long span returns its last hundred occurrences, across a change of the clocks", () => {
  const times = new CronTimes("*/5 * * * *", "Europe/Berlin");
  const end = ms("2026-10-25T01:32:00Z");
  const { times: last, cut } = times.between(ms("2026-10-20T00:00:00Z"), end);
  expect(cut).toBe(true);
  expect(last).toHaveLength(100);
  expect(last.at(-1)).toBe(ms("2026-10-25T01:30:00Z"));
  for (let i = 1; i < last.length; i++) expect((last[i] as number) - (last[i - 1] as number)).toBe(300_000);
});
