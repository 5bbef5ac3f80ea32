import { expect, test } from "vitest";
import { type Answer, meaningOf, retryAfterMs } from "./answers.ts";

const NOW = Date.parse("2026-11-30T12:00:00Z");
const meaning = (status: number, rest: Partial<Answer> = {}) =>
  meaningOf({ status, retryAfter: undefined, contentType: undefined, body: "", ...rest }, NOW);

test.each([
  [200, "completed"],
  [201, "completed"],
  [204, "completed"],
  [202, "later"],
  [301, "failed"],
  [307, "failed"],
  [304, "failed"],
  [400, "fatal"],
  [401, "fatal"],
  [404, "fatal"],
  [422, "fatal"],
  [410, "gone"],
  [408, "failed"],
  [425, "failed"],
  [429, "failed"],
  [500, "failed"],
  [502, "failed"],
  [503, "failed"],
  [504, "failed"],
  [600, "failed"],
])("%i without Retry-After means %s", (status, outcome) => expect(meaning(status).outcome).toBe(outcome));

test("Retry-After of 429 and 503 postpones, in seconds or as a date; that of other answers is ignored", () => {
  expect(meaning(429, { retryAfter: "7" })).toEqual({ outcome: "postponed", delayMs: 7_000 });
  expect(meaning(503, { retryAfter: "Mon, 30 Nov 2026 12:01:30 GMT" })).toEqual({
    outcome: "postponed",
    delayMs: 90_000,
  });
  expect(meaning(500, { retryAfter: "7" }).outcome).toBe("failed");
  expect(meaning(429, { retryAfter: "soon" }).outcome).toBe("failed");
});

test("a wait is 1 ms to a day", () => {
  expect(retryAfterMs("0", NOW)).toBe(1);
  expect(retryAfterMs("Mon, 30 Nov 2026 11:00:00 GMT", NOW)).toBe(1);
  expect(retryAfterMs("999999999", NOW)).toBe(86_400_000);
  expect(retryAfterMs("9999999999999999999", NOW)).toBeNull();
  expect(retryAfterMs("-5", NOW)).toBeNull();
  expect(retryAfterMs(undefined, NOW)).toBeNull();
});

test("a JSON body is the result, byte for byte; any other body is ignored", () => {
  const result = (contentType: string | undefined, body: string | null) => {
    const made = meaning(200, { contentType, body });
    return made.outcome === "completed" ? made.result?.text : made;
  };
  expect(result("application/json; charset=utf-8", '{"n": 12345678901234567890}')).toBe(
    '{"n": 12345678901234567890}',
  );
  expect(result("application/vnd.shop+json", "[1]")).toBe("[1]");
  expect(result("text/html", "<p>ok</p>")).toBeUndefined();
  expect(result("application/json", "not json")).toBeUndefined();
  expect(result("application/json", "")).toBeUndefined();
  expect(result("application/json", null)).toBeUndefined();
});

test("the message of a failure has the beginning of the body", () => {
  expect(meaning(422, { body: `no\n such ${"x".repeat(500)}` })).toEqual({
    outcome: "fatal",
    message: `the endpoint answered 422: no such ${"x".repeat(192)}`,
  });
  expect(meaning(302)).toMatchObject({ message: expect.stringContaining("redirects are not followed") });
});
