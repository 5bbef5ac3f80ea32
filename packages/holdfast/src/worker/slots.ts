import { monotonicMs } from "./lease-table.ts";

/** The slots of a worker, shared by the runners of its queues. */
export class Slots {
  /** How many tasks may run. With fewer than run at present, none begins until enough of them have ended. */
  total: number;
  /** Handlers that run now. */
  running = 0;
  /** Tasks that are held: they run, were taken ahead, or have a verdict that is on its way to Redis. */
  held = 0;
  /** Held tasks whose verdicts are on their way to Redis. */
  settling = 0;
  /** Tasks that acquires without an answer have asked for. */
  reserved = 0;
  /** A task runs alone, or may be about to. Until it has ended, nothing else is acquired or begun. */
  exclusive = false;
  /** The runner whose next task has to run alone. Nothing is acquired until no task is held; then only this runner acquires. */
  makesRoomFor: object | null = null;
  /** The point at which the queue that was granted tasks last began its turn: see `shareOf`. */
  virtualTime = 0;
  /** The time of the last look at which no slot was free, ms of the monotonic clock. */
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

  /** Another task could be begun. */
  get hasFree(): boolean {
    return this.running < this.total && !this.exclusive && !this.makesRoomFor;
  }

  /** Called now and then. The liveness check uses what it finds, so a slot that is free for a moment does not matter. */
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

  /** @returns false if it had ended before */
  end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    this.#release();
    return true;
  }
}
