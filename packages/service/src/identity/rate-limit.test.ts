import { expect, test } from "vitest";
import { bucketOf, createRateLimiter, RateLimiter, rateHeaders } from "./rate-limit.ts";

test("a burst passes at once, then the rate applies, and no tokens are gained", () => {
  const limiter = new RateLimiter({ perSecond: 10, burst: 5 });
  const passed = (nowMs: number, tries: number) =>
    Array.from({ length: tries }, () => limiter.take("a", nowMs)).filter(({ isAllowed }) => isAllowed).length;
  expect(passed(0, 20)).toBe(5);
  expect(passed(99, 5)).toBe(0);
  expect(passed(100, 5)).toBe(1);
  expect(passed(350, 5)).toBe(2);
  // Even after a long pause, the bucket holds only one burst.
  expect(passed(1_000_000, 20)).toBe(5);
  // If the clock goes back, no tokens are added.
  expect(passed(0, 5)).toBe(0);
});

test("a refused caller is told how long to wait, and that is long enough", () => {
  const limiter = new RateLimiter({ perSecond: 4, burst: 1 });
  expect(limiter.take("a", 0)).toMatchObject({ isAllowed: true, limit: 1, remaining: 0, retryAfterMs: 0 });
  const refused = limiter.take("a", 50);
  expect(refused).toMatchObject({ isAllowed: false, retryAfterMs: 200 });
  expect(limiter.take("a", 50 + refused.retryAfterMs).isAllowed).toBe(true);
  expect(rateHeaders(refused)).toEqual([
    ...["ratelimit-limit", "1", "ratelimit-remaining", "0", "ratelimit-reset", "1"],
  ]);
});

test("each caller has a bucket of its own, and `look` takes no token", () => {
  const limiter = new RateLimiter({ perSecond: 1, burst: 1 });
  expect(limiter.look("a", 0).isAllowed).toBe(true);
  expect(limiter.take("a", 0).isAllowed).toBe(true);
  expect(limiter.take("b", 0).isAllowed).toBe(true);
  expect(limiter.take("a", 0).isAllowed).toBe(false);
});

test("many other callers do not reset the bucket of a caller at its limit", () => {
  const limiter = new RateLimiter({ perSecond: 1, burst: 2 });
  for (let index = 0; index < 9_000; index++) limiter.take(`other ${index}`, 0);
  limiter.take("a", 1);
  limiter.take("a", 1);
  for (let index = 0; index < 9_000; index++) limiter.take(`more ${index}`, 2_000);
  limiter.take("a", 2_000);
  limiter.take("a", 2_000);
  expect(limiter.take("a", 2_000).isAllowed).toBe(false);
});

test("there is no limit by default, and the default burst is the rate of one second", () => {
  expect(createRateLimiter({ RATE_LIMIT_PER_SECOND: 0, RATE_LIMIT_BURST: 9 })).toBeUndefined();
  const limitOf = (perSecond: number, burst: number) =>
    createRateLimiter({ RATE_LIMIT_PER_SECOND: perSecond, RATE_LIMIT_BURST: burst })?.look("a").limit;
  expect([limitOf(10, 0), limitOf(0.1, 0), limitOf(10, 50)]).toEqual([10, 1, 50]);
});

test("each key has one bucket, and each address without a key has one", () => {
  const key = { label: "l", role: "viewer", scopes: [], queues: null } as const;
  const identity = (kind: "key" | "session", keyId: string) => ({ ...key, kind, keyId, scopes: [] });
  expect(bucketOf(identity("key", "k"), "1.1.1.1")).toBe(bucketOf(identity("session", "k"), "2.2.2.2"));
  expect(bucketOf(undefined, "1.1.1.1")).not.toBe(bucketOf(undefined, "2.2.2.2"));
});
