import type { Engine } from "../engine/engine.ts";
import type { Connection } from "../redis/connection.ts";
import { BUCKETS, bucketOf } from "../series/histogram.ts";
import { monotonicMs } from "./lease-table.ts";
import type { RunningTask } from "./running-task.ts";

// If more than ALL tasks have ended since the last write, only one in EACH is measured and counts for all of them,
// because reading the clocks is expensive (hot path).
const ALL = 512;
const EACH = 8;

/** Counts how long the tasks of one queue waited and ran since the last write. */
export class Timings {
  readonly #wait = new Uint32Array(BUCKETS);
  readonly #run = new Uint32Array(BUCKETS);
  #ended = 0;

  /** Returns for how many tasks the task counts that has just ended; 0 if it is not measured. */
  weight(): number {
    this.#ended++;
    return this.#ended <= ALL ? 1 : this.#ended % EACH === 0 ? EACH : 0;
  }

  /**
   * Adds one measurement. @param waitMs from the enqueue or the due time to the first start of the task; null if this
   * start is not the first
   */
  add(waitMs: number | null, runMs: number, weight: number): void {
    if (waitMs !== null) (this.#wait[bucketOf(waitMs)] as number) += weight;
    (this.#run[bucketOf(runMs)] as number) += weight;
  }

  /** Measures the attempt that has just ended. */
  ended(task: RunningTask, connection: Connection): void {
    const weight = this.weight();
    if (weight === 0) return;
    const runMs = monotonicMs() - task.startedAtMs;
    this.add(task.fresh ? connection.now() - runMs - task.dueAt : null, runMs, weight);
  }

  /**
   * Writes the measurements since the last write to Redis. They are only for charts, so they are dropped if the write
   * fails.
   */
  async write(engine: Engine): Promise<void> {
    const fields = this.take();
    if (fields.length > 0) await engine.timings(fields).catch(() => {});
  }

  /** Returns the fields and counts for the script, and resets them. Empty if no task ended. */
  take(): (string | number)[] {
    if (this.#ended === 0) return [];
    this.#ended = 0;
    const fields: (string | number)[] = [];
    for (let bucket = 0; bucket < BUCKETS; bucket++) {
      const waited = this.#wait[bucket] as number;
      const ran = this.#run[bucket] as number;
      if (waited > 0) fields.push(`w${bucket}`, waited);
      if (ran > 0) fields.push(`r${bucket}`, ran);
    }
    this.#wait.fill(0);
    this.#run.fill(0);
    return fields;
  }
}
