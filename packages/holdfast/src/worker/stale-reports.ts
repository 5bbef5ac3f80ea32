import type { StaleVerdict } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { recordStale, type StaleReport } from "../engine/stale-ledger.ts";

// A worker that continues after a long stop has many stale verdicts at once. If this many wait, further ones are not
// written.
const WAITING = 1_000;

/** Writes stale verdicts into the ledger, one at a time, while the worker continues its work. */
export class StaleReports {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** @param onRecorded called for each report; @param onError called for a report that was lost */
  add(
    engine: Engine,
    report: StaleReport,
    onRecorded: (verdict: StaleVerdict) => void,
    onError: (error: unknown) => void,
  ): void {
    if (this.#waiting >= WAITING) return;
    this.#waiting++;
    this.#last = this.#last
      .then(() => recordStale(engine, report))
      .then(onRecorded)
      .catch(onError)
      .finally(() => {
        this.#waiting--;
      });
  }

  /** Resolves when all reports were written, or could not be written. */
  drain(): Promise<void> {
    return this.#last;
  }
}
