import { monotonicMs } from "./lease-table.ts";

const SAMPLE_MS = 2;
const WEIGHT = 0.3;
// The greatest factor for `aheadMs`. It grows while the queue gives all that is asked for, so that calls are fewer and larger.
const DEEPEST = 4;
// With this many tasks ahead, calls are large enough for their fixed cost.
const DEEPENED_TO = 50;

/**
 * The number of tasks that a worker takes ahead of its free slots: as many as it ends within `aheadMs` by the last samples, and
 * up to four times as many while there is a backlog. Quick handlers get the next batch while the last one is settled; slow
 * handlers leave the tasks to idle workers.
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

  /** The time that a verdict may wait for others: until half of the tasks that were taken ahead are begun. */
  get gatherMs(): number {
    return (this.#aheadMs * this.#depth) / 2;
  }

  /** Tasks to hold ahead of the slots now. */
  ahead(): number {
    const now = monotonicMs();
    const elapsedMs = now - this.#sampledAtMs;
    if (elapsedMs >= SAMPLE_MS) {
      const perMs = this.#ended / elapsedMs;
      // A sample weighs more the longer it is, so a pause removes the earlier pace.
      this.#perMs += (1 - (1 - WEIGHT) ** (elapsedMs / SAMPLE_MS)) * (perMs - this.#perMs);
      this.#ended = 0;
      this.#sampledAtMs = now;
    }
    const ahead = Math.floor(this.#perMs * this.#aheadMs);
    return Math.min(this.#max, Math.max(ahead, Math.min(ahead * this.#depth, DEEPENED_TO)));
  }
}
