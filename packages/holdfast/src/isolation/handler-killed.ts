/** Why a child process ended before the attempt of its handler. */
export type KillReason = "timed_out" | "memory" | "aborted" | "exited" | "closed";

/**
 * Thrown if the child process of an attempt was killed or ended by itself. This counts as an ordinary failure: the task
 * is retried with backoff, and becomes a dead letter when its attempts are used up.
 * - `timed_out`: the time-out of the task has passed.
 * - `memory`: the child used more memory than allowed.
 * - `aborted`: the handler ran too long after its signal was aborted (lease lost, cancel, or stop of the worker).
 * - `exited`: the child ended by itself: `process.exit`, an uncaught error, a signal from outside.
 * - `closed`: the handlers were closed while the attempt ran.
 */
export class HandlerKilled extends Error {
  /** Why the child process ended. */
  readonly reason: KillReason;

  constructor(reason: KillReason, message: string) {
    super(message);
    this.name = "HandlerKilled";
    this.reason = reason;
    // The stack would only show functions of the pool.
    this.stack = `${this.name}: ${message}`;
  }
}
