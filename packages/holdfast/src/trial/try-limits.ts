import { setImmediate } from "node:timers/promises";
import { HoldfastError, type Limit, type LimitsTrial, type QueueLimits } from "@holdfast/contracts";
import type { Holdfast } from "../client.ts";
import { KEYS_PER_CALL, readKeys } from "../engine/limits.ts";
import { workersOf } from "../observer/workers.ts";
import type { Parts } from "../partitions/parts.ts";
import { measure, peakOf, peakRunning, waitTimes } from "./measure.ts";
import { type Recorded, readRecorded } from "./recorded.ts";
import { simulate } from "./simulate.ts";

/** Returns the keys of these tasks that have a limit of their own, with that limit. */
async function ownLimitsOf(parts: Parts, { arrivals }: Recorded): Promise<Map<string, Limit>> {
  const byPlace = new Map<number, string[]>();
  for (const key of new Set(arrivals.map(({ key }) => key))) {
    if (key === null) continue;
    const place = parts.placeOfKey(key);
    byPlace.set(place, [...(byPlace.get(place) ?? []), key]);
  }
  const own = new Map<string, Limit>();
  for (const [place, keys] of byPlace) {
    const { engine } = parts.all[place] as Parts["all"][number];
    for (let from = 0; from < keys.length; from += KEYS_PER_CALL) {
      const page = await readKeys(engine, { keys: keys.slice(from, from + KEYS_PER_CALL) });
      for (const { key, limit } of page.keys) if (limit) own.set(key, limit);
    }
  }
  return own;
}

/** Returns how many slots the running workers of the queue have together. */
async function slotsOf(client: Holdfast, queue: string): Promise<number> {
  const workers = await workersOf(client, false);
  return workers
    .filter(({ state, queues }) => state === "running" && queues.includes(queue))
    .reduce((sum, { slots }) => sum + slots, 0);
}

/**
 * Simulates the recorded tasks of a queue under its present limits and under others.
 * @param today the limits that the queue has now
 * @param slots the slots of the workers @default the slots of the running workers, but at least as many as the recorded
 * tasks that ran at the same time
 * @throws HoldfastError conflict if the queue keeps no completed task
 */
export async function tryLimits(
  client: Holdfast,
  parts: Parts,
  { limits, today, slots }: { limits: QueueLimits; today: QueueLimits; slots?: number | undefined },
): Promise<LimitsTrial> {
  const { queue } = parts;
  const [recorded, registered] = await Promise.all([readRecorded(parts), slotsOf(client, queue)]);
  if (recorded.completed === 0)
    throw new HoldfastError(
      "conflict",
      `queue "${queue}" keeps no completed task to replay: let some tasks complete first, or keep them longer (retentionMs, retentionCount)`,
    );
  const ownLimits = await ownLimitsOf(parts, recorded);
  return trialOf({ queue, recorded, limits, limitsToday: today, ownLimits, slots, registered });
}

interface TrialInput {
  queue: string;
  recorded: Recorded;
  limits: QueueLimits;
  limitsToday: QueueLimits;
  ownLimits: ReadonlyMap<string, Limit>;
  slots?: number | undefined;
  registered: number;
}

/** Makes the report of a trial from recorded tasks. */
export async function trialOf(input: TrialInput): Promise<LimitsTrial> {
  const { queue, recorded, limits, limitsToday, ownLimits, registered } = input;
  const { arrivals, completed, waiting, isCut, endedAt } = recorded;
  const ran = arrivals.flatMap(({ at, runMs, waited }) =>
    waited === null ? [] : [{ start: at + waited, end: at + waited + runMs, runMs }],
  );
  const peak = peakOf(
    ran.map(({ start }) => start),
    ran.map(({ end }) => end),
  );
  const slots = input.slots ?? Math.max(1, registered, peak);
  const firstAt = arrivals[0]?.at ?? 0;
  const lastAt = Math.max(endedAt, arrivals.at(-1)?.at ?? 0);
  const worked = ran.reduce((sum, { runMs }) => sum + runMs, 0);
  const under = async (tried: QueueLimits) => {
    const run = async (most: number) => {
      // A simulation of 20,000 tasks blocks the process for about 50 ms, so other work is done before it.
      await setImmediate();
      return simulate({ arrivals, limits: tried, ownLimits, slots: most });
    };
    const slotsNeeded = peakRunning(arrivals, await run(Number.POSITIVE_INFINITY));
    return measure(arrivals, await run(slots), slotsNeeded);
  };
  return {
    queue,
    limits,
    limitsToday,
    completed,
    waiting,
    isCut,
    firstAt,
    lastAt,
    slots,
    slotsToKeepUp: Math.max(1, Math.ceil(worked / Math.max(1, endedAt - firstAt))),
    recorded: waitTimes(
      arrivals.flatMap(({ waited, isRetry }) => (waited === null || isRetry ? [] : [waited])),
    ),
    today: await under(limitsToday),
    tried: await under(limits),
  };
}
