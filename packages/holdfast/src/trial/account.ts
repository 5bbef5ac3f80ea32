import type { Limit } from "@holdfast/contracts";
import { RATE_LATE } from "../engine/format.ts";

/** A limit in the form that lua/lib/accounts.lua computes with. */
export interface Terms {
  concurrency: number;
  intervalMs: number;
  aheadMs: number;
  burst: number;
  /** How much each grant adds to the turn of a key. The key with the lowest turn is next. */
  step: number;
}

export function termsOf({ concurrency, rate, weight = 1 }: Limit = {}): Terms {
  const intervalMs = rate ? rate.periodMs / rate.limit : 0;
  const burst = rate ? (rate.burst ?? 1) : Number.POSITIVE_INFINITY;
  return {
    concurrency: concurrency ?? Number.POSITIVE_INFINITY,
    intervalMs,
    aheadMs: rate ? (burst - 1 + RATE_LATE) * intervalMs : 0,
    burst,
    step: 1 / weight,
  };
}

/** The account of a key or of the queue, as in lua/lib/accounts.lua: running tasks, turn and rate. */
export interface Account {
  terms: Terms;
  running: number;
  turn: number;
  tat: number;
  /** True for a key with its own limit, whose account is kept while the key has no tasks. */
  isKept: boolean;
}

export const newAccount = (terms: Terms, isKept: boolean): Account => ({
  terms,
  running: 0,
  turn: 0,
  tat: 0,
  isKept,
});

/** Returns when the rate allows a task of this cost to start. */
export function allowedAt({ terms, tat }: Account, cost: number, now: number): number {
  if (terms.intervalMs === 0) return now;
  return Math.ceil(Math.max(tat, now) + (Math.min(cost, terms.burst) - 1) * terms.intervalMs - terms.aheadMs);
}

/** Counts the cost of a task in the rate. */
export function charge(account: Account, cost: number, now: number): void {
  const { intervalMs } = account.terms;
  if (intervalMs > 0) account.tat = Math.max(account.tat, now) + cost * intervalMs;
}

/**
 * Returns the turn of a key (lua/lib/accounts.lua). A key without an account begins as if it had just had a grant.
 * @param current the turn of the task that was granted last
 */
export function turnOf({ turn, terms }: Account, current: number): number {
  return turn > 0 ? Math.max(turn, current) : current + terms.step;
}

/** Returns when an account without running tasks can be deleted; undefined if it cannot. */
export function forgottenAt({ running, tat, isKept }: Account): number | undefined {
  return running === 0 && !isKept ? Math.ceil(tat) : undefined;
}
