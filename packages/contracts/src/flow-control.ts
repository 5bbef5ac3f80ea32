/** How many tasks may start in a period. */
export interface Rate {
  /** Tasks that may start in each period, counted by their `cost`: 1 to 1,000,000. */
  limit: number;
  /** 1 ms to 365 days. */
  periodMs: number;
  /**
   * How many tasks may start at once after a time without starts, 1 to 1,000,000. 1: tasks start evenly spaced.
   * @default 1
   */
  burst?: number | undefined;
}

/** A limit of a queue, of each key of it, or of one key. */
export interface Limit {
  /** How many tasks may start in a period. @default no limit */
  rate?: Rate | undefined;
  /** How many tasks may run at one time, 1 to 1,000,000. */
  concurrency?: number | undefined;
  /**
   * How many turns the key gets, compared with the other keys, 0.001 to 1,000. The weight of the queue is for the tasks
   * without a key. @default 1
   */
  weight?: number | undefined;
}

/** A limit of all tasks of one type together. Types do not take turns, so the limit has no weight. */
export type TypeLimit = Pick<Limit, "rate" | "concurrency">;

/** What happens to a new task whose key has as many tasks as may run. */
export const WHEN_FULL = ["wait", "drop-new", "cancel-running"] as const;
/** What happens to the next tasks of a key in strict order after one of its tasks died. */
export const ON_DEAD = ["continue", "stop"] as const;
/** What the keys of a queue share: starts of tasks, or the time that they run. */
export const FAIR_BY = ["starts", "time"] as const;

/** The limit of each key, and how the tasks of a key follow one another. */
export interface KeyLimits extends Limit {
  /**
   * A task that failed keeps its place, and the tasks behind it wait for its retry. Needs `concurrency: 1`. @default
   * false
   */
  ordered?: boolean | undefined;
  /**
   * With `ordered`. "stop": no task of the key starts until the dead letter is replayed or the hold is ended. @default
   * "continue"
   */
  onDead?: (typeof ON_DEAD)[number] | undefined;
  /**
   * Needs `concurrency`. "wait": the new task waits. "drop-new": it is refused, and its id is not kept.
   * "cancel-running": it is accepted, and the oldest tasks of the key are cancelled. @default "wait"
   */
  whenFull?: (typeof WHEN_FULL)[number] | undefined;
  /** A new task is refused if this many tasks of its key wait, 1 to 1,000,000. @default no limit */
  maxWaiting?: number | undefined;
}

/** The limits of a queue. They are stored in Redis, and the next task that is granted obeys them. */
export interface QueueLimits {
  /** The limit of all tasks of the queue together. */
  queue?: Limit | undefined;
  /** The limit of the tasks of each key. */
  key?: KeyLimits | undefined;
  /**
   * By type: the limit of all tasks of that type together, whatever their keys. At most 100 types; a queue with
   * partitions takes none. Tasks that run already when a type gets its first limit are not counted.
   */
  types?: Record<string, TypeLimit> | undefined;
  /**
   * "time": the keys share the time that their tasks run, as their weights say, and not the number of starts. @default
   * "starts"
   */
  fairBy?: (typeof FAIR_BY)[number] | undefined;
}

/** A limit that several queues share. */
export interface SharedLimitView {
  /** The name of the limit. */
  name: string;
  /** What all queues together may use. */
  limit: Limit;
  /** The queues that share it. */
  queues: string[];
  /** What each queue, or each partition of a queue, may use now, by name. */
  shares: Record<string, LimitShare>;
}

/** The part of a shared limit that a queue may use until the limit is divided again. */
export interface LimitShare {
  /** How many tasks may run at one time. */
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
  /** The limit of this key, in place of the limit of all keys; null if the key has no limit of its own. */
  limit: Limit | null;
  /** Until when that limit holds, ms since the epoch; null for ever. */
  limitUntil: number | null;
  /** Until when no task of the key is granted, ms since the epoch; null if the key is not held. */
  heldUntil: number | null;
  /** Why no task of the key may start now; null if one may. "stopped": one of its tasks died (`onDead: "stop"`). */
  blockedBy: "hold" | "stopped" | "rate" | "concurrency" | null;
  /**
   * When hold and rate allow the next task of the key to start, ms since the epoch; null if that does not depend on
   * time.
   */
  nextAt: number | null;
}

/** A type with a limit or a hold: how many of its tasks run, and why no other one may start. */
export interface TaskTypeView {
  type: string;
  /** Running tasks that started after the type got its limit. */
  running: number;
  /** Until when no task of the type is granted, ms since the epoch; null if the type is not held. */
  heldUntil: number | null;
  /** Why no task of the type may start now; null if one may. */
  blockedBy: "hold" | "rate" | "concurrency" | null;
  /**
   * When hold and rate allow the next task of the type to start, ms since the epoch; null if that does not depend on
   * time.
   */
  nextAt: number | null;
}

/** The limits of a queue, and why no task may start at one moment. */
export interface LimitsView {
  /** The name of the queue. */
  queue: string;
  /** Redis time, ms since the epoch. */
  at: number;
  /** The limits that are set. */
  limits: QueueLimits;
  /** The types that have a limit, or are held. */
  types: TaskTypeView[];
  /** Limits that the queue shares with other queues. */
  shared: SharedLimitView[];
  /** Tasks that run now. */
  running: number;
  /** Until when no task of the queue is granted, ms since the epoch; null if the queue is not held. */
  heldUntil: number | null;
  /** "shared": the share of the queue in a shared limit is used up. */
  blockedBy: TaskKeyView["blockedBy"] | "shared";
  /** When hold and rate allow the next task to start, ms since the epoch; null if that does not depend on time. */
  nextAt: number | null;
}
