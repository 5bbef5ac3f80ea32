import { monotonicMs } from "./lease-table.ts";

const SAMPLE_MS = 2;
const WEIGHT = 0.3;
// Times `aheadMs`, while the queue gives all that is asked for: fewer and larger calls.
const DEEPEST = 4;
// So many ahead make calls large enough: their fixed cost is that of ten tasks.
const DEEPENED_TO = 50;

/**
 * How many tasks a worker takes ahead of its free slots: what it ends within `aheadMs`, as far as the last samples tell,
 * and within up to four times that while a backlog stands behind them. Quick handlers get the next batch while the last
 * one is settled; slow ones leave the tasks to whoever is idle.
 */
export class Pace {
  readonly #aheadMs: number;
  readonly #max: number;
  #ended = 0;
  #sampledAtMs = monotonicMs();
  #perMs = 0;
  #depth = 1;

  /** @param max tasks, whatever the pace */
  constructor(aheadMs: number, max: number) {
    this.#aheadMs = aheadMs;
    this.#max = max;
  }

  /** A handler ended. */
  end(): void {
    this.#ended++;
  }

  /** An acquire was answered: with all that it asked for, or less. */
  answered(full: boolean): void {
    this.#depth = full ? Math.min(DEEPEST, this.#depth * 2) : 1;
  }

  /** How long a verdict may wait for others: until half of what was taken ahead is begun. */
  get gatherMs(): number {
    return (this.#aheadMs * this.#depth) / 2;
  }

  /** Tasks to hold ahead of the slots now. */
  ahead(): number {
    const now = monotonicMs();
    const elapsedMs = now - this.#sampledAtMs;
    if (elapsedMs >= SAMPLE_MS) {
      const perMs = this.#ended / elapsedMs;
      // A longer sample counts for as many as it is long: after a pause nothing is left of the pace before it.
      this.#perMs += (1 - (1 - WEIGHT) ** (elapsedMs / SAMPLE_MS)) * (perMs - this.#perMs);
      this.#ended = 0;
      this.#sampledAtMs = now;
    }
    const ahead = Math.floor(this.#perMs * this.#aheadMs);
    return Math.min(this.#max, Math.max(ahead, Math.min(ahead * this.#depth, DEEPENED_TO)));
  }
}
