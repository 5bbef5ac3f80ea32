import { monotonicMs } from "./lease-table.ts";

/** Lets items wait for a short time, so that they can be sent together. */
export class Gathering {
  readonly #over: () => void;
  #sinceMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param over called when the first waiting item has waited long enough */
  constructor(over: () => void) {
    this.#over = over;
  }

  /** The first call begins the wait. @returns whether fewer than `forMs` have passed since then */
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

  /** Called when no item waits any more. A running timer is not stopped, because that costs less than a new timer. */
  end(): void {
    this.#sinceMs = 0;
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
