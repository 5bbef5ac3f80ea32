import { MISSED_POLICIES, OVERLAP_POLICIES } from "@holdfast/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { ON_TIME_MS, planRuns } from "./plan.ts";

const MINUTE = 60_000;
const base = { missed: "once", overlap: "allow", previousRuns: false } as const;

test("an occurrence that is on time is enqueued, whatever the policy is", () => {
  for (const missed of MISSED_POLICIES)
    expect(planRuns({ ...base, missed, due: [0], now: ON_TIME_MS }).enqueue).toEqual([0]);
});

test("skip enqueues no missed occurrence, once enqueues one for all, all enqueues each", () => {
  const due = [0, MINUTE, 2 * MINUTE];
  const now = 2 * MINUTE + ON_TIME_MS + 1;
  expect(planRuns({ ...base, missed: "skip", due, now })).toMatchObject({ enqueue: [], missed: due });
  expect(planRuns({ ...base, missed: "once", due, now }).enqueue).toEqual([2 * MINUTE]);
  expect(planRuns({ ...base, missed: "all", due, now })).toMatchObject({ enqueue: due, missed: [] });
});

test("with once, an occurrence that is on time replaces the missed occurrences", () => {
  const due = [0, MINUTE];
  expect(planRuns({ ...base, due, now: MINUTE + 1 })).toEqual({
    enqueue: [MINUTE],
    missed: [0],
    overlapped: [],
  });
});

test("without overlap, nothing is enqueued while the previous task runs, and after it one task at a time", () => {
  const due = [0, MINUTE];
  const asked = { ...base, missed: "all", overlap: "skip", due, now: MINUTE } as const;
  expect(planRuns({ ...asked, previousRuns: true })).toMatchObject({ enqueue: [], overlapped: due });
  expect(planRuns(asked)).toMatchObject({ enqueue: [MINUTE], overlapped: [0] });
});

test("every occurrence has exactly one outcome (property)", () => {
  fc.assert(
    fc.property(
      fc.uniqueArray(fc.integer({ min: 0, max: 10 * MINUTE }), { minLength: 1, maxLength: 20 }),
      fc.integer({ min: 10 * MINUTE, max: 20 * MINUTE }),
      fc.constantFrom(...MISSED_POLICIES),
      fc.constantFrom(...OVERLAP_POLICIES),
      fc.boolean(),
      (times, now, missed, overlap, previousRuns) => {
        const due = times.sort((a, b) => a - b);
        const plan = planRuns({ due, now, missed, overlap, previousRuns });
        const all = [...plan.enqueue, ...plan.missed, ...plan.overlapped].sort((a, b) => a - b);
        expect(all).toEqual(due);
        expect(plan.enqueue).toEqual([...plan.enqueue].sort((a, b) => a - b));
        if (missed === "all" && overlap === "allow") expect(plan.enqueue).toEqual(due);
        if (missed === "once" && overlap === "allow") expect(plan.enqueue.length).toBeGreaterThan(0);
        if (overlap === "skip") expect(plan.enqueue.length).toBeLessThanOrEqual(previousRuns ? 0 : 1);
      },
    ),
  );
});
