/** How long a task holds its unique key: until it runs, until it has ended, or for a time. */
export const UNIQUE_SCOPES = ["waiting", "unfinished", "window"] as const;

/** How long a task holds its unique key: until it runs, until it has ended, or for a time. */
export type UniqueScope = (typeof UNIQUE_SCOPES)[number];

/** What an enqueue does if another task holds its unique key. */
export const UNIQUE_CONFLICTS = ["existing", "reject", "replace", "debounce", "keepLatest"] as const;

/** What an enqueue does if another task holds its unique key. */
export type UniqueConflict = (typeof UNIQUE_CONFLICTS)[number];

/**
 * The unique key of a task: while a task holds it, no other task with the same unique key is accepted (docs/unique.md).
 */
export interface Unique {
  /**
   * The unique key, 1 to 128 bytes of UTF-8. It is unique within one queue, and has nothing to do with the option
   * `key`.
   */
  key: string;
  /**
   * How long a task holds the key. "waiting": until it runs. "unfinished": until it has ended, including all retries.
   * "window": for `windowMs` from its enqueue, even after it has completed. A task that was cancelled, expired, died,
   * or was discarded or emptied does not hold the key. @default "unfinished"
   */
  scope?: UniqueScope | undefined;
  /**
   * How long a task holds the key, ms, 1 to 365 days. Required with the scope "window", refused with any other scope.
   */
  windowMs?: number | undefined;
  /**
   * What an enqueue does if another task, the holder, has the key. "existing": the receipt has the id of the holder and
   * says `deduplicated`. "reject": the error `unique_conflict` has the id of the holder. "replace": a waiting holder
   * gets the payload and the options of this enqueue; a running one causes `unique_conflict`. "debounce": like
   * "replace" with the scope "waiting", and the holder becomes due `delayMs` from now, but at most `maxWaitMs` after
   * the first enqueue. "keepLatest": like "replace" with the scope "unfinished"; if the holder runs, one more task
   * waits for its end, and later enqueues replace that one. "replace" and "debounce" keep the id, the type and the
   * `key` of the holder, and cannot have the scope "window". @default "existing"
   */
  onConflict?: UniqueConflict | undefined;
  /**
   * With "debounce": the longest time from the first enqueue until the task is due, ms, 1 to 365 days. Required with
   * "debounce", refused without it.
   */
  maxWaitMs?: number | undefined;
}

/**
 * How often a task was replaced by enqueues with its unique key. Times are milliseconds since the epoch, by the clock
 * of Redis.
 */
export interface Replacements {
  /** How many enqueues replaced the task. */
  count: number;
  /** When the task was first replaced. */
  firstAt: number;
  /** When the task was last replaced. */
  lastAt: number;
  /** The instance of the library that replaced the task last. */
  by: string;
}

/** The unique key of a task, for display. */
export interface UniqueView {
  /** The unique key. */
  key: string;
  /** How long the task holds the key. */
  scope: UniqueScope;
  /** The length of the window, ms; null for another scope. */
  windowMs: number | null;
  /** What an enqueue does while the task holds the key. */
  onConflict: UniqueConflict;
  /** The longest time until the task is due, ms; null without debounce. */
  maxWaitMs: number | null;
  /** How often the task was replaced; null if it never was. */
  replaced: Replacements | null;
  /** The id of the task that was last accepted with this key; null if that task does not hold the key any more. */
  holder: string | null;
}
