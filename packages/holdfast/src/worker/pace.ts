import { monotonicMs } from "./lease-table.ts";

const SAMPLE_MS = 2;
const WEIGHT = 0.3;

/**
 * How many tasks a worker takes ahead of its free slots: what it ends within `aheadMs`, as far as the last samples tell.
 * Quick handlers get the next batch while the last one is settled; slow ones leave the tasks to whoever is idle.
 */
export class Pace {
  readonly #aheadMs: number;
  readonly #max: number;
  #ended = 0;
  #sampledAtMs = monotonicMs();
  #perMs = 0;

  /** @param max tasks, whatever the pace */
  constructor(aheadMs: number, max: number) {
    this.#aheadMs = aheadMs;
    this.#max = max;
  }

  /** A handler ended. */
  end(): void {
    this.#ended++;
  }

  /** Tasks to hold ahead of the slots now. */
  ahead(): number {
    const now = monotonicMs();
    const elapsedMs = now - this.#sampledAtMs;
    if (elapsedMs >= SAMPLE_MS) {
      const perMs = this.#ended / elapsedMs;
      this.#perMs += WEIGHT * (perMs - this.#perMs);
      this.#ended = 0;
      this.#sampledAtMs = now;
    }
    return Math.min(this.#max, Math.floor(this.#perMs * this.#aheadMs));
  }
}
