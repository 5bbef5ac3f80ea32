/** How many tasks may start in a period. */
export interface Rate {
  /** Tasks that may start in each period, counted by their `cost`: 1 to 1,000,000. */
  limit: number;
  /** 1 ms to 365 days. */
  periodMs: number;
  /** How many of them may start at once after a rest, 1 to 1,000,000. 1: they start evenly spaced. @default 1 */
  burst?: number | undefined;
}

/** A limit of a queue, of each key of it, or of one key. */
export interface Limit {
  rate?: Rate | undefined;
  /** How many tasks may run at one time, 1 to 1,000,000. */
  concurrency?: number | undefined;
  /** The share of turns, compared with the other keys, 0.001 to 1,000. For the queue: that of the tasks without a key. @default 1 */
  weight?: number | undefined;
}

/** The limits of a queue. They are stored in Redis, and the next task that is granted obeys them. */
export interface QueueLimits {
  /** Of all tasks of the queue together. */
  queue?: Limit | undefined;
  /** Of the tasks of each key. */
  key?: Limit | undefined;
}

/** A key of a queue: what waits, what runs, and what holds it. */
export interface TaskKeyView {
  key: string;
  waiting: number;
  running: number;
  /** Its own limit, in place of that of all keys; null if it has none. */
  limit: Limit | null;
  /** Until when its own limit holds, ms since the epoch; null for ever. */
  limitUntil: number | null;
  /** Until when no task of it is granted, ms since the epoch; null if it is not held. */
  heldUntil: number | null;
  /** Why none of its tasks may start now; null if one may. */
  blockedBy: "hold" | "rate" | "concurrency" | null;
  /** When the next one may start by its hold and its rate, ms since the epoch; null if no time decides. */
  nextAt: number | null;
}

/** The limits of a queue, and what they hold back at one moment. */
export interface LimitsView {
  queue: string;
  /** Redis time, ms since the epoch. */
  at: number;
  limits: QueueLimits;
  /** Tasks that run now. */
  running: number;
  heldUntil: number | null;
  blockedBy: TaskKeyView["blockedBy"];
  nextAt: number | null;
}
