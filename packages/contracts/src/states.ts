/** The states whose tasks can be listed, in the order of a task's life. */
export const LISTED_STATES = [
  "scheduled",
  "pending",
  "processing",
  "completed",
  "dead",
  "cancelled",
  "expired",
] as const;

/**
 * The states of a task, in the order of its life. docs/state-machine.md says which script moves a task. Only a node of
 * a flow can be waiting. Such a task is not in the lists of tasks by state, but is shown with its flow.
 */
export const TASK_STATES = ["waiting", ...LISTED_STATES] as const;

/** A state whose tasks can be listed. */
export type ListedState = (typeof LISTED_STATES)[number];

/** Where a task is in its life. Only a node of a flow can be `waiting`. */
export type TaskState = (typeof TASK_STATES)[number];

/** States that a task only leaves through an operator or an enqueue. */
export const TERMINAL_STATES = ["completed", "dead", "cancelled", "expired"] as const satisfies TaskState[];

export function isTaskState(value: unknown): value is TaskState {
  return typeof value === "string" && (TASK_STATES as readonly string[]).includes(value);
}

/** The bands of `pending`, most urgent first. Of 16 grants, 3 go to `normal` and 1 to `low` if such tasks wait. */
export const PRIORITIES = ["high", "normal", "low"] as const;

/** How urgent a pending task is. Of 16 grants, 3 go to `normal` and 1 to `low` if such tasks wait. */
export type Priority = (typeof PRIORITIES)[number];

/** Why a task is in the dead letters. */
export const DEAD_REASONS = [
  "retries_exhausted",
  "crashes_exhausted",
  "releases_exhausted",
  "rate_limited_too_often",
  "fatal",
  "no_handler",
  "undecodable",
] as const;

/** Why a task is in the dead letters. */
export type DeadReason = (typeof DEAD_REASONS)[number];

/** How one attempt ended. */
export const ATTEMPT_OUTCOMES = [
  "running",
  "acked",
  "failed",
  "crashed",
  "released",
  "unrouted",
  "quarantined",
  "cancelled",
] as const;

/** How one attempt ended, or `running`. `released`: its worker handed the task back, and no attempt is lost. */
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];
