import { expect, test } from "vitest";
import { duration, parseDuration, parseFraction, parseTime, parseWhole } from "./values.ts";

test.each([
  ["500ms", 500],
  ["1.5s", 1_500],
  ["10m", 600_000],
  ["2h", 7_200_000],
  ["1d", 86_400_000],
])("%s is %i ms", (text, ms) => expect(parseDuration(text)).toBe(ms));

test.each(["5", "", "-1s", "1w", "1 s", "s", "1e3s"])("%j is not a duration", (text) => {
  expect(() => parseDuration(text)).toThrow("duration");
});

test("a time needs a time zone", () => {
  expect(parseTime("2030-01-31T08:00:00Z")).toBe(Date.UTC(2030, 0, 31, 8));
  expect(parseTime("2030-01-31T10:00+02:00")).toBe(Date.UTC(2030, 0, 31, 8));
  expect(parseTime("1900000000000")).toBe(1_900_000_000_000);
  for (const text of ["2030-01-31T08:00:00", "2030-01-31", "tomorrow", "2030-13-31T08:00:00Z", "1900000000"])
    expect(() => parseTime(text)).toThrow("zone");
});

test("numbers out of their range are refused", () => {
  expect(parseWhole(1, 100)("100")).toBe(100);
  for (const text of ["0", "101", "1.5", "", "1e1", " 1"]) expect(() => parseWhole(1, 100)(text)).toThrow();
  expect(parseFraction("0.25")).toBe(0.25);
  for (const text of ["1.1", "-0", "", "x"]) expect(() => parseFraction(text)).toThrow();
});

test("durations are easy to read", () => {
  const read = [0, 999, 59_999, 245_000, 12_000_000, 187_200_000].map(duration);
  expect(read).toEqual(["0ms", "999ms", "59s", "4m05s", "3h20m", "2d04h"]);
});
