/** How long a task holds its unique key. */
export const UNIQUE_SCOPES = ["waiting", "unfinished", "window"] as const;
export type UniqueScope = (typeof UNIQUE_SCOPES)[number];

/** What an enqueue does if another task holds the key. */
export const UNIQUE_CONFLICTS = ["existing", "reject", "replace", "debounce", "keepLatest"] as const;
export type UniqueConflict = (typeof UNIQUE_CONFLICTS)[number];

/** The unique key of a task: of the tasks with one key, only one at a time is accepted (docs/unique.md). */
export interface Unique {
  /** 1 to 128 bytes of UTF-8. It holds within one queue, and has nothing to do with the option `key` of the task. */
  key: string;
  /**
   * How long the task that was accepted last holds the key. "waiting": until it runs. "unfinished": until it has ended, over all of its
   * retries. "window": for `windowMs` from its enqueue, also after it has completed. A task that was cancelled, expired, died, or was
   * discarded or emptied holds no key. @default "unfinished"
   */
  scope?: UniqueScope | undefined;
  /** The length of the window, ms, 1 to 365 days. With the scope "window", and only with it. */
  windowMs?: number | undefined;
  /**
   * "existing": the receipt names the task that holds the key, and says `deduplicated`. "reject": `unique_conflict`, and the error names
   * that task. "replace": the task that holds the key gets the payload and the options of this enqueue, if it still waits; if it runs,
   * `unique_conflict`. "debounce": like "replace", with the scope "waiting": each enqueue moves the task to its `delayMs` from now, but not
   * behind `maxWaitMs` from the first one. "replace" and "debounce" keep the id, the type and the `key` of the task, and do not go with the
   * scope "window". "keepLatest": like "replace", with the scope "unfinished" and without a time; if the task runs, one more task waits for its
   * end, and each further enqueue replaces that one. @default "existing"
   */
  onConflict?: UniqueConflict | undefined;
  /** The longest time from the first enqueue to the moment at which the task is due, ms, 1 to 365 days. With "debounce", and only with it. */
  maxWaitMs?: number | undefined;
}

/** How often a task was replaced by enqueues with its unique key. Times are milliseconds since the epoch, Redis time. */
export interface Replacements {
  count: number;
  firstAt: number;
  lastAt: number;
  /** The instance of the library that replaced it last. */
  by: string;
}

/** The unique key of a task as it is shown. */
export interface UniqueView {
  key: string;
  scope: UniqueScope;
  /** Null without a window. */
  windowMs: number | null;
  onConflict: UniqueConflict;
  /** Null without a debounce. */
  maxWaitMs: number | null;
  /** Null if no enqueue has replaced the task. */
  replaced: Replacements | null;
  /** The task that was accepted last for the key; null if it holds the key no more and its entry was removed. */
  holder: string | null;
}
