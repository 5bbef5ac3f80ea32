/** Why the process of a handler ended before its attempt did. */
export type KillReason = "timed_out" | "memory" | "aborted" | "exited" | "closed";

/**
 * The child process that ran an attempt was killed, or ended by itself. An ordinary failure: the task is retried with
 * backoff and, out of attempts, put into the dead letters.
 *
 * - `timed_out`: the time-out of the task passed.
 * - `memory`: more memory than allowed.
 * - `aborted`: it went on after its signal was aborted (lease lost, cancel, stop of the worker) for longer than allowed.
 * - `exited`: it ended by itself: `process.exit`, an uncaught error, a signal from outside.
 * - `closed`: the handlers were closed while it ran.
 */
export class HandlerKilled extends Error {
  readonly reason: KillReason;

  constructor(reason: KillReason, message: string) {
    super(message);
    this.name = "HandlerKilled";
    this.reason = reason;
    // The stack would be that of the pool, which tells nobody anything.
    this.stack = `${this.name}: ${message}`;
  }
}
