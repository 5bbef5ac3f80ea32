import type { Engine } from "../engine/engine.ts";
import type { Connection } from "../redis/connection.ts";
import { BUCKETS, bucketOf } from "../series/histogram.ts";
import { monotonicMs } from "./lease-table.ts";
import type { RunningTask } from "./running-task.ts";
import { TypeTimings } from "./type-timings.ts";

// After each write, the first ALL tasks are measured, then only one in EACH, which counts EACH times (hot path).
const ALL = 512;
const EACH = 8;
/** Only one in this many writes includes the counts by type. */
const TYPES_EVERY = 10;

/** Counts how long the tasks of one queue waited and ran since the last write to Redis. */
export class Timings {
  readonly #wait = new Uint32Array(BUCKETS);
  readonly #run = new Uint32Array(BUCKETS);
  #ended = 0;
  #writes = 0;
  /** The same counts by task type. They are written less often, because charts show them in steps of five minutes. */
  readonly types = new TypeTimings();

  /** Returns how many tasks the measurement of the next ended task stands for; 0 means that it is not measured. */
  weight(): number {
    this.#ended++;
    return this.#ended <= ALL ? 1 : this.#ended % EACH === 0 ? EACH : 0;
  }

  /**
   * Adds one measurement of an attempt that completed or failed.
   * @param waitMs from the enqueue, or the time to which the task was delayed, until its first attempt began; null if
   * this attempt is not the first one
   */
  add(type: string, waitMs: number | null, runMs: number, failed: boolean, weight: number): void {
    const wait = waitMs === null ? null : bucketOf(waitMs);
    const run = bucketOf(runMs);
    if (wait !== null) (this.#wait[wait] as number) += weight;
    (this.#run[run] as number) += weight;
    this.types.add(type, wait, run, failed, weight);
  }

  ended(task: RunningTask, failed: boolean, connection: Connection): void {
    const weight = this.weight();
    if (weight === 0) return;
    const runMs = monotonicMs() - task.startedAtMs;
    const waitMs = task.fresh ? connection.now() - runMs - task.dueAt : null;
    this.add(task.type, waitMs, runMs, failed, weight);
  }

  /**
   * Writes the counts since the last write. After a failure they are dropped, because only charts use them.
   * @param isLast true if the worker stops, so that the counts by type have to be written as well
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
