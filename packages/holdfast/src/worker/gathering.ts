import { monotonicMs } from "./lease-table.ts";

/** What waits a little for others to travel with. */
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

  /** Nothing waits any more. A timer that is set stays: it costs less than a new one. */
  end(): void {
    this.#sinceMs = 0;
  }

  close(): void {
    clearTimeout(this.#timer);
  }
}
