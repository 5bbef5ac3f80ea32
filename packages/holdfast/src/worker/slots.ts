import { monotonicMs } from "./lease-table.ts";

/** The slots of a worker, shared by the runners of its queues. */
export class Slots {
  readonly total: number;
  /** Handlers that run now. */
  running = 0;
  /** Tasks held: running, taken ahead, or on their way to Redis with a verdict. */
  held = 0;
  /** How many of the held tasks have verdicts under way. */
  settling = 0;
  /** Asked for by acquires that are not answered yet. */
  reserved = 0;
  /** Runs alone, or is about to: nothing else is acquired meanwhile, and nothing else is begun. */
  exclusive = false;
  /** The runner for which a task waits that has to run alone: nothing is acquired until nothing is held, then by it. */
  makesRoomFor: object | null = null;
  /** The point at which the turn of the queue that was granted last began: see `shareOf`. */
  virtualTime = 0;
  /** When no slot was free at the last look, ms of the monotonic clock. */
  takenAtMs = 0;

  constructor(total: number) {
    this.total = total;
    this.takenAtMs = monotonicMs();
  }

  /** Another task could be begun. */
  get hasFree(): boolean {
    return this.running < this.total && !this.exclusive && !this.makesRoomFor;
  }

  /** Called now and then: it is what liveness goes by, so a slot that is free for a moment does not matter. */
  look(): void {
    if (!this.hasFree) this.takenAtMs = monotonicMs();
  }
}
