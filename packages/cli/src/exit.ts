import { type ErrorCode, HoldfastError } from "holdfast";

/** The exit codes of the command. */
export const EXIT = {
  ok: 0,
  /** The command ran, but it did not achieve what was asked, or it found a problem. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** There is no such queue or task. */
  notFound: 3,
  /** The state of the system does not allow the action, or the action came too late. */
  conflict: 4,
  /** Redis does not answer, or does not answer in time. */
  unreachable: 5,
  /**
   * Redis answers but refuses this client: wrong password, missing rights, or wrong database. A repeat of the command
   * fails too.
   */
  refused: 6,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** An error in the command line. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = "UsageError";
  }
}

const CODES: Partial<Record<ErrorCode, ExitCode>> = {
  invalid_argument: EXIT.usage,
  invalid_queue_name: EXIT.usage,
  invalid_task_id: EXIT.usage,
  invalid_task_type: EXIT.usage,
  invalid_cursor: EXIT.usage,
  invalid_json: EXIT.usage,
  invalid_request: EXIT.usage,
  payload_too_large: EXIT.usage,
  payload_too_deep: EXIT.usage,
  not_found: EXIT.notFound,
  task_not_found: EXIT.notFound,
  task_not_kept: EXIT.notFound,
  queue_not_found: EXIT.notFound,
  conflict: EXIT.conflict,
  task_conflict: EXIT.conflict,
  unique_conflict: EXIT.conflict,
  too_late: EXIT.conflict,
  queue_not_paused: EXIT.conflict,
  queue_busy: EXIT.conflict,
  events_off: EXIT.conflict,
  redis_unavailable: EXIT.unreachable,
  outcome_unknown: EXIT.unreachable,
  redis_refused: EXIT.refused,
};

export function exitCodeOf(error: unknown): ExitCode {
  if (error instanceof UsageError) return EXIT.usage;
  if (error instanceof HoldfastError) return CODES[error.code] ?? EXIT.failed;
  return EXIT.failed;
}

/** Returns the message of anything that was thrown, as one line. */
export function messageOf(error: unknown): string {
  let text = error instanceof Error ? error.message : String(error);
  // An AggregateError of several refused addresses has an empty message.
  if (text === "" && error instanceof AggregateError) text = error.errors.map(messageOf).join("; ");
  return text.replaceAll(/\s*\n\s*/g, " ");
}
