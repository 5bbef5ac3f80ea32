// Compares the simulation of limits (`limits try`) with the scripts: the same tasks have to start at the same times.
import type { Limit, QueueLimits } from "@holdfast/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { changeKey, setLimits } from "../src/engine/limits.ts";
import { type Arrival, simulate } from "../src/trial/simulate.ts";
import { setup } from "./support/setup.ts";

const arrivalsOf = (key: fc.Arbitrary<string | null>, cost: fc.Arbitrary<number>) =>
  fc
    .array(
      fc.record({
        at: fc.integer({ min: 0, max: 200 }),
        runMs: fc.integer({ min: 1, max: 60 }),
        key,
        cost,
        priority: fc.constantFrom("high" as const, "normal" as const, "low" as const),
      }),
      { minLength: 20, maxLength: 40 },
    )
    .map((tasks) => tasks.sort((a, b) => a.at - b.at));
// The interval is a multiple of 10 ms. So all times are whole milliseconds, and rounding makes no difference.
const rate = fc
  .record({
    limit: fc.integer({ min: 5, max: 20 }),
    intervalMs: fc.constantFrom(10, 20, 30),
    burst: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ intervalMs, ...rest }) => ({ ...rest, periodMs: rest.limit * intervalMs }));
const limit = fc.record(
  {
    concurrency: fc.integer({ min: 1, max: 3 }),
    rate,
    weight: fc.constantFrom(0.5, 1, 2),
  },
  { requiredKeys: [] },
) as fc.Arbitrary<Limit>;
const limits = fc.record({ queue: limit, key: limit }, { requiredKeys: [] }) as fc.Arbitrary<QueueLimits>;

/** Runs the tasks with the real scripts, millisecond by millisecond. @returns when each task starts */
async function inRedis(
  tasks: readonly Arrival[],
  tried: QueueLimits,
  own: Limit | undefined,
  slots: number,
): Promise<number[]> {
  const q = await setup();
  await setLimits(q.engine, tried);
  if (own) await changeKey(q.engine, { key: "c" }, { limit: own });
  const startedAt = q.now;
  const starts = new Map<number, number>();
  let running: { id: string; fence: string; endsAt: number }[] = [];
  for (let next = 0; starts.size < tasks.length; q.advance(1)) {
    const now = q.now - startedAt;
    for (const grant of running.filter(({ endsAt }) => endsAt <= now)) await q.ack(grant);
    running = running.filter(({ endsAt }) => endsAt > now);
    // Promotes in every millisecond. Otherwise only the next acquire would notice that the rate of a key allows its
    // next task.
    await q.engine.promote(100);
    for (let task = tasks[next]; task && task.at <= now; task = tasks[++next]) {
      const { key, cost, priority } = task;
      await q.add(String(next), { ...(key === null ? {} : { key }), cost, priority });
    }
    while (running.length < slots) {
      const { grants, again } = await q.acquire(1);
      for (const { id, fence } of grants) {
        starts.set(Number(id), now);
        running.push({ id, fence, endsAt: now + (tasks[Number(id)] as Arrival).runMs });
      }
      if (grants.length === 0 && !again) break;
    }
  }
  return tasks.map((_, at) => starts.get(at) as number);
}

const slots = fc.integer({ min: 1, max: 5 });

async function compare(
  tasks: readonly Arrival[],
  tried: QueueLimits,
  own: Limit | undefined,
  most: number,
): Promise<void> {
  const ownLimits = new Map(own ? [["c", own]] : []);
  const simulated = [...simulate({ arrivals: tasks, limits: tried, ownLimits, slots: most })];
  expect(simulated).toEqual(await inRedis(tasks, tried, own, most));
}

test("a simulation starts each task of several keys when the scripts grant it (property)", async () => {
  const arrivals = arrivalsOf(fc.constantFrom(null, "a", "b", "c"), fc.constant(1));
  const own = fc.option(limit, { nil: undefined });
  await fc.assert(fc.asyncProperty(arrivals, limits, own, slots, compare), {
    numRuns: 25,
    endOnFailure: true,
  });
}, 60_000);

// There is only one key here. With several keys, one that is refused because of the cost may get its turn at another
// time than in the simulation.
test("a simulation starts each task of any cost when the scripts grant it (property)", async () => {
  const arrivals = arrivalsOf(fc.constant("a"), fc.constantFrom(1, 1, 3, 8));
  await fc.assert(fc.asyncProperty(arrivals, limits, fc.constant(undefined), slots, compare), {
    numRuns: 10,
  });
}, 60_000);
