// The errors of tasks that an enqueue call did not store.
import { HoldfastError } from "@holdfast/contracts";

const FULL_RETRY_MS = 1_000;
const STOPPING_RETRY_MS = 1_000;

export function queueFull(queue: string, id: string | undefined): HoldfastError {
  return new HoldfastError(
    "queue_full",
    `queue "${queue}" has as many waiting tasks as its maxWaiting allows: try again later`,
    {
      ...(id === undefined ? {} : { taskId: id }),
      retryAfterMs: FULL_RETRY_MS,
    },
  );
}

export function keyFull(queue: string, id: string | undefined): HoldfastError {
  return new HoldfastError(
    "key_full",
    `the key of this task has as many tasks as the limits of queue "${queue}" allow: it was not stored`,
    { ...(id === undefined ? {} : { taskId: id }), retryAfterMs: FULL_RETRY_MS },
  );
}

export function stopping(id: string): HoldfastError {
  return new HoldfastError(
    "task_conflict",
    `task "${id}" runs and was asked to stop: enqueue it again when it has ended`,
    { taskId: id, retryAfterMs: STOPPING_RETRY_MS },
  );
}

export function cannotReplace(heldBy: string): HoldfastError {
  return new HoldfastError(
    "unique_conflict",
    `task "${heldBy}" holds the unique key and has another type or key: an enqueue that replaces it needs the same type and key`,
    { heldBy },
  );
}

/** @param heldBy the task that holds the key */
export function uniqueConflict(heldBy: string): HoldfastError {
  return new HoldfastError(
    "unique_conflict",
    `task "${heldBy}" holds the unique key: enqueue again when it has ended, or with onConflict "existing"`,
    { heldBy },
  );
}

export function conflict(id: string): HoldfastError {
  return new HoldfastError("task_conflict", `task "${id}" exists with another body`, { taskId: id });
}

/** Returns the error of a call, with the id with which the caller can enqueue this task again. */
export function failureOf(error: unknown, id: string | undefined): unknown {
  if (!(error instanceof HoldfastError)) return error;
  return new HoldfastError(error.code, error.message, {
    cause: error,
    ...(id === undefined ? {} : { taskId: id }),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  });
}
