import { addHistograms, decodeHistogram, encodeHistogram, grownBy, type Histogram } from "./histogram.ts";

/** A queue has separate counts for at most this many task types. Further types are counted as `OTHER_TYPE`. */
export const MAX_TYPES = 64;
export const OTHER_TYPE = "__other__";

/** The attempts of one task type in a span of time. */
export interface TypeCounts {
  /** Attempts that completed or failed. */
  ended: number;
  failed: number;
  /**
   * How long tasks waited: from the enqueue, or the time to which they were delayed, until their first attempt began.
   */
  wait: Histogram;
  run: Histogram;
}

/** The counts by task type. */
export type TypeTable = ReadonlyMap<string, TypeCounts>;

/** The counts by task type in a span of time. */
export interface TypeBucket {
  /** The end of the span, by the clock of Redis, ms since the epoch. */
  at: number;
  spanMs: number;
  types: TypeTable;
}

/** Adds up the counts of several spans or partitions. */
export function addTypes(tables: readonly TypeTable[]): Map<string, TypeCounts> {
  const sum = new Map<string, TypeCounts>();
  for (const table of tables) {
    for (const [type, counts] of table) {
      const before = sum.get(type);
      sum.set(
        type,
        before === undefined
          ? counts
          : {
              ended: before.ended + counts.ended,
              failed: before.failed + counts.failed,
              wait: addHistograms([before.wait, counts.wait]),
              run: addHistograms([before.run, counts.run]),
            },
      );
    }
  }
  return sum;
}

/** Returns how much the counts have grown between two reads. Types without an attempt in between are left out. */
export function typesGrown(before: TypeTable, after: TypeTable): Map<string, TypeCounts> {
  const grown = new Map<string, TypeCounts>();
  for (const [type, now] of after) {
    const then = before.get(type);
    // If the queue was deleted and created again, its counts began again at zero.
    const since = then !== undefined && then.ended <= now.ended ? then : NONE;
    if (now.ended === since.ended) continue;
    grown.set(type, {
      ended: now.ended - since.ended,
      failed: Math.max(0, now.failed - since.failed),
      wait: grownBy(since.wait, now.wait),
      run: grownBy(since.run, now.run),
    });
  }
  return grown;
}

const NONE: TypeCounts = { ended: 0, failed: 0, wait: new Map(), run: new Map() };

/** Parses the fields of the hash `type_timings`. */
export function readTypes(fields: readonly [string, number][]): Map<string, TypeCounts> {
  const types = new Map<
    string,
    { ended: number; failed: number; wait: Map<number, number>; run: Map<number, number> }
  >();
  for (const [field, count] of fields) {
    const space = field.indexOf(" ");
    if (space === -1) continue;
    const type = field.slice(space + 1);
    const counts = types.get(type) ?? { ended: 0, failed: 0, wait: new Map(), run: new Map() };
    types.set(type, counts);
    const bucket = Number(field.slice(1, space));
    if (field.startsWith("n")) counts.ended = count;
    else if (field.startsWith("f")) counts.failed = count;
    else (field.startsWith("w") ? counts.wait : counts.run).set(bucket, count);
  }
  return types;
}

/** Encodes the counts as `type,ended,failed,wait,run` in base 36, separated by "|". */
export function encodeTypes(types: TypeTable): string {
  return [...types]
    .map(([type, { ended, failed, wait, run }]) =>
      [
        encodeURIComponent(type),
        ...[ended, failed].map((value) => value.toString(36)),
        ...[wait, run].map(encodeHistogram),
      ].join(","),
    )
    .join("|");
}

export function decodeTypes(texts: readonly string[]): Map<string, TypeCounts> {
  const types = new Map<string, TypeCounts>();
  for (const text of texts) {
    if (text === "") continue;
    const [type = "", ended = "", failed = "", wait = "", run = ""] = text.split(",");
    types.set(decodeURIComponent(type), {
      ...{ ended: Number.parseInt(ended, 36), failed: Number.parseInt(failed, 36) },
      ...{ wait: decodeHistogram(wait), run: decodeHistogram(run) },
    });
  }
  return types;
}

export const encodeTypeBucket = ({ at, spanMs, types }: TypeBucket): string =>
  `${at.toString(36)},${spanMs.toString(36)}|${encodeTypes(types)}`;

export function decodeTypeBucket(text: string): TypeBucket {
  const [span = "", ...types] = text.split("|");
  const [at = 0, spanMs = 0] = span.split(",").map((value) => Number.parseInt(value, 36));
  return { at, spanMs, types: decodeTypes(types) };
}
