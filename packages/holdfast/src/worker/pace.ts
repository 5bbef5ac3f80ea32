import { monotonicMs } from "./lease-table.ts";

const SAMPLE_MS = 2;
const WEIGHT = 0.3;
// The largest factor for `aheadMs`. The factor grows while the queue grants every task that was asked for, so that the
// worker makes fewer and larger calls.
const DEEPEST = 4;
// With this many tasks ahead, a call is large enough that its fixed cost no longer matters.
const DEEPENED_TO = 50;

/**
 * Decides how many tasks a worker holds ahead of its free slots: as many as its handlers ended within `aheadMs`
 * according to the last samples, and up to four times as many while there is a backlog. So fast handlers get their next
 * tasks while the last ones are settled, and slow handlers leave the tasks to idle workers.
 */
export class Pace {
  readonly #aheadMs: number;
  readonly #max: number;
  #ended = 0;
  #sampledAtMs = monotonicMs();
  #perMs = 0;
  #depth = 1;

  /** @param max the most tasks to hold ahead, at any pace */
  constructor(aheadMs: number, max: number) {
    this.#aheadMs = aheadMs;
    this.#max = max;
  }

  /** Called when a handler has ended. */
  end(): void {
    this.#ended++;
  }

  /** Called when an acquire was answered. @param full whether the acquire got all the tasks that it asked for */
  answered(full: boolean): void {
    this.#depth = full ? Math.min(DEEPEST, this.#depth * 2) : 1;
  }

  /** How long a verdict may wait for others, ms: until half of the tasks that are held ahead have begun. */
  get gatherMs(): number {
    return (this.#aheadMs * this.#depth) / 2;
  }

  /** How many tasks to hold ahead of the slots now. */
  ahead(): number {
    const now = monotonicMs();
    const elapsedMs = now - this.#sampledAtMs;
    if (elapsedMs >= SAMPLE_MS) {
      const perMs = this.#ended / elapsedMs;
      // A longer sample has more weight, so that after a pause the earlier pace no longer counts.
      this.#perMs += (1 - (1 - WEIGHT) ** (elapsedMs / SAMPLE_MS)) * (perMs - this.#perMs);
      this.#ended = 0;
      this.#sampledAtMs = now;
    }
    const ahead = Math.floor(this.#perMs * this.#aheadMs);
    return Math.min(this.#max, Math.max(ahead, Math.min(ahead * this.#depth, DEEPENED_TO)));
  }
}
