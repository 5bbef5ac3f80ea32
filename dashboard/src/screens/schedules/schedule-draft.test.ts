import { expect, it } from "vitest";
import type { ScheduleView } from "../../api/schedules.ts";
import { bodyOf, draftOf, errorsOf, momentOf, scopesOf } from "./schedule-draft.ts";

const schedule: ScheduleView = {
  id: "nightly",
  queue: "reports",
  cron: "@every 10m",
  timeZone: "UTC",
  startAt: Date.UTC(2030, 0, 31, 8),
  endAt: Date.UTC(2031, 0, 1) + 1,
  limit: 17,
  count: 3,
  type: "report",
  payloadText: '{"n":12345678901234567890}',
  options: {
    priority: "high",
    maxRetries: 2,
    backoff: { kind: "fixed" },
    keep: { completedMs: 5_000 },
    timeoutMs: 90_000,
    expiresAfterMs: 3_600_000,
    tags: ["a", "b c"],
    unique: { key: "k", scope: "window", windowMs: 5_400_000 },
  },
  missed: "all",
  overlap: "skip",
  paused: false,
  createdAt: 0,
  updatedAt: 0,
  nextAt: null,
  nextRuns: [],
  words: "",
  lastRun: null,
  runs: [],
};

it("a schedule that is saved without an edit keeps every field", () => {
  const { queue, cron, timeZone, startAt, endAt, limit, type, payloadText, options, missed, overlap } =
    schedule;
  const draft = draftOf(schedule, false);
  expect(Object.values(errorsOf(draft, false)).filter((error) => error !== null)).toEqual([]);
  expect(bodyOf(draft, schedule)).toEqual({
    ...{ queue, cron, timeZone, startAt, endAt, limit, type, payloadText, options, missed, overlap },
  });
});

it("a new schedule has only what was filled in, and a start excludes the run at once", () => {
  const draft = { ...draftOf(null, false), id: "x", queue: "q", type: "t", immediately: true };
  const body = bodyOf(draft, null);
  expect(body).toMatchObject({ queue: "q", type: "t", immediately: true, options: {} });
  for (const name of ["startAt", "endAt", "limit", "paused"]) expect(body).not.toHaveProperty(name);
  const later = bodyOf({ ...draft, startAt: "2030-01-31 08:00", paused: true }, null);
  expect(later).toMatchObject({ startAt: Date.UTC(2030, 0, 31, 8), paused: true });
  expect(later).not.toHaveProperty("immediately");
});

it("a field that was emptied is left out", () => {
  const draft = { ...draftOf(schedule, false), startAt: "", limit: " ", tags: " , " };
  draft.unique = { ...draft.unique, key: "" };
  const body = bodyOf(draft, schedule);
  expect(body.options).not.toHaveProperty("unique");
  expect(body.options).not.toHaveProperty("tags");
  for (const name of ["startAt", "limit"]) expect(body).not.toHaveProperty(name);
});

it.each([
  ["2030-01-31 08:00", Date.UTC(2030, 0, 31, 8)],
  ["2030-01-31T08:00:01.5Z", Date.UTC(2030, 0, 31, 8, 0, 1, 500)],
  [" 2030-01-31 08:00:01 UTC ", Date.UTC(2030, 0, 31, 8, 0, 1)],
  ["2030-02-31 08:00", Number.NaN],
  ["31 January", Number.NaN],
  ["2030-01-31 25:00", Number.NaN],
])("reads the time %j as %d", (text, at) => {
  expect(momentOf(text)).toBe(at);
});

it("names each field that is wrong", () => {
  const draft = {
    ...draftOf(null, false),
    ...{ id: "-", queue: "q", type: "t", startAt: "2030-01-01 00:00", endAt: "2029-01-01 00:00", limit: "0" },
    ...{ tags: "x".repeat(65), timeout: { amount: "x", unit: "min" } as const },
  };
  draft.unique = { ...draft.unique, key: "é".repeat(65) };
  const wrong = Object.entries(errorsOf(draft, true)).filter(([, error]) => error !== null);
  expect(wrong.map(([name]) => name)).toEqual(["id", "endAt", "limit", "timeout", "tags", "uniqueKey"]);
});

it("offers the scopes that the service takes", () => {
  expect(scopesOf("existing")).toEqual(["unfinished", "waiting", "window"]);
  expect(scopesOf("replace")).not.toContain("window");
  expect(scopesOf("keepLatest")).toEqual(["unfinished"]);
});
