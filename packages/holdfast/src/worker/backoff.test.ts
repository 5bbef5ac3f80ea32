import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { backoffDelayMs } from "./backoff.ts";

const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
const JUST_BELOW_ONE = 1 - 2 ** -53;

describe("backoff", () => {
  test("is a whole number from 0 to the cap, whatever the options are", () => {
    const backoff = fc.record(
      {
        kind: fc.constantFrom("fixed" as const, "exponential" as const),
        baseMs: fc.nat({ max: 86_400_000 }),
        maxMs: fc.nat({ max: 86_400_000 }),
        jitter: fc.constantFrom("full" as const, "none" as const),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(backoff, fc.integer({ min: 1, max: 10_000 }), random, (settings, attempt, r) => {
        const wait = backoffDelayMs(settings, attempt, r);
        expect(Number.isSafeInteger(wait)).toBe(true);
        expect(wait).toBeGreaterThanOrEqual(0);
        expect(wait).toBeLessThanOrEqual(settings.maxMs ?? 3_600_000);
      }),
    );
  });

  test("doubles from the base with each attempt, up to the cap", () => {
    const wait = (attempt: number) => backoffDelayMs({ jitter: "none" }, attempt, 0.5);
    expect([1, 2, 3, 4].map(wait)).toEqual([1_000, 2_000, 4_000, 8_000]);
    expect([12, 13, 100, 5_000].map(wait)).toEqual([2_048_000, 3_600_000, 3_600_000, 3_600_000]);
  });

  test("full jitter spreads over everything from 0 to the computed wait", () => {
    expect(backoffDelayMs({}, 3, 0)).toBe(0);
    expect(backoffDelayMs({}, 3, 0.5)).toBe(2_000);
    expect(backoffDelayMs({}, 3, JUST_BELOW_ONE)).toBe(4_000);
  });

  test("the fixed wait does not grow, and is capped too", () => {
    const wait = (attempt: number, maxMs: number) =>
      backoffDelayMs({ kind: "fixed", baseMs: 700, maxMs, jitter: "none" }, attempt, 0.9);
    expect([wait(1, 1_000), wait(9, 1_000), wait(9, 500)]).toEqual([700, 700, 500]);
  });
});
