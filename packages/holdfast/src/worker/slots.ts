/** The slots of a worker, shared by the runners of its queues. */
export class Slots {
  readonly total: number;
  /** Handlers that run now. */
  running = 0;
  /** Tasks held: running, taken ahead, or on their way to Redis with a verdict. */
  held = 0;
  /** Of those held: their verdicts are under way. */
  settling = 0;
  /** Asked for by acquires that are not answered yet. */
  reserved = 0;
  /** Runs alone, or is about to: nothing else is acquired meanwhile. */
  exclusive = false;
  /** The runner for which a task waits that has to run alone: nothing is acquired until nothing is held, then by it. */
  drainFor: object | null = null;
  /** Where the turn of the queue that was granted last began: see `shareOf`. */
  virtualTime = 0;

  constructor(total: number) {
    this.total = total;
  }
}
