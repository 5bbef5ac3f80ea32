import type { TaskState } from "./states.ts";
import type { Given, TaskOptions } from "./task.ts";
import type { Unique } from "./unique.ts";

/**
 * Which missed occurrences are enqueued late: none ("skip"), one for all of them ("once"), or each, at most the last
 * 100 ("all").
 */
export const MISSED_POLICIES = ["skip", "once", "all"] as const;

/**
 * Which missed occurrences are enqueued late: none ("skip"), one for all of them ("once"), or each, at most the last
 * 100 ("all").
 */
export type MissedPolicy = (typeof MISSED_POLICIES)[number];

/** Whether an occurrence is enqueued while the task of the last one has not ended. */
export const OVERLAP_POLICIES = ["allow", "skip"] as const;

/** Whether an occurrence is enqueued while the task of the last one has not ended. */
export type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

/**
 * The outcome of one occurrence of a schedule. `overlapped`: nothing was enqueued, because the last task had not ended.
 * If another task holds the unique key: `deduplicated`, nothing was enqueued; `replaced`, that task got the payload and
 * the options of the schedule.
 */
export const RUN_OUTCOMES = ["enqueued", "missed", "overlapped", "deduplicated", "replaced"] as const;

/** The outcome of one occurrence of a schedule. */
export type RunOutcome = (typeof RUN_OUTCOMES)[number];

/** Options of the tasks of a schedule. */
export interface ScheduledTaskOptions
  extends Pick<TaskOptions, "priority" | "maxRetries" | "backoff" | "timeoutMs" | "tags" | "keep"> {
  /**
   * The unique key of every task. If another task holds the key, an occurrence enqueues nothing or replaces that task,
   * and the schedule goes on with the next occurrence. "reject" is the same as "existing". "debounce" is refused,
   * because occurrences have no `delayMs`.
   */
  unique?: Unique | undefined;
  /**
   * A task that has not started this long after its occurrence becomes `expired`. Milliseconds, 1 to 31_536_000_000.
   */
  expiresAfterMs?: number | undefined;
}

/** The definition of a schedule. */
export interface ScheduleInput {
  /** The queue that gets the tasks. */
  queue: string;
  /**
   * A cron expression with five fields, or six with seconds first, or `@daily` and the like. `@every 30s` or `@every
   * 1h30m` means all multiples of this interval since the epoch, 1 second to 365 days.
   */
  cron: string;
  /** The time zone of the cron expression, by its IANA name. @default "UTC" */
  timeZone?: string | undefined;
  /** There are no occurrences before this time. Milliseconds since the epoch. @default none */
  startAt?: number | undefined;
  /** There are no occurrences after this time. Milliseconds since the epoch. @default none */
  endAt?: number | undefined;
  /**
   * The schedule ends after this many occurrences were enqueued, 1 or more. Runs that an operator starts do not count.
   * @default no limit
   */
  limit?: number | undefined;
  /** Whether a new schedule has its first occurrence at once. Cannot be combined with `startAt`. @default false */
  immediately?: boolean | undefined;
  /** The type of the tasks. */
  type: string;
  /** The payload of every task as exact JSON text. @default "null" */
  payloadText?: string | undefined;
  /** The options of the tasks. @default none */
  options?: ScheduledTaskOptions | undefined;
  /** Which missed occurrences are enqueued late. @default "once" */
  missed?: MissedPolicy | undefined;
  /** Whether an occurrence is enqueued while the last task has not ended. @default "allow" */
  overlap?: OverlapPolicy | undefined;
  /** Whether the schedule is paused. @default unchanged; false for a new schedule */
  paused?: boolean | undefined;
}

/** One occurrence of a schedule. */
export interface ScheduleRun {
  /** The time of the occurrence, ms since the epoch. */
  at: number;
  /** The task that was enqueued; with `deduplicated` and `replaced`, the task that holds the unique key. */
  taskId: string | null;
  /** The outcome of the occurrence. */
  outcome: RunOutcome;
  /** True if an operator started the run. */
  manual: boolean;
}

/** A schedule with its state. Times are milliseconds since the epoch. */
export interface ScheduleView {
  /** The id of the schedule. */
  id: string;
  /** The queue that gets the tasks. */
  queue: string;
  /** The cron expression, as it was given. */
  cron: string;
  /** The IANA name of the time zone. */
  timeZone: string;
  /** There are no occurrences before this time; null for no limit. */
  startAt: number | null;
  /** There are no occurrences after this time; null for no limit. */
  endAt: number | null;
  /** The schedule ends after this many occurrences were enqueued; null for no limit. */
  limit: number | null;
  /** How many occurrences were enqueued, or are being enqueued. */
  count: number;
  /** The type of the tasks. */
  type: string;
  /** The payload of the tasks as JSON text. */
  payloadText: string;
  /** The options of the tasks. */
  options: Given<ScheduledTaskOptions>;
  /** Which missed occurrences are enqueued late. */
  missed: MissedPolicy;
  /** Whether an occurrence is enqueued while the last task has not ended. */
  overlap: OverlapPolicy;
  /** Whether the schedule is paused, so that it has no occurrences. */
  paused: boolean;
  /** When the schedule was created. */
  createdAt: number;
  /** When the definition was last written. */
  updatedAt: number;
  /** The next occurrence; null if there is none, for example while paused or after `endAt`. */
  nextAt: number | null;
  /** The next occurrences, at most five. */
  nextRuns: number[];
  /** The cron expression in English words. */
  words: string;
  /** The last run, with the present state of its task; the state is null if the task is gone. */
  lastRun: (ScheduleRun & { state: TaskState | null }) | null;
  /** The last ten runs, newest first. */
  runs: ScheduleRun[];
}
