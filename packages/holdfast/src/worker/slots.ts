import { monotonicMs } from "./lease-table.ts";

/** The slots of a worker, shared by the runners of its queues. */
export class Slots {
  /** How many tasks may run. If more tasks run now, no task begins until enough of them have ended. */
  total: number;
  /** Handlers that run now. */
  running = 0;
  /** Held tasks. Each of them runs, waits for a slot, or has a verdict on its way to Redis. */
  held = 0;
  /** Held tasks whose verdicts are on their way to Redis. */
  settling = 0;
  /** The number of tasks that unanswered acquires have asked for. */
  reserved = 0;
  /** Whether a task runs alone, or may be about to. Until it has ended, no other task is acquired or begun. */
  exclusive = false;
  /**
   * The runner whose next task has to run alone. No task is acquired until none is held; then only this runner
   * acquires.
   */
  makesRoomFor: object | null = null;
  /** The point at which the queue that was last granted tasks began its turn: see `shareOf`. */
  virtualTime = 0;
  /** The last time at which `look` found no free slot, ms of the monotonic clock. */
  takenAtMs = 0;

  constructor(total: number) {
    this.total = total;
    this.takenAtMs = monotonicMs();
  }

  /**
   * Reserves slots for a call that asks for tasks.
   * @param exclusive whether no other runner acquires until the call ends
   */
  reserve(want: number, exclusive: boolean): Reservation {
    this.reserved += want;
    if (exclusive) this.exclusive = true;
    return new Reservation(() => {
      this.reserved -= want;
      if (exclusive) this.exclusive = false;
    });
  }

  /** Whether another task could begin. */
  get hasFree(): boolean {
    return this.running < this.total && !this.exclusive && !this.makesRoomFor;
  }

  /** Called from time to time, for the liveness check. That check does not need slots that are free only for a moment. */
  look(): void {
    if (!this.hasFree) this.takenAtMs = monotonicMs();
  }
}

/** The slots that a call has reserved. */
class Reservation {
  isOver = false;
  readonly #release: () => void;

  constructor(release: () => void) {
    this.#release = release;
  }

  /** @returns false if the reservation had ended before */
  end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.#release();
    return true;
  }
}
