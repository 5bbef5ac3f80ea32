import type { Limit, Priority, QueueLimits } from "@holdfast/contracts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { peakOf } from "./measure.ts";
import { type Arrival, simulate } from "./simulate.ts";

const arrival = (part: Partial<Arrival> = {}): Arrival => ({
  at: 0,
  runMs: 100,
  key: null,
  cost: 1,
  priority: "normal",
  ...part,
});

const run = (
  arrivals: readonly Arrival[],
  limits: QueueLimits = {},
  { slots = Number.POSITIVE_INFINITY, own = {} }: { slots?: number; own?: Record<string, Limit> } = {},
) => [...simulate({ arrivals, limits, ownLimits: new Map(Object.entries(own)), slots })];

const many = (count: number, part: Partial<Arrival> = {}) =>
  Array.from({ length: count }, () => arrival(part));

describe("a simulation", () => {
  test("starts all tasks at once without limits, as long as there are slots", () => {
    expect(run(many(4))).toEqual([0, 0, 0, 0]);
    expect(run(many(4), {}, { slots: 3 })).toEqual([0, 0, 0, 100]);
  });

  test("does not exceed the concurrency of the queue and of each key", () => {
    expect(run(many(3), { queue: { concurrency: 1 } })).toEqual([0, 100, 200]);
    const two = [arrival({ key: "a" }), arrival({ key: "a" }), arrival({ key: "b" })];
    expect(run(two, { key: { concurrency: 1 } })).toEqual([0, 100, 0]);
    expect(run(two, { key: { concurrency: 1 } }, { own: { a: { concurrency: 2 } } })).toEqual([0, 0, 0]);
  });

  test("spaces starts evenly, except that the second start may be early by the tolerance for late workers", () => {
    const rate = { limit: 10, periodMs: 1_000 };
    expect(run(many(4), { queue: { rate } })).toEqual([0, 10, 110, 210]);
    expect(run(many(4, { key: "a" }), { key: { rate } })).toEqual([0, 10, 110, 210]);
  });

  test("starts a burst at once after a time without starts", () => {
    const rate = { limit: 10, periodMs: 1_000, burst: 3 };
    expect(run(many(5), { queue: { rate } })).toEqual([0, 0, 0, 10, 110]);
  });

  test("delays the next start by the cost above the burst, and lets no task overtake", () => {
    const rate = { limit: 10, periodMs: 1_000, burst: 2 };
    const tasks = [arrival({ key: "a" }), arrival({ key: "a", cost: 5 }), arrival({ key: "a" })];
    expect(run(tasks, { key: { rate } })).toEqual([0, 10, 410]);
  });

  test("keys take turns, and a key with twice the weight gets twice as many turns", () => {
    const tasks = [...many(4, { key: "a" }), ...many(4, { key: "b" })];
    const order = (own: Record<string, Limit> = {}) =>
      run(tasks, {}, { slots: 1, own })
        .map((start, at) => ({ start, key: tasks[at]?.key }))
        .sort((a, b) => a.start - b.start)
        .map(({ key }) => key)
        .join("");
    expect(order()).toBe("abababab");
    expect(order({ b: { weight: 2 } })).toBe("babbabaa");
  });

  test("gives normal three and low one of sixteen starts", () => {
    const tasks = (["high", "normal", "low"] as const).flatMap((priority) => many(20, { priority }));
    const starts = run(tasks, {}, { slots: 1 });
    const first16 = tasks.filter((_, at) => (starts[at] as number) < 1_600).map(({ priority }) => priority);
    const count = (priority: Priority) => first16.filter((each) => each === priority).length;
    expect([count("high"), count("normal"), count("low")]).toEqual([12, 3, 1]);
  });
});

const arrivals = fc
  .array(
    fc.record({
      at: fc.integer({ min: 0, max: 3_000 }),
      runMs: fc.integer({ min: 0, max: 400 }),
      key: fc.constantFrom(null, "a", "b", "c"),
      cost: fc.constantFrom(1, 1, 1, 2, 7),
      priority: fc.constantFrom("high" as const, "normal" as const, "low" as const),
    }),
    { minLength: 1, maxLength: 60 },
  )
  .map((tasks) => tasks.sort((a, b) => a.at - b.at));

const limit = fc.record(
  {
    concurrency: fc.integer({ min: 1, max: 4 }),
    rate: fc.record({
      limit: fc.integer({ min: 1, max: 20 }),
      periodMs: fc.integer({ min: 100, max: 2_000 }),
      burst: fc.integer({ min: 1, max: 5 }),
    }),
    weight: fc.constantFrom(0.5, 1, 3),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Limit>;
const limits = fc.record({ queue: limit, key: limit }, { requiredKeys: [] }) as fc.Arbitrary<QueueLimits>;
const slots = fc.integer({ min: 1, max: 6 });

/** Returns, for the queue and for each key, the limit and the tasks to which it applies. */
function scopesOf(tasks: readonly Arrival[], starts: readonly number[], { queue, key }: QueueLimits) {
  const all = tasks.map((task, at) => ({ ...task, start: starts[at] as number }));
  const scopes: { limit: Limit; tasks: typeof all }[] = [{ limit: queue ?? {}, tasks: all }];
  for (const name of ["a", "b", "c"])
    scopes.push({ limit: key ?? {}, tasks: all.filter((task) => task.key === name) });
  return scopes;
}

const peak = (tasks: readonly { start: number; runMs: number }[]) => {
  // Tasks of 0 ms are left out, because they use a slot for no time.
  const long = tasks.filter(({ runMs }) => runMs > 0);
  return peakOf(
    long.map(({ start }) => start),
    long.map(({ start, runMs }) => start + runMs),
  );
};

describe("any simulation", () => {
  test("no task starts before it arrives, and each starts", () => {
    fc.assert(
      fc.property(arrivals, limits, slots, (tasks, tried, most) => {
        for (const [at, start] of run(tasks, tried, { slots: most }).entries())
          expect(start).toBeGreaterThanOrEqual((tasks[at] as Arrival).at);
      }),
    );
  });

  test("never more tasks run than slots and concurrencies allow", () => {
    fc.assert(
      fc.property(arrivals, limits, slots, (tasks, tried, most) => {
        const starts = run(tasks, tried, { slots: most });
        for (const scope of scopesOf(tasks, starts, tried))
          expect(peak(scope.tasks)).toBeLessThanOrEqual(
            Math.min(most, scope.limit.concurrency ?? Number.POSITIVE_INFINITY),
          );
      }),
    );
  });

  test("in no period more tasks start than limit and burst allow, if no task costs more than the burst", () => {
    fc.assert(
      fc.property(arrivals, limits, slots, (mixed, tried, most) => {
        const tasks = mixed.map((task) => ({ ...task, cost: 1 }));
        for (const scope of scopesOf(tasks, run(tasks, tried, { slots: most }), tried)) {
          const { rate } = scope.limit;
          if (!rate) continue;
          for (const { start } of scope.tasks) {
            const within = scope.tasks.filter(
              (task) => task.start >= start && task.start < start + rate.periodMs,
            );
            expect(within.length).toBeLessThanOrEqual(rate.limit + (rate.burst ?? 1));
          }
        }
      }),
    );
  });

  test("tasks of one key and priority start in the order of their arrival", () => {
    fc.assert(
      fc.property(arrivals, limits, slots, (tasks, tried, most) => {
        const starts = run(tasks, tried, { slots: most });
        const last = new Map<string, number>();
        for (const [at, { key, priority }] of tasks.entries()) {
          const line = `${key} ${priority}`;
          expect(starts[at]).toBeGreaterThanOrEqual(last.get(line) ?? 0);
          last.set(line, starts[at] as number);
        }
      }),
    );
  });

  test("without limits a slot is never free while a task waits", () => {
    fc.assert(
      fc.property(arrivals, slots, (tasks, most) => {
        const starts = run(tasks, {}, { slots: most });
        for (const [at, start] of starts.entries()) {
          if (start === (tasks[at] as Arrival).at) continue;
          // Just before the task started, every slot was in use.
          const busy = starts.filter(
            (other, of) => other < start && other + (tasks[of] as Arrival).runMs >= start,
          );
          expect(busy.length).toBeGreaterThanOrEqual(most);
        }
      }),
    );
  });

  test("without limits and with enough slots no task waits", () => {
    fc.assert(
      fc.property(arrivals, (tasks) => {
        expect(run(tasks)).toEqual(tasks.map(({ at }) => at));
      }),
    );
  });
});
