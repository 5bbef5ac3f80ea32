import { monotonicMs } from "./lease-table.ts";

/** Delays a call to Redis for a short time, so that several items can be sent together. */
export class Gathering {
  readonly #over: () => void;
  #sinceMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param over called when the oldest waiting item has waited long enough */
  constructor(over: () => void) {
    this.#over = over;
  }

  /** Returns whether the wait of `forMs` goes on. The first call begins the wait. */
  lasts(forMs: number): boolean {
    const now = monotonicMs();
    if (this.#sinceMs === 0) this.#sinceMs = now;
    const leftMs = this.#sinceMs + forMs - now;
    if (leftMs <= 0) return false;
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#over();
    }, Math.ceil(leftMs));
    return true;
  }

  /** Called when no item waits any more. A running timer is left alone, because starting a new one costs more. */
  end(): void {
    this.#sinceMs = 0;
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
