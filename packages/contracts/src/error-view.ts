/** Who muted an error, and until when. */
export interface ErrorMute {
  /** The person or program that muted it. */
  by: string;
  /** Milliseconds since the epoch, as are all times here. */
  at: number;
  /** The mute ends at this time; null if it does not end by time. */
  until: number | null;
  /** The mute ends when the error has this many failures; null if it does not end by failures. */
  untilFailures: number | null;
}

/** One error of one queue: failures of one type whose messages differ only in numbers, ids and the like. */
export interface ErrorView {
  /** The queue of its tasks. */
  queue: string;
  /** Selects the dead letters of this error in a filter; null if the caller may not see the error itself. */
  signature: string | null;
  /** The type of its tasks. */
  type: string;
  /** The error without the parts that differ from task to task; the reason of tasks that died without an error. */
  title: string;
  /** The first failure, with its stack; null if there was no error. */
  error: string | null;
  /** The dead letters that the queue has at present. */
  dead: number;
  /** All failures, also those after which the task was retried. */
  failures: number;
  /** When the first failure was, ms since the epoch. */
  firstAt: number;
  /** When the last failure was, ms since the epoch. */
  lastAt: number;
  /** Whether it came with the version of the worker that started last. */
  isNew: boolean;
  /** The versions of the workers: the first one, and the newest ones. */
  versions: string[];
  /** Tags of its tasks: the first one, and the newest ones. */
  tags: string[];
  /** The failures in each of 48 half hours, oldest first. The last one is now. */
  trend: number[];
  /** Null if the error is not muted. */
  mute: ErrorMute | null;
}

/** What a queue has counted without a signature: dead letters of earlier versions, and errors beyond the first 500. */
export interface OtherErrors {
  queue: string;
  dead: number;
  failures: number;
}

/** The errors of some queues. The dead letters of all of them, and of the others, are the dead letters of the queues. */
export interface ErrorsView {
  /** Redis time, ms since the epoch. */
  at: number;
  /** The errors in the order that was asked for. */
  errors: ErrorView[];
  /** Only queues that have such failures. */
  other: OtherErrors[];
}

export const ERROR_KINDS = ["open", "new", "dead", "muted", "all"] as const;
export const ERROR_ORDERS = ["last", "first", "failures", "dead"] as const;

/** Selects and orders errors. */
export interface ErrorsQuery {
  type?: string | undefined;
  /** Text in the error, its type or its tags. Case does not matter. */
  q?: string | undefined;
  /** `open`: not muted. `dead`: with dead letters. @default "open" */
  kind?: (typeof ERROR_KINDS)[number] | undefined;
  /** What comes first: the last failure, the first one, the most failures, the most dead letters. @default "last" */
  sort?: (typeof ERROR_ORDERS)[number] | undefined;
}
