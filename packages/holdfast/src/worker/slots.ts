import { monotonicMs } from "./lease-table.ts";

/** Counts the slots of a worker, which its queues share. Each slot runs one task at a time. */
export class Slots {
  /** How many tasks may run at the same time. After it was lowered, no task begins until enough tasks have ended. */
  total: number;
  running = 0;
  /** Tasks that the worker holds: they run, wait for a slot, or have ended and are not settled yet. */
  held = 0;
  /** Ended tasks that were sent to be settled and are not answered yet. */
  settling = 0;
  /** How many tasks the unanswered calls have asked for. */
  reserved = 0;
  /** True while a task runs alone, or a call is unanswered that may bring one. No other task is acquired or begun. */
  exclusive = false;
  /**
   * The runner whose next task has to run alone; null if there is none. No task is acquired until the worker holds
   * none, and then only this runner acquires.
   */
  makesRoomFor: object | null = null;
  /**
   * The start of the turn of the queue that was granted last, in grants divided by weight (start-time fair queueing).
   */
  virtualTime = 0;
  /** When `look` last found that no slot is free, ms of the monotonic clock. */
  takenAtMs = 0;

  constructor(total: number) {
    this.total = total;
    this.takenAtMs = monotonicMs();
  }

  /**
   * Reserves slots for a call that asks for tasks.
   * @param exclusive whether no other runner may acquire until the call ends
   */
  reserve(want: number, exclusive: boolean): Reservation {
    this.reserved += want;
    if (exclusive) this.exclusive = true;
    return new Reservation(() => {
      this.reserved -= want;
      if (exclusive) this.exclusive = false;
    });
  }

  get hasFree(): boolean {
    return this.running < this.total && !this.exclusive && !this.makesRoomFor;
  }

  /** Called from time to time, for the liveness check. It may miss a slot that is free only for a moment. */
  look(): void {
    if (!this.hasFree) this.takenAtMs = monotonicMs();
  }
}

class Reservation {
  isOver = false;
  readonly #release: () => void;

  constructor(release: () => void) {
    this.#release = release;
  }

  /** Frees the reserved slots. @returns false if they had been freed before */
  end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.#release();
    return true;
  }
}
