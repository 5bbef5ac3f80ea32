import { t } from "@lingui/core/macro";

/** What the user can do about an error: error code -> remedy. The message of the service says what went wrong. */
const REMEDIES: Record<string, () => string> = {
  redis_unavailable: () => t`Check that Redis runs and that the observability service can reach it.`,
  redis_refused: () => t`Check the user, password and database that the observability service logs in with.`,
  redis_out_of_memory: () => t`Give Redis more memory or lower the retention. Workers continue meanwhile.`,
  redis_read_only: () => t`Redis is a replica or lost its quorum: check the failover.`,
  events_off: () => t`The queue keeps no events: set how many it keeps in its settings.`,
  queue_full: () => t`The queue is at its cap: wait for workers to drain it, or raise maxWaiting.`,
  key_full: () =>
    t`The key of the task has as many tasks as its limits allow: wait, or change the limits of the queue.`,
  rate_limited: () => t`Wait a moment, then try again.`,
  queue_not_found: () => t`The queue has not been used yet: enqueue a first task.`,
  task_not_found: () => t`It may have been removed by retention or by another operator.`,
  task_not_kept: () => t`Raise the retention of the queue to see the results of its tasks.`,
  task_conflict: () => t`This id is in use by a task with another payload: choose another id.`,
  unique_conflict: () => t`Another task holds the unique key: wait until it has ended.`,
  too_late: () => t`The task has ended in the meantime: reload it.`,
  payload_too_large: () => t`Store the data elsewhere and put a reference into the payload.`,
  payload_too_deep: () => t`Flatten the payload: at most 64 levels of nesting.`,
  outcome_unknown: () => t`The write may have happened: check before trying again.`,
  invalid_cursor: () => t`The list has changed: load it again from the start.`,
  unauthorized: () => t`Sign in with a valid key.`,
  forbidden: () => t`Your role does not allow this.`,
  not_json: () => t`The answer did not come from the service: check the proxy.`,
};

export interface FieldError {
  path: string;
  message: string;
}

/** A failed request: its cause (`detail`), a stable `code`, and the request id, which is also in the service's log. */
export class ApiError extends Error {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly requestId: string | null;
  readonly errors: FieldError[];

  constructor(init: {
    status: number;
    code: string;
    detail: string;
    requestId?: string | null;
    errors?: FieldError[];
    cause?: unknown;
  }) {
    super(init.detail, init.cause === undefined ? undefined : { cause: init.cause });
    this.name = "ApiError";
    this.status = init.status;
    this.code = init.code;
    this.detail = init.detail;
    this.requestId = init.requestId ?? null;
    this.errors = init.errors ?? [];
  }

  get remedy(): string | null {
    if (this.unreachable)
      return t`Check that the observability service runs at ${location.host}, and that no proxy in between blocks it.`;
    return REMEDIES[this.code]?.() ?? null;
  }

  /** Whether the service gave no answer. It is false if the service answered and refused the request. */
  get unreachable(): boolean {
    return this.code === "unreachable";
  }
}

export function toApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiError({ status: 0, code: "internal", detail, cause: error });
}
