// Reports the outcomes of tasks that an enqueue did not store as new.
import { HoldfastError } from "@holdfast/contracts";
import type { EnqueueAnswer } from "../engine/enqueue-answer.ts";
import { stateOfLetter } from "../engine/record.ts";
import type { EnqueueSink } from "./receipt.ts";

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

function stopping(id: string): HoldfastError {
  return new HoldfastError(
    "task_conflict",
    `task "${id}" runs and was asked to stop: enqueue it again when it has ended`,
    { taskId: id, retryAfterMs: STOPPING_RETRY_MS },
  );
}

function cannotReplace(heldBy: string): HoldfastError {
  return new HoldfastError(
    "unique_conflict",
    `task "${heldBy}" holds the unique key and has another type or key: an enqueue that replaces it needs the same type and key`,
    { heldBy },
  );
}

/** @param heldBy the id of the task that holds the unique key */
function uniqueConflict(heldBy: string): HoldfastError {
  return new HoldfastError(
    "unique_conflict",
    `task "${heldBy}" holds the unique key: enqueue again when it has ended, or with onConflict "existing"`,
    { heldBy },
  );
}

function conflict(id: string): HoldfastError {
  return new HoldfastError("task_conflict", `task "${id}" exists with another body`, { taskId: id });
}

/** Adds the id of a task to the error of a call, so that the caller can enqueue that task again. */
export function failureOf(error: unknown, id: string | undefined): unknown {
  if (!(error instanceof HoldfastError)) return error;
  return new HoldfastError(error.code, error.message, {
    cause: error,
    ...(id === undefined ? {} : { taskId: id }),
    ...(error.retryAfterMs === undefined ? {} : { retryAfterMs: error.retryAfterMs }),
  });
}

/** Reports the outcomes of the tasks of a call that were not stored as new, in the order of the tasks. */
export class NotNew {
  readonly #queue: string;
  readonly #reply: EnqueueAnswer;
  #states = 0;
  #owners = 0;

  constructor(queue: string, reply: EnqueueAnswer) {
    this.#queue = queue;
    this.#reply = reply;
  }

  /** @param verdict see `EnqueueAnswer` */
  answer(sink: EnqueueSink, place: number, id: string, verdict: string | undefined): void {
    if (verdict === "f") sink.refused(place, queueFull(this.#queue, id));
    else if (verdict === "k") sink.refused(place, keyFull(this.#queue, id));
    else if (verdict === "b") sink.refused(place, stopping(id));
    else this.#answerKnown(sink, place, id, verdict);
  }

  /** Reports the outcome of a task whose id or unique key belongs to another task. */
  #answerKnown(sink: EnqueueSink, place: number, id: string, verdict: string | undefined): void {
    const found = stateOfLetter(this.#reply.states[this.#states++] ?? "r");
    // A discarded task can be restored by an operator, but for its producer it is gone.
    const state = found === "discarded" ? "purged" : found;
    const willRun = state === "pending" || state === "scheduled" || state === "processing";
    const durability = "memory";
    if (verdict === "o") {
      const held = { id: this.#owner(), state, willRun, deduplicated: true } as const;
      sink.accepted(place, { ...held, duplicate: true, durability });
    } else if (verdict === "r") {
      const held = { id: this.#owner(), state, willRun, deduplicated: true } as const;
      sink.accepted(place, { ...held, replaced: true, duplicate: false, durability });
    } else if (verdict === "u") sink.refused(place, uniqueConflict(this.#owner()));
    else if (verdict === "x") sink.refused(place, cannotReplace(this.#owner()));
    else if (verdict === "d") sink.accepted(place, { id, state, duplicate: true, willRun, durability });
    else sink.refused(place, conflict(id));
  }

  #owner(): string {
    return this.#reply.owners?.[this.#owners++] as string;
  }
}
