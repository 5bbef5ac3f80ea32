import type { Engine } from "../engine/engine.ts";
import type { Connection } from "../redis/connection.ts";
import { BUCKETS, bucketOf } from "../series/histogram.ts";
import { monotonicMs } from "./lease-table.ts";
import type { RunningTask } from "./running-task.ts";
import { TypeTimings } from "./type-timings.ts";

// The first ALL tasks after a write are all measured. After that, only one in EACH tasks is measured, and it counts as
// EACH tasks, because reading the clocks is expensive (hot path).
const ALL = 512;
const EACH = 8;
/** One in this many writes also writes the counts by type. */
const TYPES_EVERY = 10;

/** Counts how long the tasks of one queue waited and ran since the last write. */
export class Timings {
  readonly #wait = new Uint32Array(BUCKETS);
  readonly #run = new Uint32Array(BUCKETS);
  #ended = 0;
  #writes = 0;
  /** The same measurements by task type. They are written less often, because they are shown in steps of five minutes. */
  readonly types = new TypeTimings();

  /** Returns for how many tasks the task counts that has just ended; 0 if it is not measured. */
  weight(): number {
    this.#ended++;
    return this.#ended <= ALL ? 1 : this.#ended % EACH === 0 ? EACH : 0;
  }

  /**
   * Adds one measurement of an attempt that completed or failed.
   * @param waitMs from the enqueue or the due time to the first start of the task; null if this start is not the first
   */
  add(type: string, waitMs: number | null, runMs: number, failed: boolean, weight: number): void {
    const wait = waitMs === null ? null : bucketOf(waitMs);
    const run = bucketOf(runMs);
    if (wait !== null) (this.#wait[wait] as number) += weight;
    (this.#run[run] as number) += weight;
    this.types.add(type, wait, run, failed, weight);
  }

  /** Measures the attempt that has just ended. */
  ended(task: RunningTask, failed: boolean, connection: Connection): void {
    const weight = this.weight();
    if (weight === 0) return;
    const runMs = monotonicMs() - task.startedAtMs;
    const waitMs = task.fresh ? connection.now() - runMs - task.dueAt : null;
    this.add(task.type, waitMs, runMs, failed, weight);
  }

  /**
   * Writes the measurements since the last write to Redis. They are only for charts, so they are dropped if the write
   * fails.
   * @param isLast whether to write the counts by type too, although it is not their turn
   */
  async write(engine: Engine, isLast = false): Promise<void> {
    const fields = this.take();
    const isTurn = this.#writes++ % TYPES_EVERY === 0;
    if (fields.length > 0) await engine.timings(fields).catch(() => {});
    if (isTurn || isLast) await this.types.write(engine);
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
