/** A rate limit: how many tasks may start in a period. */
export interface Rate {
  /** How many tasks may start in each period, 1 to 1,000,000. A task counts with its `cost`. */
  limit: number;
  /** The length of the period, 1 ms to 365 days. */
  periodMs: number;
  /** How many tasks may start at once after a pause, 1 to 1,000,000. With 1, starts are evenly spaced. @default 1 */
  burst?: number | undefined;
}

/** A limit of a queue, of each of its keys, or of one key. */
export interface Limit {
  /** How many tasks may start in a period. @default no limit */
  rate?: Rate | undefined;
  /** How many tasks may run at the same time, 1 to 1,000,000. @default no limit */
  concurrency?: number | undefined;
  /**
   * How many tasks the key starts, compared with the other keys, 0.001 to 1,000. The weight of a queue is for its tasks
   * without a key. @default 1
   */
  weight?: number | undefined;
}

/** A limit for all tasks of one type together. It has no weight, because types do not take turns. */
export type TypeLimit = Pick<Limit, "rate" | "concurrency">;

/** What happens to a new task of a full key: one with as many tasks as its concurrency limit allows to run. */
export const WHEN_FULL = ["wait", "drop-new", "cancel-running"] as const;
/** What happens to the next tasks of a key in strict order after one of its tasks has died. */
export const ON_DEAD = ["continue", "stop"] as const;
/** What the keys of a queue share fairly: starts of tasks, or the time that their tasks run. */
export const FAIR_BY = ["starts", "time"] as const;

/** The limit of each key, and rules for the tasks of one key. */
export interface KeyLimits extends Limit {
  /**
   * Strict order: the tasks of a key run in the order in which they were enqueued, and a failed one is retried before
   * the next one starts. Needs `concurrency: 1`. @default false
   */
  ordered?: boolean | undefined;
  /**
   * With `ordered`, what follows when a task has died. "continue": the next task starts. "stop": no task of the key
   * starts until the dead letter is replayed or an operator ends the hold. @default "continue"
   */
  onDead?: (typeof ON_DEAD)[number] | undefined;
  /**
   * What happens to a new task of a full key: one with as many running and waiting tasks as `concurrency` allows to
   * run. Needs `concurrency`. "wait": it waits. "drop-new": it is refused, and its id can be used again.
   * "cancel-running": it is accepted, and the oldest tasks of the key are cancelled. @default "wait"
   */
  whenFull?: (typeof WHEN_FULL)[number] | undefined;
  /** A new task is refused if this many tasks of its key wait already, 1 to 1,000,000. @default no limit */
  maxWaiting?: number | undefined;
}

/** The limits of a queue. They are stored in Redis and apply at once. */
export interface QueueLimits {
  /** The limit of all tasks of the queue together. */
  queue?: Limit | undefined;
  /** The limit of the tasks of each key. */
  key?: KeyLimits | undefined;
  /**
   * Limits by task type: each is for all tasks of the type together, whatever their keys. At most 100 types; not
   * possible in a queue with partitions. Tasks that run when the type gets its first limit are not counted.
   */
  types?: Record<string, TypeLimit> | undefined;
  /**
   * "starts": the keys take turns in starting tasks. "time": the keys share, by their weights, the time that their
   * tasks run.
   * @default "starts"
   */
  fairBy?: (typeof FAIR_BY)[number] | undefined;
}

/** A limit that several queues share. */
export interface SharedLimitView {
  /** The name of the limit. */
  name: string;
  /** What all queues together may use. */
  limit: Limit;
  /** The queues that share the limit. */
  queues: string[];
  /** The share of each queue or partition, by its name. */
  shares: Record<string, LimitShare>;
}

/** The part of a shared limit that one queue or partition may use until the limit is divided again. */
export interface LimitShare {
  /** How many tasks may run at the same time. */
  concurrency?: number;
  /** How many tasks may start in each period of the limit. */
  rate?: number;
}

/** A key of a queue: how many of its tasks wait and run, and why no other one may start. */
export interface TaskKeyView {
  /** The key. */
  key: string;
  /** Pending tasks of the key. */
  waiting: number;
  /** Running tasks of the key. */
  running: number;
  /** The limit of this key, which replaces the limit of all keys; null if it has none. */
  limit: Limit | null;
  /** When the limit of this key ends, ms since the epoch; null: never. */
  limitUntil: number | null;
  /** Until when no task of the key may start, ms since the epoch; null if the key is not held. */
  heldUntil: number | null;
  /** Why no task of the key may start now; null if one may. "stopped": one of its tasks died (`onDead: "stop"`). */
  blockedBy: "hold" | "stopped" | "rate" | "concurrency" | null;
  /**
   * When hold and rate allow the next task of the key to start, ms since the epoch; null if it may start now, or waits
   * for something other than time.
   */
  nextAt: number | null;
}

/** A type with a limit or a hold: how many of its tasks run, and why no other one may start. */
export interface TaskTypeView {
  type: string;
  /** How many tasks run now, without those that started before the type got its limit. */
  running: number;
  /** Until when no task of the type may start, ms since the epoch; null if the type is not held. */
  heldUntil: number | null;
  /** Why no task of the type may start now; null if one may. */
  blockedBy: "hold" | "rate" | "concurrency" | null;
  /**
   * When hold and rate allow the next task of the type to start, ms since the epoch; null if it may start now, or waits
   * for something other than time.
   */
  nextAt: number | null;
}

/** The limits of a queue, and which of them stop tasks at one moment. */
export interface LimitsView {
  /** The name of the queue. */
  queue: string;
  /** When the limits were read, by the clock of Redis, ms since the epoch. */
  at: number;
  /** The limits that are set. */
  limits: QueueLimits;
  /** The types with a limit or a hold. */
  types: TaskTypeView[];
  /** Limits that the queue shares with other queues. */
  shared: SharedLimitView[];
  /** How many tasks run now. */
  running: number;
  /** Until when no task of the queue may start, ms since the epoch; null if the queue is not held. */
  heldUntil: number | null;
  /** Why no task of the queue may start now; null if one may. "shared": the share of a shared limit is used up. */
  blockedBy: TaskKeyView["blockedBy"] | "shared";
  /**
   * When hold and rate allow the next task to start, ms since the epoch; null if it may start now, or waits for
   * something other than time.
   */
  nextAt: number | null;
}
