/** The `signal.reason` of a handler whose attempt was aborted. */
export class AttemptAborted extends Error {
  readonly reason: "lease_lost" | "cancelled" | "timed_out" | "shutdown";
  constructor(reason: AttemptAborted["reason"], message: string) {
    super(message);
    this.name = "AttemptAborted";
    this.reason = reason;
  }
}
