import { expect, test } from "vitest";
import { decodeEnvelope, encodeEnvelope } from "../engine/envelope.ts";
import { decodeRecord } from "../engine/record.ts";
import { recordedOf } from "./recorded.ts";
import { trialOf } from "./try-limits.ts";

/** Makes a task as Redis stores it. @param record in the format of lua/lib/record.lua */
const told = (
  at: number,
  record: string,
  options: Parameters<typeof encodeEnvelope>[3] = {},
  type = "t",
) => ({
  envelope: decodeEnvelope(encodeEnvelope(type, at, "{}", options)),
  record: decodeRecord(record, false),
});
const completed = (ranMs: number, endedAt: number) => `c1 f ${ranMs} ${endedAt} w`;

test("an arrival waits from its enqueue, or from the end of its delay, to its grant", () => {
  const { arrivals } = recordedOf(
    [
      told(100, completed(50, 250), { key: "a", cost: 3, priority: "high" }),
      told(100, completed(50, 1_250), { delayMs: 1_000 }),
      told(100, completed(50, 5_050), { runAt: 4_000 }),
    ],
    [],
    false,
  );
  expect(arrivals).toEqual([
    { at: 100, runMs: 50, key: "a", cost: 3, priority: "high", waited: 100, isRetry: false },
    { at: 1_100, runMs: 50, key: null, cost: 1, priority: "normal", waited: 100, isRetry: false },
    { at: 4_000, runMs: 50, key: null, cost: 1, priority: "normal", waited: 1_000, isRetry: false },
  ]);
});

test("a retry counts as arriving at its grant, and its wait does not count", () => {
  const { arrivals } = recordedOf([told(100, `c2,1 f 10 900 w\n1 0 failed 150 200 w f boom`)], [], false);
  expect(arrivals).toMatchObject([
    { at: 100, runMs: 50, waited: 50, isRetry: false },
    { at: 890, runMs: 10, waited: 0, isRetry: true },
  ]);
});

test("a task that waits gets the mean run time of its type, or of all types", () => {
  const {
    arrivals,
    completed: count,
    waiting,
  } = recordedOf(
    [told(0, completed(10, 10)), told(1, completed(30, 31)), told(2, completed(80, 82), {}, "slow")],
    [told(500, ""), told(501, "", {}, "new")],
    false,
  );
  expect(arrivals.slice(3)).toMatchObject([
    { at: 500, runMs: 20, waited: null },
    { at: 501, runMs: 40, waited: null },
  ]);
  expect([count, waiting]).toEqual([3, 2]);
});

const tenAtOnce = recordedOf(
  Array.from({ length: 10 }, (_, n) => told(1_000, completed(100, 1_100 + 100 * n), { key: "a" })),
  [],
  false,
);

test("a report compares the record with the present limits and the tried ones", async () => {
  const trial = await trialOf({
    ...{ queue: "q", recorded: tenAtOnce, limitsToday: { key: { concurrency: 1 } }, registered: 4 },
    ...{ limits: { key: { concurrency: 2 } }, ownLimits: new Map() },
  });
  expect(trial).toEqual({
    ...{ queue: "q", limits: { key: { concurrency: 2 } }, limitsToday: { key: { concurrency: 1 } } },
    ...{ completed: 10, waiting: 0, isCut: false, firstAt: 1_000, lastAt: 2_000, slots: 4, slotsToKeepUp: 1 },
    recorded: { p50Ms: 400, p95Ms: 900 },
    today: {
      ...{ wait: { p50Ms: 400, p95Ms: 900 }, largestBacklog: 9, backlogAtEnd: 9, peakRunning: 1 },
      slotsNeeded: 1,
    },
    tried: {
      ...{ wait: { p50Ms: 200, p95Ms: 400 }, largestBacklog: 8, backlogAtEnd: 8, peakRunning: 2 },
      slotsNeeded: 2,
    },
  });
});

test("the slots are the given ones, or the slots of the running workers, or as many as tasks ran at one time", async () => {
  const together = recordedOf(
    Array.from({ length: 3 }, () => told(0, completed(100, 100))),
    [],
    false,
  );
  const slots = async (given: number | undefined, registered: number) =>
    (
      await trialOf({
        ...{ queue: "q", recorded: together, limits: {}, limitsToday: {}, ownLimits: new Map() },
        ...{ slots: given, registered },
      })
    ).slots;
  expect([await slots(1, 8), await slots(undefined, 8), await slots(undefined, 0)]).toEqual([1, 8, 3]);
});
