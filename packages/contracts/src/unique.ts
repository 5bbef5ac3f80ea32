/** How long a task holds its unique key. */
export const UNIQUE_SCOPES = ["waiting", "unfinished", "window"] as const;

/** How long a task holds its unique key: until it runs, until it has ended, or for a time. */
export type UniqueScope = (typeof UNIQUE_SCOPES)[number];

/** What an enqueue does if another task holds the key. */
export const UNIQUE_CONFLICTS = ["existing", "reject", "replace", "debounce", "keepLatest"] as const;

/** What an enqueue does if another task holds its unique key. */
export type UniqueConflict = (typeof UNIQUE_CONFLICTS)[number];

/** The unique key of a task. Of the tasks with the same unique key, only one at a time is accepted (docs/unique.md). */
export interface Unique {
  /** 1 to 128 bytes of UTF-8. It is unique within one queue, and is independent of the option `key` of the task. */
  key: string;
  /**
   * How long the task that was accepted last holds the key. "waiting": until it runs. "unfinished": until it has ended,
   * including all of its retries. "window": for `windowMs` from its enqueue, even after it has completed. A task that
   * was cancelled, expired, died, or was discarded or emptied holds no key. @default "unfinished"
   */
  scope?: UniqueScope | undefined;
  /** The length of the window, ms, 1 to 365 days. Required with the scope "window", refused with any other. */
  windowMs?: number | undefined;
  /**
   * What an enqueue does if another task holds the key. "existing": the receipt names that task, and says
   * `deduplicated`. "reject": the error `unique_conflict` names that task. "replace": that task gets the payload and
   * the options of this enqueue if it still waits; if it runs, the error is `unique_conflict`. "debounce": like
   * "replace", with the scope "waiting". Each enqueue makes that task due `delayMs` from now, but not later than
   * `maxWaitMs` after the first enqueue. "keepLatest": like "replace", with the scope "unfinished" and without a time.
   * If that task runs, one more task waits for its end, and each further enqueue replaces the waiting one. "replace"
   * and "debounce" keep the id, the type and the `key` of the task, and exclude the scope "window". @default "existing"
   */
  onConflict?: UniqueConflict | undefined;
  /**
   * The longest time from the first enqueue to the moment at which the task is due, ms, 1 to 365 days. Required with
   * "debounce", refused without it.
   */
  maxWaitMs?: number | undefined;
}

/** How often enqueues with its unique key replaced a task. Times are milliseconds since the epoch, Redis time. */
export interface Replacements {
  /** How many enqueues replaced the task. */
  count: number;
  /** When the first one did. */
  firstAt: number;
  /** When the last one did. */
  lastAt: number;
  /** The instance of the library that made the last replacement. */
  by: string;
}

/** The unique key of a task as it is shown. */
export interface UniqueView {
  /** The unique key. */
  key: string;
  /** How long the task holds it. */
  scope: UniqueScope;
  /** Null without a window. */
  windowMs: number | null;
  /** What an enqueue with the key does meanwhile. */
  onConflict: UniqueConflict;
  /** Null if the task has no debounce. */
  maxWaitMs: number | null;
  /** Null if no enqueue has replaced the task. */
  replaced: Replacements | null;
  /**
   * The task that was accepted last for the key; null if that task no longer holds the key and the entry was removed.
   */
  holder: string | null;
}
