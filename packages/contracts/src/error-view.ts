/** Who muted an error, and until when. */
export interface ErrorMute {
  /** The person or program that muted it. */
  by: string;
  /** Milliseconds since the epoch, as are all times here. */
  at: number;
  /** The time at which the mute ends; null if it does not end at a time. */
  until: number | null;
  /** The mute ends when the error has this many failures; null if the number of failures does not end it. */
  untilFailures: number | null;
}

/** An error of a queue: the failures of one task type whose messages differ only in parts such as numbers and ids. */
export interface ErrorView {
  /** The queue of the failed tasks. */
  queue: string;
  /** Identifies the error, also in filters of dead letters; null if the caller may not see the error. */
  signature: string | null;
  /** The type of the failed tasks. */
  type: string;
  /** The message without the parts that differ from task to task. For tasks that died without an error, the reason. */
  title: string;
  /** The text of the first failure, with its stack; null if the tasks died without an error. */
  error: string | null;
  /** How many dead letters the queue has with this error now. */
  dead: number;
  /** How many attempts failed with this error, including those that were retried. */
  failures: number;
  /** When the first failure was, ms since the epoch. */
  firstAt: number;
  /** When the last failure was, ms since the epoch. */
  lastAt: number;
  /** Whether the error first occurred in the version of the worker that was started last. */
  isNew: boolean;
  /** Versions of the workers that had the error: the first one, and the newest ones. */
  versions: string[];
  /** Tags of the failed tasks: the first one, and the newest ones. */
  tags: string[];
  /** The number of failures in each of the last 48 half hours, oldest first. */
  trend: number[];
  /** Who muted the error; null if it is not muted. */
  mute: ErrorMute | null;
}

/**
 * The failures of a queue that are counted under no error: those of earlier versions, and those of new errors after the
 * first 500.
 */
export interface OtherErrors {
  queue: string;
  dead: number;
  failures: number;
}

/** The errors of some queues. The `dead` of all `errors` and `other` together is the number of dead letters. */
export interface ErrorsView {
  /** When the errors were read, by the clock of Redis, ms since the epoch. */
  at: number;
  /** The errors in the order that was asked for. */
  errors: ErrorView[];
  /** The failures that are counted under no error, for each queue that has some. */
  other: OtherErrors[];
}

export const ERROR_KINDS = ["open", "new", "dead", "muted", "all"] as const;
export const ERROR_ORDERS = ["last", "first", "failures", "dead"] as const;

/** Selects and orders errors. */
export interface ErrorsQuery {
  type?: string | undefined;
  /** A text to find in the error, its type or its tags. Upper and lower case are the same. */
  q?: string | undefined;
  /** Which errors: `open` are not muted, `dead` have dead letters. @default "open" */
  kind?: (typeof ERROR_KINDS)[number] | undefined;
  /** The order: by the last failure, the first failure, the number of failures, or of dead letters. @default "last" */
  sort?: (typeof ERROR_ORDERS)[number] | undefined;
}
