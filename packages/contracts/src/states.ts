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
 * a flow can be waiting; it is listed with its flow, and not in the lists by state.
 */
export const TASK_STATES = ["waiting", ...LISTED_STATES] as const;

/** A state whose tasks can be listed. */
export type ListedState = (typeof LISTED_STATES)[number];

/** The state of a task. Only a node of a flow can be `waiting`. */
export type TaskState = (typeof TASK_STATES)[number];

/** The states in which a task has ended. It leaves them only if an operator or an enqueue starts it again. */
export const TERMINAL_STATES = ["completed", "dead", "cancelled", "expired"] as const satisfies TaskState[];

export function isTaskState(value: unknown): value is TaskState {
  return typeof value === "string" && (TASK_STATES as readonly string[]).includes(value);
}

/** The priorities, most urgent first. Of 16 grants, at least 3 go to `normal` and 1 to `low`, if such tasks wait. */
export const PRIORITIES = ["high", "normal", "low"] as const;

/** How urgent a pending task is. Of 16 grants, at least 3 go to `normal` and 1 to `low`, if such tasks wait. */
export type Priority = (typeof PRIORITIES)[number];

/** Why a task became a dead letter. */
export const DEAD_REASONS = [
  "retries_exhausted",
  "crashes_exhausted",
  "releases_exhausted",
  "rate_limited_too_often",
  "fatal",
  "no_handler",
  "undecodable",
] as const;

/** Why a task became a dead letter. */
export type DeadReason = (typeof DEAD_REASONS)[number];

/** How an attempt ended, or `running`. */
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

/** How an attempt ended, or `running`. `released`: the worker handed the task back, and the attempt was refunded. */
export type AttemptOutcome = (typeof ATTEMPT_OUTCOMES)[number];
