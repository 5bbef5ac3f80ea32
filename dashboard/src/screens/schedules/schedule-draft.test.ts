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
    keep: { completedMs: 5_000, deadMs: 604_800_000, count: 100 },
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
  expect(bodyOf(draft, false)).toEqual({
    ...{ queue, cron, timeZone, startAt, endAt, limit, type, payloadText, options, missed, overlap },
  });
});

it("a new schedule has only the filled fields, and with a start it does not run at once", () => {
  const draft = { ...draftOf(null, false), id: "x", queue: "q", type: "t", immediately: true };
  const body = bodyOf(draft, true);
  expect(body).toMatchObject({ queue: "q", type: "t", immediately: true, options: {} });
  for (const name of ["startAt", "endAt", "limit", "paused"]) expect(body).not.toHaveProperty(name);
  const later = bodyOf({ ...draft, startAt: "2030-01-31 08:00", paused: true }, true);
  expect(later).toMatchObject({ startAt: Date.UTC(2030, 0, 31, 8), paused: true });
  expect(later).not.toHaveProperty("immediately");
});

it("an emptied field is left out", () => {
  const draft = { ...draftOf(schedule, false), startAt: "", limit: " ", tags: " , " };
  draft.unique = { ...draft.unique, key: "" };
  const none = { amount: " ", unit: "h" } as const;
  draft.keep = { completed: none, dead: none, count: " " };
  const body = bodyOf(draft, false);
  for (const name of ["keep", "tags", "unique"]) expect(body.options).not.toHaveProperty(name);
  for (const name of ["startAt", "limit"]) expect(body).not.toHaveProperty(name);
});

it.each([
  [{ kind: "fixed", baseMs: 0 }],
  [{ kind: "exponential", baseMs: 1_500, maxMs: 86_400_000, jitter: "none" }],
  [{ kind: "fixed", baseMs: 90_000, maxMs: 0 }],
] as const)("keeps the backoff %j", (backoff) => {
  const options = { ...schedule.options, backoff };
  const draft = draftOf({ ...schedule, options }, false);
  expect(errorsOf(draft, false)).toMatchObject({ backoffBase: null, backoffMax: null });
  expect(bodyOf(draft, false).options).toEqual(options);
});

it("a backoff without a kind is exponential, and the choice of the backoff of the worker removes it", () => {
  const draft = draftOf({ ...schedule, options: { backoff: { maxMs: 5_000 } } }, false);
  expect(bodyOf(draft, false).options).toEqual({ backoff: { kind: "exponential", maxMs: 5_000 } });
  const without = { ...draft, backoff: { ...draft.backoff, kind: "default" as const } };
  expect(bodyOf(without, false).options).toEqual({});
});

it.each([
  ["x", "min"],
  ["25", "h"],
  ["-1", "s"],
] as const)("refuses a wait of %s %s before a retry", (amount, unit) => {
  const draft = draftOf(schedule, false);
  draft.backoff = { ...draft.backoff, base: { amount, unit }, max: { amount, unit } };
  const message = "A whole number; at most 24 hours.";
  expect(errorsOf(draft, false)).toMatchObject({ backoffBase: message, backoffMax: message });
  draft.backoff = { ...draft.backoff, kind: "default" };
  expect(errorsOf(draft, false)).toMatchObject({ backoffBase: null, backoffMax: null });
});

it.each([
  [{ completedMs: 0 }],
  [{ deadMs: 31_536_000_000, count: 10_000 }],
  [{ completedMs: 31_536_000_000, count: 1 }],
])("keeps how long tasks are kept: %j", (keep) => {
  const draft = draftOf({ ...schedule, options: { keep } }, false);
  expect(errorsOf(draft, false)).toMatchObject({ keepCompleted: null, keepDead: null, keepCount: null });
  expect(bodyOf(draft, false).options).toEqual({ keep });
});

it("sends how long tasks are kept, as the user typed it", () => {
  const draft = draftOf(null, false);
  draft.keep = { ...draft.keep, completed: { amount: "36", unit: "h" }, count: " 20 " };
  expect(bodyOf(draft, true).options).toEqual({ keep: { completedMs: 129_600_000, count: 20 } });
});

it.each(["x", "-1", "366", "1.5"])("refuses to keep tasks for %s days", (amount) => {
  const draft = draftOf(schedule, false);
  draft.keep = { ...draft.keep, completed: { amount, unit: "d" }, dead: { amount, unit: "d" } };
  expect(errorsOf(draft, false)).toMatchObject({
    keepCompleted: "A whole number; at most 365 days.",
    keepDead: "A whole number, 1 or more; at most 365 days.",
    keepCount: null,
  });
});

it("refuses to keep a dead letter for 0 days", () => {
  const draft = draftOf(schedule, false);
  const none = { amount: "0", unit: "s" } as const;
  draft.keep = { ...draft.keep, completed: none, dead: none };
  expect(errorsOf(draft, false)).toMatchObject({ keepCompleted: null, keepDead: expect.any(String) });
});

it.each(["0", "x", "-1", "1.5", "10001"])("refuses to keep at most %s tasks", (count) => {
  const draft = draftOf(schedule, false);
  draft.keep = { ...draft.keep, count };
  expect(errorsOf(draft, false).keepCount).toBe("A whole number, 1 to 10,000.");
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

it("names each wrong field", () => {
  const draft = {
    ...draftOf(null, false),
    ...{ id: "-", queue: "q", type: "t", startAt: "2030-01-01 00:00", endAt: "2029-01-01 00:00", limit: "0" },
    ...{ tags: "x".repeat(65), timeout: { amount: "x", unit: "min" } as const },
  };
  draft.unique = { ...draft.unique, key: "é".repeat(65) };
  const wrong = Object.entries(errorsOf(draft, true)).filter(([, error]) => error !== null);
  expect(wrong.map(([name]) => name)).toEqual(["id", "endAt", "limit", "timeout", "tags", "uniqueKey"]);
});

it("offers the scopes that the service accepts", () => {
  expect(scopesOf("existing")).toEqual(["unfinished", "waiting", "window"]);
  expect(scopesOf("replace")).not.toContain("window");
  expect(scopesOf("keepLatest")).toEqual(["unfinished"]);
});
