import { monotonicMs } from "./lease-table.ts";

const SAMPLE_MS = 2;
const WEIGHT = 0.3;
// The largest factor by which the number of tasks ahead may grow. It doubles while each call gets all the tasks that it
// asked for, so that a worker with a backlog makes fewer and larger calls.
const DEEPEST = 4;
// With this many tasks ahead, the fixed cost of a call hardly matters, so the factor grows no further.
const DEEPENED_TO = 50;

/**
 * Decides how many tasks a worker acquires ahead of its free slots: as many as its handlers recently ended within
 * `aheadMs`, and up to four times as many while there is a backlog. So fast handlers get their next tasks while the
 * last ones are settled, and slow handlers leave tasks to other workers.
 */
export class Pace {
  readonly #aheadMs: number;
  readonly #max: number;
  #ended = 0;
  #sampledAtMs = monotonicMs();
  #perMs = 0;
  #depth = 1;

  /** @param max the most tasks to acquire ahead, however fast the handlers are */
  constructor(aheadMs: number, max: number) {
    this.#aheadMs = aheadMs;
    this.#max = max;
  }

  end(): void {
    this.#ended++;
  }

  /** Called when Redis has answered an acquire. @param full whether it granted as many tasks as were asked for */
  answered(full: boolean): void {
    this.#depth = full ? Math.min(DEEPEST, this.#depth * 2) : 1;
  }

  /** How long an ended task may wait for others to be settled with it, ms: until half of the tasks ahead have begun. */
  get gatherMs(): number {
    return (this.#aheadMs * this.#depth) / 2;
  }

  /** Returns how many tasks to acquire ahead of the slots now. */
  ahead(): number {
    const now = monotonicMs();
    const elapsedMs = now - this.#sampledAtMs;
    if (elapsedMs >= SAMPLE_MS) {
      const perMs = this.#ended / elapsedMs;
      // A longer sample has more weight, so that after a pause the older samples no longer count.
      this.#perMs += (1 - (1 - WEIGHT) ** (elapsedMs / SAMPLE_MS)) * (perMs - this.#perMs);
      this.#ended = 0;
      this.#sampledAtMs = now;
    }
    const ahead = Math.floor(this.#perMs * this.#aheadMs);
    return Math.min(this.#max, Math.max(ahead, Math.min(ahead * this.#depth, DEEPENED_TO)));
  }
}
