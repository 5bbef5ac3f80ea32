import fc from "fast-check";
import { expect, test } from "vitest";
import { deal, divide, isBetter, lacking, lowered, raised } from "./deal.ts";

const sum = (shares: readonly number[]) => shares.reduce((total, share) => total + share, 0);

test.each([
  { amount: 10, wants: [1, 1], shares: [5, 5], why: "the part that nobody wants is divided equally" },
  { amount: 10, wants: [100, 1], shares: [9, 1], why: "the part that one does not want goes to the other" },
  {
    amount: 10,
    wants: [100, 100, 100],
    shares: [3, 3, 4],
    why: "nobody gets more than somebody else who wants more",
  },
  { amount: 2, wants: [1, 9, 1], shares: [0, 1, 1], why: "some get nothing if there is not enough" },
])("$amount for $wants: $why", ({ amount, wants, shares }) => {
  expect(divide(amount, wants)).toEqual(shares);
});

test("the whole amount is divided, and nobody gets less than somebody else who wants less", () => {
  const wants = fc.array(fc.nat({ max: 1_000 }), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 500 }), wants, (amount, given) => {
      const shares = divide(amount, given);
      expect(sum(shares)).toBe(amount);
      for (const [a, share] of shares.entries())
        for (const [b, other] of shares.entries())
          if ((given[a] as number) > (given[b] as number)) expect(share).toBeGreaterThanOrEqual(other);
    }),
  );
});

test("in one period, no more tasks start than limit and burst allow, whatever the bursts of the shares are", () => {
  const demand = fc.record({
    running: fc.nat(50),
    waiting: fc.nat(50),
    starts: fc.double({ min: 0, max: 500, noNaN: true }),
  });
  fc.assert(
    fc.property(
      fc.array(demand, { minLength: 1, maxLength: 8 }),
      fc.integer({ min: 16, max: 1_000 }),
      fc.integer({ min: 1, max: 50 }),
      (demands, limit, burst) => {
        const shares = deal({ rate: { limit, periodMs: 1_000, burst } }, demands);
        const most = sum(shares.map((share) => (share.rate ?? 0) + (share.burst ?? 0)));
        expect(most).toBeLessThanOrEqual(limit + burst);
        expect(Math.min(...shares.map(({ burst: own = 0 }) => own))).toBeGreaterThanOrEqual(1);
        expect(Math.min(...shares.map(({ rate = 0 }) => rate))).toBeGreaterThanOrEqual(1);
      },
    ),
  );
});

test("raising shares never lets more tasks run in all than the limit allows, whatever runs and whatever the shares were", () => {
  const part = fc.record({ concurrency: fc.nat(20), running: fc.nat(20), target: fc.nat(20) });
  fc.assert(
    fc.property(
      fc.array(part, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 40 }),
      (parts, limit) => {
        const targets = parts.map(({ target }) => ({ concurrency: target }));
        const low = parts.map(({ concurrency, running }, place) => ({
          share: lowered({ concurrency }, targets[place] as { concurrency: number }),
          running,
        }));
        const held = sum(low.map(({ share, running }) => Math.max(share.concurrency ?? 0, running)));
        const after = raised(limit, low, targets);
        const all = sum(after.map((share) => share.held ?? 0));
        expect(all).toBeLessThanOrEqual(Math.max(limit, held));
        for (const [place, share] of after.entries()) {
          expect(share.concurrency).toBeLessThanOrEqual(parts[place]?.target ?? 0);
          expect(share.held).toBeGreaterThanOrEqual(parts[place]?.running ?? 0);
        }
      },
    ),
  );
});

test("a new queue gets nothing before the shares of others were lowered", () => {
  const target = { concurrency: 5, rate: 10, burst: 1 };
  expect(lowered(undefined, target)).toEqual({ concurrency: 0, rate: 0, burst: 1 });
  const low = [
    { share: lowered({ concurrency: 10, rate: 20, burst: 1 }, target), running: 10 },
    { share: lowered(undefined, target), running: 0 },
  ];
  expect(raised(10, low, [target, target])).toEqual([
    { concurrency: 5, held: 10, rate: 10, burst: 1 },
    { concurrency: 0, held: 0, rate: 10, burst: 1 },
  ]);
});

test("shares are dealt again only if a queue with waiting tasks gets more, or a queue has no share", () => {
  const [idle, busy] = [
    { running: 0, waiting: 0, starts: 0 },
    { running: 1, waiting: 3, starts: 0 },
  ];
  expect(isBetter([{ concurrency: 1 }], [{ concurrency: 5 }], [idle])).toBe(false);
  expect(isBetter([{ concurrency: 1 }], [{ concurrency: 5 }], [busy])).toBe(true);
  expect(isBetter([{ concurrency: 5 }], [{ concurrency: 5 }], [busy])).toBe(false);
  expect(isBetter([{ rate: 100 }], [{ rate: 104 }], [busy])).toBe(false);
  expect(isBetter([{ rate: 100 }], [{ rate: 110 }], [busy])).toBe(true);
  expect(isBetter([undefined], [{ concurrency: 1 }], [idle])).toBe(true);
});

test.each([
  { limit: { concurrency: 3 }, parts: 3, lack: undefined },
  { limit: { concurrency: 2 }, parts: 3, lack: { field: "concurrency", least: 3 } },
  { limit: { rate: { limit: 5, periodMs: 1 } }, parts: 3, lack: { field: "rate.limit", least: 6 } },
  { limit: { rate: { limit: 1, periodMs: 1 } }, parts: 1, lack: undefined },
])("$limit among $parts: $lack", ({ limit, parts, lack }) => {
  expect(lacking(limit, parts)).toEqual(lack);
});
