import type { Limit } from "@holdfast/contracts";
import type { Share } from "../engine/shared-limits.ts";

/** What a queue or partition could use of a shared limit. */
export interface Demand {
  running: number;
  waiting: number;
  /** How many tasks recently started in each period of the limit. */
  starts: number;
}

// A queue without waiting tasks gets this many times the rate at which it recently started tasks.
const RESERVE = 1.5;

/**
 * Divides a whole number by max-min fairness: everybody gets what they want while the number lasts, and nobody gets
 * more than somebody else who wants more. What is left over is divided equally, so that a queue without tasks can start
 * its first ones before the next division.
 */
export function divide(amount: number, wants: readonly number[]): number[] {
  const shares = wants.map(() => 0);
  const order = wants.map((_, place) => place).sort((a, b) => (wants[a] as number) - (wants[b] as number));
  let left = amount;
  order.forEach((place, done) => {
    const share = Math.min(wants[place] as number, Math.floor(left / (order.length - done)));
    shares[place] = share;
    left -= share;
  });
  const isServed = order.every((place) => (shares[place] as number) >= (wants[place] as number));
  const more = isServed ? Math.floor(left / order.length) : 0;
  left -= more * order.length;
  // A remainder that cannot be divided equally goes to those who want most.
  for (const place of order.reverse())
    shares[place] = (shares[place] as number) + more + (left-- > 0 ? 1 : 0);
  return shares;
}

/**
 * Returns the field of the limit that is too low to be divided, and the lowest value that would be enough; undefined if
 * there is none. Each queue or partition has to get at least one task.
 */
export function lacking(
  { concurrency, rate }: Limit,
  parts: number,
): { field: string; least: number } | undefined {
  if (concurrency !== undefined && concurrency < parts) return { field: "concurrency", least: parts };
  // Each share has a burst of at least 1, which is taken from the rate.
  if (rate !== undefined && parts > 1 && rate.limit < 2 * parts)
    return { field: "rate.limit", least: 2 * parts };
  return undefined;
}

/** Computes the shares of a limit, from what each queue or partition could use. */
export function deal(limit: Limit, demands: readonly Demand[]): Share[] {
  const { concurrency, rate } = limit;
  const shares: Share[] = demands.map(() => ({}));
  if (concurrency !== undefined) {
    const wants = demands.map(({ running, waiting }) => Math.max(1, running + waiting));
    divide(concurrency, wants).forEach((share, place) => {
      (shares[place] as Share).concurrency = share;
    });
  }
  if (rate !== undefined) {
    const { limit: starts, burst = 1 } = rate;
    const each = Math.max(1, Math.floor(burst / demands.length));
    // In one period, limit + burst tasks may start. If the bursts of all shares together are more than the burst of the
    // limit, the difference is taken from the rate.
    const total = Math.min(starts, starts + burst - each * demands.length);
    const wants = demands.map((demand) =>
      demand.waiting > 0 ? total : Math.min(total, Math.max(1, Math.ceil(demand.starts * RESERVE))),
    );
    divide(total, wants).forEach((share, place) => {
      Object.assign(shares[place] as Share, { rate: share, burst: each });
    });
  }
  return shares;
}

/**
 * Returns the new share, but with no field higher than in the present share. A queue without a share gets nothing at
 * first, and its running tasks count.
 */
export function lowered(own: Share | undefined, target: Share): Share {
  const { concurrency, rate, burst } = target;
  return {
    ...(concurrency === undefined
      ? {}
      : { concurrency: own ? Math.min(own.concurrency ?? concurrency, concurrency) : 0 }),
    ...(rate === undefined ? {} : { rate: own ? Math.min(own.rate ?? 0, rate) : 0, burst: burst ?? 1 }),
  };
}

export interface Lowered {
  share: Share;
  /** How many tasks of the queue were running when its share was lowered. */
  running: number;
}

/**
 * Raises shares to their new values, as far as the lowered shares leave room.
 * @param free how many tasks may run, without those of queues that could not be reached
 */
export function raised(free: number, parts: readonly Lowered[], targets: readonly Share[]): Share[] {
  const heldBy = ({ share, running }: Lowered) => Math.max(share.concurrency ?? 0, running);
  let freeTasks = free - parts.reduce((sum, part) => sum + heldBy(part), 0);
  let freeRate = parts.reduce(
    (sum, { share }, place) => sum + (targets[place]?.rate ?? 0) - (share.rate ?? 0),
    0,
  );
  return parts.map((part, place) => {
    const { share, running } = part;
    const target = targets[place] as Share;
    const after: Share = {};
    if (target.concurrency !== undefined) {
      const before = heldBy(part);
      // Running tasks are counted already, so raising a share up to their number takes nothing from the others.
      after.concurrency = Math.min(
        target.concurrency,
        Math.max(share.concurrency ?? 0, before + Math.max(0, freeTasks)),
      );
      after.held = Math.max(after.concurrency, running);
      freeTasks -= after.held - before;
    }
    if (target.rate !== undefined) {
      const before = share.rate ?? 0;
      after.rate = Math.min(target.rate, before + Math.max(0, freeRate));
      after.burst = target.burst ?? 1;
      freeRate -= after.rate - before;
    }
    return after;
  });
}

// A higher rate is worth a new division only if it is at least this many times as high.
const WORTH = 1.05;

/** Returns whether a queue with waiting tasks would get more by the new shares. */
export function isBetter(
  before: readonly (Share | undefined)[],
  after: readonly Share[],
  demands: readonly Demand[],
): boolean {
  return demands.some(({ waiting }, place) => {
    const [old, fresh] = [before[place], after[place]];
    if (!old || !fresh) return true;
    if (waiting === 0) return false;
    return (fresh.concurrency ?? 0) > (old.concurrency ?? 0) || (fresh.rate ?? 0) > (old.rate ?? 0) * WORTH;
  });
}
