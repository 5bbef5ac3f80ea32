import type { KeyLimits, Limit, QueueLimits, SharedLimitView, TaskKeyView } from "../../api/limits.ts";
import { count } from "../../format/number.ts";

export const UNITS = [
  { unit: "ms", ms: 1, one: "ms", many: "milliseconds" },
  { unit: "s", ms: 1_000, one: "s", many: "seconds" },
  { unit: "min", ms: 60_000, one: "min", many: "minutes" },
  { unit: "h", ms: 3_600_000, one: "h", many: "hours" },
  { unit: "d", ms: 86_400_000, one: "day", many: "days" },
] as const;
export type Unit = (typeof UNITS)[number]["unit"];

/** Splits a time into a whole number and a unit, the largest one that is exact: 90,000 ms are 90 s. */
export function exactSpan(ms: number): { amount: number; unit: Unit } {
  const found = UNITS.findLast((candidate) => ms % candidate.ms === 0) ?? UNITS[0];
  return { amount: ms / found.ms, unit: found.unit };
}

/** Writes a rate: `10 per min`, `100 per 15 min`. */
function perPeriod(limit: number, periodMs: number): string {
  const { amount, unit } = exactSpan(periodMs);
  const word = UNITS.find((candidate) => candidate.unit === unit)?.one ?? unit;
  return `${count(limit)} per ${amount === 1 ? word : `${count(amount)} ${word === "day" ? "days" : word}`}`;
}

const NO_LIMIT = "no limit";

/** Returns the parts of a limit in words. The form, its list of changes and the screen all use these words. */
export function limitParts(limit: Limit | null | undefined) {
  const { concurrency, rate, weight } = limit ?? {};
  const burst = rate?.burst ?? 1;
  return {
    concurrency: concurrency === undefined ? NO_LIMIT : count(concurrency),
    rate:
      rate === undefined
        ? NO_LIMIT
        : `${perPeriod(rate.limit, rate.periodMs)}, ${burst === 1 ? "evenly spaced" : `${count(burst)} at once after a rest`}`,
    weight: String(weight ?? 1),
  };
}

/** Writes a limit in one line: `3 at one time, 10 per min, evenly spaced, weight 2`. */
export function limitText(limit: Limit): string {
  const { concurrency, rate, weight } = limitParts(limit);
  const parts = [
    ...(concurrency === NO_LIMIT ? [] : [`${concurrency} at one time`]),
    ...(rate === NO_LIMIT ? [] : [rate]),
    ...(weight === "1" ? [] : [`weight ${weight}`]),
  ];
  return parts.length === 0 ? NO_LIMIT : parts.join(", ");
}

export interface Change {
  what: string;
  before: string;
  after: string;
}

const PARTS = [
  ["concurrency", "at one time"],
  ["rate", "rate"],
  ["weight", "weight"],
] as const;

/** Lists the parts of a limit that a save will change, in words. */
export function limitChanges(
  name: string,
  before: Limit | null | undefined,
  after: Limit | undefined,
): Change[] {
  const [old, next] = [limitParts(before), limitParts(after)];
  return PARTS.filter(([part]) => old[part] !== next[part]).map(([part, word]) => ({
    what: `${name}, ${word}`,
    before: old[part],
    after: next[part],
  }));
}

const WHEN_FULL_TEXT = {
  wait: "a new task waits",
  "drop-new": "a new task is refused",
  "cancel-running": "the oldest task is cancelled",
} as const;

/** Returns the policies for the tasks of each key in words. */
export function policyParts(limit: KeyLimits | undefined) {
  const { ordered = false, onDead = "continue", whenFull = "wait", maxWaiting } = limit ?? {};
  return {
    order: ordered
      ? `strict, ${onDead === "stop" ? "stops at" : "continues after"} a dead letter`
      : "a retry lets others go first",
    whenFull: WHEN_FULL_TEXT[whenFull],
    maxWaiting: maxWaiting === undefined ? NO_LIMIT : count(maxWaiting),
  };
}

const POLICY_PARTS = [
  ["order", "order"],
  ["whenFull", "when full"],
  ["maxWaiting", "most waiting"],
] as const;

export const fairText = ({ fairBy = "starts" }: QueueLimits): string =>
  fairBy === "time" ? "running time" : "starts";

/** Lists all differences between two versions of the limits of a queue, in words. */
export function queueLimitsChanges(before: QueueLimits, after: QueueLimits): Change[] {
  const [old, next] = [policyParts(before.key), policyParts(after.key)];
  const policies = POLICY_PARTS.filter(([part]) => old[part] !== next[part]).map(([part, word]) => ({
    what: `Each key, ${word}`,
    before: old[part],
    after: next[part],
  }));
  const names = [...new Set([...Object.keys(before.types ?? {}), ...Object.keys(after.types ?? {})])];
  const types = names.flatMap((type) =>
    limitChanges(`Type ${type}`, before.types?.[type], after.types?.[type]),
  );
  const fair = { what: "Keys share", before: fairText(before), after: fairText(after) };
  return [
    ...limitChanges("All tasks", before.queue, after.queue),
    ...limitChanges("Each key", before.key, after.key),
    ...policies,
    ...types,
    ...(fair.before === fair.after ? [] : [fair]),
  ];
}

/**
 * Returns the part of a shared limit that a queue may use now, such as `5 at one time, 30 per min`, or null if the
 * limit was not divided yet.
 */
export function shareText({ limit, shares }: SharedLimitView, queue: string): string | null {
  // Each partition of a queue has a share of its own.
  const own = Object.entries(shares)
    .filter(([part]) => part === queue || part.startsWith(`${queue}/`))
    .map(([, share]) => share);
  if (own.length === 0) return null;
  const sum = (of: (share: (typeof own)[number]) => number | undefined) =>
    own.reduce((total, share) => total + (of(share) ?? 0), 0);
  return [
    ...(limit.concurrency === undefined
      ? []
      : [`${count(sum(({ concurrency }) => concurrency))} at one time`]),
    ...(limit.rate === undefined
      ? []
      : [
          perPeriod(
            sum(({ rate }) => rate),
            limit.rate.periodMs,
          ),
        ]),
  ].join(", ");
}

/** Returns the limit that applies to a key: its own, or the limit for all keys. */
export const limitOfKey = (key: TaskKeyView, limits: QueueLimits): Limit | undefined =>
  key.limit ?? limits.key;
