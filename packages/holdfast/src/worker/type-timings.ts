import type { Engine } from "../engine/engine.ts";
import { BUCKETS } from "../series/histogram.ts";
import { MAX_TYPES, OTHER_TYPE } from "../series/type-series.ts";

interface Counts {
  ended: number;
  failed: number;
  wait: Uint32Array;
  run: Uint32Array;
}

/** Counts how long the attempts of each task type waited and ran since the last write to Redis, and how many failed. */
export class TypeTimings {
  // The map has at most MAX_TYPES types and OTHER_TYPE, so it cannot grow without limit if a handler runs every type.
  readonly #types = new Map<string, Counts>();

  /** @param wait the histogram bucket of the wait; null if the attempt was not the first one */
  add(type: string, wait: number | null, run: number, failed: boolean, weight: number): void {
    const counts = this.#types.get(type) ?? this.#begin(type);
    counts.ended += weight;
    if (failed) counts.failed += weight;
    if (wait !== null) (counts.wait[wait] as number) += weight;
    (counts.run[run] as number) += weight;
  }

  /** Writes the counts since the last write to Redis. If a write fails, its counts are dropped. */
  async write(engine: Engine): Promise<void> {
    for (const { type, fields } of this.take()) await engine.typeTimings(type, fields).catch(() => {});
  }

  take(): { type: string; fields: (string | number)[] }[] {
    const all: { type: string; fields: (string | number)[] }[] = [];
    for (const [type, counts] of this.#types) {
      if (counts.ended === 0) continue;
      const fields: (string | number)[] = ["n", counts.ended];
      if (counts.failed > 0) fields.push("f", counts.failed);
      for (let bucket = 0; bucket < BUCKETS; bucket++) {
        const waited = counts.wait[bucket] as number;
        const ran = counts.run[bucket] as number;
        if (waited > 0) fields.push(`w${bucket}`, waited);
        if (ran > 0) fields.push(`r${bucket}`, ran);
      }
      Object.assign(counts, { ended: 0, failed: 0 });
      counts.wait.fill(0);
      counts.run.fill(0);
      all.push({ type, fields });
    }
    return all;
  }

  #begin(type: string): Counts {
    const name = this.#types.size < MAX_TYPES ? type : OTHER_TYPE;
    const known = this.#types.get(name);
    if (known) return known;
    const counts = { ended: 0, failed: 0, wait: new Uint32Array(BUCKETS), run: new Uint32Array(BUCKETS) };
    this.#types.set(name, counts);
    return counts;
  }
}
