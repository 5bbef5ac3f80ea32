import type { TaskState } from "./states.ts";
import type { Given, TaskOptions } from "./task.ts";
import type { Unique } from "./unique.ts";

/** Which missed occurrences are enqueued later: none, one for all, or each (the last 100). */
export const MISSED_POLICIES = ["skip", "once", "all"] as const;

/** Which missed occurrences are enqueued later: none, one for all, or each (the last 100). */
export type MissedPolicy = (typeof MISSED_POLICIES)[number];

/** Whether an occurrence is enqueued if the last task has not ended. */
export const OVERLAP_POLICIES = ["allow", "skip"] as const;

/** Whether an occurrence is enqueued if the last task has not ended. */
export type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

/**
 * The outcome of one occurrence: its task was enqueued, the occurrence was missed, or the last task had not ended. If
 * another task holds the unique key of the schedule: `deduplicated`, nothing was enqueued; `replaced`, that task got
 * the payload and the options.
 */
export const RUN_OUTCOMES = ["enqueued", "missed", "overlapped", "deduplicated", "replaced"] as const;

/** What became of one occurrence of a schedule. */
export type RunOutcome = (typeof RUN_OUTCOMES)[number];

/** Options of the tasks of a schedule. */
export interface ScheduledTaskOptions
  extends Pick<TaskOptions, "priority" | "maxRetries" | "backoff" | "timeoutMs" | "tags" | "keep"> {
  /**
   * The unique key of every task. If another task holds the key, an occurrence enqueues nothing or replaces that task,
   * and the schedule continues with the next occurrence. "reject" is like "existing"; "debounce" is refused, because
   * occurrences have no `delayMs`.
   */
  unique?: Unique | undefined;
  /** A task that is acquired this long after its due time becomes `expired`. Milliseconds, 1 to 31_536_000_000. */
  expiresAfterMs?: number | undefined;
}

/** The definition of a schedule. */
export interface ScheduleInput {
  /** The queue of the tasks. */
  queue: string;
  /**
   * Five fields, or six with seconds first; `@daily` and the like. `@every 30s`, `@every 1h30m`: the multiples of 1
   * second to 365 days since the epoch.
   */
  cron: string;
  /** IANA name. @default "UTC" */
  timeZone?: string | undefined;
  /** No occurrence comes before this moment. Milliseconds since the epoch. @default none */
  startAt?: number | undefined;
  /** No occurrence comes after this moment. Milliseconds since the epoch. @default none */
  endAt?: number | undefined;
  /**
   * The schedule ends after this many occurrences were enqueued, at least 1. Tasks that `run` enqueues do not count.
   * @default none
   */
  limit?: number | undefined;
  /** If the schedule is new, the first occurrence comes at once. Cannot be combined with `startAt`. @default false */
  immediately?: boolean | undefined;
  /** The type of the tasks. */
  type: string;
  /** The payload of every task as exact JSON text. @default "null" */
  payloadText?: string | undefined;
  /** The options of the tasks. @default none */
  options?: ScheduledTaskOptions | undefined;
  /** @default "once" */
  missed?: MissedPolicy | undefined;
  /** @default "allow" */
  overlap?: OverlapPolicy | undefined;
  /** @default unchanged; false for a new schedule */
  paused?: boolean | undefined;
}

/** One occurrence of a schedule. */
export interface ScheduleRun {
  /** The time of the occurrence, ms since the epoch. */
  at: number;
  /** With the outcomes `deduplicated` and `replaced` the task that holds the unique key. */
  taskId: string | null;
  /** What became of the occurrence. */
  outcome: RunOutcome;
  /** True if an operator started the run. */
  manual: boolean;
}

/** A schedule with its state. Times are milliseconds since the epoch. */
export interface ScheduleView {
  /** The id of the schedule. */
  id: string;
  /** The queue of its tasks. */
  queue: string;
  /** The expression as it was given. */
  cron: string;
  /** The IANA name of the time zone. */
  timeZone: string;
  /** No occurrence comes before this moment; null for none. */
  startAt: number | null;
  /** No occurrence comes after this moment; null for none. */
  endAt: number | null;
  /** How many occurrences are enqueued at most; null for no limit. */
  limit: number | null;
  /** How many occurrences were enqueued, or are about to be. */
  count: number;
  /** The type of its tasks. */
  type: string;
  /** The payload of its tasks as JSON text. */
  payloadText: string;
  /** The options of its tasks. */
  options: Given<ScheduledTaskOptions>;
  /** Which missed occurrences are enqueued later. */
  missed: MissedPolicy;
  /** Whether an occurrence is enqueued if the last task has not ended. */
  overlap: OverlapPolicy;
  /** Whether the schedule has no occurrences at present. */
  paused: boolean;
  /** When the schedule was made. */
  createdAt: number;
  /** When the definition was last written. */
  updatedAt: number;
  /** The next occurrence; null while paused, or if there is none, such as after `endAt`. */
  nextAt: number | null;
  /** At most five. */
  nextRuns: number[];
  /** The cron expression in words. */
  words: string;
  /** The last run and the present state of its task; the state is null if the task is gone. */
  lastRun: (ScheduleRun & { state: TaskState | null }) | null;
  /** The last ten, newest first. */
  runs: ScheduleRun[];
}
