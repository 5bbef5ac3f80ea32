import type { StaleVerdict } from "@holdfast/contracts";
import type { Engine } from "../engine/engine.ts";
import { recordStale, type StaleReport } from "../engine/stale-ledger.ts";

// The most reports that may wait; more are dropped. A process that was stopped for long may report very many at once.
const WAITING = 1_000;

/** Stores the verdicts that came too late (stale), one at a time, while the worker goes on. */
export class StaleReports {
  #last: Promise<void> = Promise.resolve();
  #waiting = 0;

  /** Queues a report. @param onRecorded called when it is stored; @param onError called if it could not be stored */
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

  /** Resolves when every report has been written, or has failed. */
  drain(): Promise<void> {
    return this.#last;
  }
}
