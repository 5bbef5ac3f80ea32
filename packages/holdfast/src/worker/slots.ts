/** The slots of a worker, shared by the runners of its queues. */
export class Slots {
  readonly total: number;
  /** Tasks held: running or on their way to Redis with a verdict. */
  held = 0;
  /** Asked for by acquires that are not answered yet. */
  reserved = 0;
  /** Runs alone, or is about to: nothing else is acquired meanwhile. */
  exclusive = false;
  /** The runner for which a task waits that has to run alone: nothing is acquired until nothing is held, then by it. */
  drainFor: object | null = null;

  constructor(total: number) {
    this.total = total;
  }

  get free(): number {
    if (this.exclusive) return 0;
    return Math.max(0, this.total - this.held - this.reserved);
  }
}
