import { t } from "@lingui/core/macro";
import type { KeyLimits, Limit, QueueLimits, SharedLimitView, TaskKeyView } from "../../api/limits.ts";
import { count } from "../../format/number.ts";

export const UNITS = [
  { unit: "ms", ms: 1, one: () => "ms", many: () => t`milliseconds` },
  { unit: "s", ms: 1_000, one: () => "s", many: () => t`seconds` },
  { unit: "min", ms: 60_000, one: () => "min", many: () => t`minutes` },
  { unit: "h", ms: 3_600_000, one: () => "h", many: () => t`hours` },
  { unit: "d", ms: 86_400_000, one: () => t`day`, many: () => t`days` },
] as const;
export type Unit = (typeof UNITS)[number]["unit"];

/** Splits a duration into a whole number and the largest unit that fits exactly: 90,000 ms are 90 s. */
export function exactSpan(ms: number): { amount: number; unit: Unit } {
  const found = UNITS.findLast((candidate) => ms % candidate.ms === 0) ?? UNITS[0];
  return { amount: ms / found.ms, unit: found.unit };
}

/** Formats a rate: `10 per min`, `100 per 15 min`. */
function perPeriod(limit: number, periodMs: number): string {
  const { amount, unit } = exactSpan(periodMs);
  const { one, many } = UNITS.find((candidate) => candidate.unit === unit) ?? UNITS[0];
  const period = amount === 1 ? one() : `${count(amount)} ${unit === "d" ? many() : one()}`;
  return t`${count(limit)} per ${period}`;
}

const noLimit = () => t`no limit`;

/** Returns the parts of a limit in words. The form, its list of changes and the screen all use these words. */
export function limitParts(limit: Limit | null | undefined) {
  const { concurrency, rate, weight } = limit ?? {};
  const burst = rate?.burst ?? 1;
  return {
    concurrency: concurrency === undefined ? noLimit() : count(concurrency),
    rate:
      rate === undefined
        ? noLimit()
        : `${perPeriod(rate.limit, rate.periodMs)}, ${burst === 1 ? t`evenly spaced` : t`${count(burst)} at once after a rest`}`,
    weight: String(weight ?? 1),
  };
}

/** Formats a limit in one line: `3 at one time, 10 per min, evenly spaced, weight 2`. */
export function limitText(limit: Limit): string {
  const { concurrency, rate, weight } = limitParts(limit);
  const parts = [
    ...(limit.concurrency === undefined ? [] : [t`${concurrency} at one time`]),
    ...(limit.rate === undefined ? [] : [rate]),
    ...(weight === "1" ? [] : [t`weight ${weight}`]),
  ];
  return parts.length === 0 ? noLimit() : parts.join(", ");
}

export interface Change {
  what: string;
  before: string;
  after: string;
}

const PARTS = [
  ["concurrency", () => t`at one time`],
  ["rate", () => t`rate`],
  ["weight", () => t`weight`],
] as const;

/** Lists in words which parts of a limit will change when the user saves. */
export function limitChanges(
  name: string,
  before: Limit | null | undefined,
  after: Limit | undefined,
): Change[] {
  const [old, next] = [limitParts(before), limitParts(after)];
  return PARTS.filter(([part]) => old[part] !== next[part]).map(([part, word]) => ({
    what: `${name}, ${word()}`,
    before: old[part],
    after: next[part],
  }));
}

const WHEN_FULL_TEXT = {
  wait: () => t`a new task waits`,
  "drop-new": () => t`a new task is refused`,
  "cancel-running": () => t`the oldest task is cancelled`,
} as const;

/** Describes the policies for tasks that share a key. */
export function policyParts(limit: KeyLimits | undefined) {
  const { ordered = false, onDead = "continue", whenFull = "wait", maxWaiting } = limit ?? {};
  return {
    order: !ordered
      ? t`a retry lets others go first`
      : onDead === "stop"
        ? t`strict, stops at a dead letter`
        : t`strict, continues after a dead letter`,
    whenFull: WHEN_FULL_TEXT[whenFull](),
    maxWaiting: maxWaiting === undefined ? noLimit() : count(maxWaiting),
  };
}

const POLICY_PARTS = [
  ["order", () => t`order`],
  ["whenFull", () => t`when full`],
  ["maxWaiting", () => t`most waiting`],
] as const;

export const fairText = ({ fairBy = "starts" }: QueueLimits): string =>
  fairBy === "time" ? t`running time` : t`starts`;

/** Lists all differences between two versions of the limits of a queue, in words. */
export function queueLimitsChanges(before: QueueLimits, after: QueueLimits): Change[] {
  const [old, next] = [policyParts(before.key), policyParts(after.key)];
  const policies = POLICY_PARTS.filter(([part]) => old[part] !== next[part]).map(([part, word]) => ({
    what: t`Each key, ${word()}`,
    before: old[part],
    after: next[part],
  }));
  const names = [...new Set([...Object.keys(before.types ?? {}), ...Object.keys(after.types ?? {})])];
  const types = names.flatMap((type) =>
    limitChanges(t`Type ${type}`, before.types?.[type], after.types?.[type]),
  );
  const fair = { what: t`Keys share`, before: fairText(before), after: fairText(after) };
  return [
    ...limitChanges(t`All tasks`, before.queue, after.queue),
    ...limitChanges(t`Each key`, before.key, after.key),
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
  // Each partition of a queue has its own share, so the shares are added up.
  const own = Object.entries(shares)
    .filter(([part]) => part === queue || part.startsWith(`${queue}/`))
    .map(([, share]) => share);
  if (own.length === 0) return null;
  const sum = (of: (share: (typeof own)[number]) => number | undefined) =>
    own.reduce((total, share) => total + (of(share) ?? 0), 0);
  return [
    ...(limit.concurrency === undefined
      ? []
      : [t`${count(sum(({ concurrency }) => concurrency))} at one time`]),
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
