import type { TaskState } from "./states.ts";
import type { Given, TaskOptions } from "./task.ts";

/** What becomes of occurrences that no janitor saw in time: none of them, one for all, or each (the last 100). */
export const MISSED_POLICIES = ["skip", "once", "all"] as const;
export type MissedPolicy = (typeof MISSED_POLICIES)[number];

/** Whether an occurrence is enqueued while the task of the one before has not ended. */
export const OVERLAP_POLICIES = ["allow", "skip"] as const;
export type OverlapPolicy = (typeof OVERLAP_POLICIES)[number];

/** How one occurrence went: its task was enqueued, nobody saw it in time, or the task before had not ended. */
export const RUN_OUTCOMES = ["enqueued", "missed", "overlapped"] as const;
export type RunOutcome = (typeof RUN_OUTCOMES)[number];

/** Options of the tasks of a schedule. */
export interface ScheduledTaskOptions
  extends Pick<TaskOptions, "priority" | "maxRetries" | "backoff" | "timeoutMs" | "tags"> {
  /** A task that is acquired so long after its time becomes `expired`. Milliseconds, 1 to 31_536_000_000. */
  expiresAfterMs?: number | undefined;
}

/** A schedule as it is written. */
export interface ScheduleInput {
  queue: string;
  /** Five fields, or six with seconds first; `@daily` and the like. */
  cron: string;
  /** IANA name. @default "UTC" */
  timeZone?: string | undefined;
  type: string;
  /** The payload of every task as exact JSON text. @default "null" */
  payloadText?: string | undefined;
  options?: ScheduledTaskOptions | undefined;
  /** @default "once" */
  missed?: MissedPolicy | undefined;
  /** @default "allow" */
  overlap?: OverlapPolicy | undefined;
  /** @default as it is; false for a new one */
  paused?: boolean | undefined;
}

export interface ScheduleRun {
  /** The time it was for, ms since the epoch. */
  at: number;
  taskId: string | null;
  outcome: RunOutcome;
  /** It was asked for by an operator. */
  manual: boolean;
}

/** A schedule as it stands. Times are milliseconds since the epoch. */
export interface ScheduleView {
  id: string;
  queue: string;
  cron: string;
  timeZone: string;
  type: string;
  payloadText: string;
  options: Given<ScheduledTaskOptions>;
  missed: MissedPolicy;
  overlap: OverlapPolicy;
  paused: boolean;
  createdAt: number;
  updatedAt: number;
  /** The next occurrence; null while paused, or where there is none. */
  nextAt: number | null;
  /** At most five. */
  nextRuns: number[];
  /** The cron expression in words. */
  words: string;
  /** With the state that the task is in now; null once it is gone. */
  lastRun: (ScheduleRun & { state: TaskState | null }) | null;
  /** The last ten, newest first. */
  runs: ScheduleRun[];
}
