import { monotonicMs } from "./lease-table.ts";

/** Items that wait a little so that they can be sent together. */
export class Gathering {
  readonly #over: () => void;
  #sinceMs = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param over called when the time of the first that waits is over */
  constructor(over: () => void) {
    this.#over = over;
  }

  /** The first call begins it. @returns whether `forMs` since then are not over */
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

  /** Called when nothing waits any more. A timer that is set stays set: it costs less than a new one. */
  end(): void {
    this.#sinceMs = 0;
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
