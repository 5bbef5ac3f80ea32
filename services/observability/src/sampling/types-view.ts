import type { HeatColumn, TypeStats, TypesReply } from "@holdfast/contracts/api";
import { addTypes, quantileMs, type TypeBucket, type TypeCounts } from "holdfast/operate";

/** The rows of a heat map. The bound of each row is twice that of the row before, from 0.25 ms to more than an hour. */
const ROWS = 25;
/** More columns than this would be too narrow to tell apart. */
const MOST_COLUMNS = 100;

export const BOUNDS_MS = Array.from({ length: ROWS }, (_, row) => 0.25 * 2 ** row);

/** Returns the counts of each type, and the heat map of one of them. @param buckets oldest first, within the window */
export function typesView(
  buckets: readonly TypeBucket[],
  wanted: string | undefined,
): Pick<TypesReply, "types" | "boundsMs" | "heat"> {
  const all = addTypes(buckets.map(({ types }) => types));
  const types = [...all].map(([type, counts]) => statsOf(type, counts));
  return {
    types: types.sort((a, b) => b.ended - a.ended || a.type.localeCompare(b.type)),
    boundsMs: BOUNDS_MS,
    heat: wanted === undefined ? [] : heatOf(buckets, wanted),
  };
}

function statsOf(type: string, { ended, failed, wait, run }: TypeCounts): TypeStats {
  return {
    ...{ type, ended, failed },
    waitP50Ms: quantileMs(wait, 0.5),
    waitP95Ms: quantileMs(wait, 0.95),
    waitP99Ms: quantileMs(wait, 0.99),
    runP50Ms: quantileMs(run, 0.5),
    runP95Ms: quantileMs(run, 0.95),
    runP99Ms: quantileMs(run, 0.99),
  };
}

function heatOf(buckets: readonly TypeBucket[], type: string): HeatColumn[] {
  const each = Math.ceil(buckets.length / MOST_COLUMNS);
  const columns: HeatColumn[] = [];
  for (let start = 0; start < buckets.length; start += each) {
    const group = buckets.slice(start, start + each);
    const counts = addTypes(group.map(({ types }) => types)).get(type);
    columns.push({
      at: group.at(-1)?.at ?? 0,
      spanMs: group.reduce((sum, { spanMs }) => sum + spanMs, 0),
      wait: rowsOf(counts?.wait),
      run: rowsOf(counts?.run),
    });
  }
  return columns;
}

/** Each row combines four buckets of a histogram. */
function rowsOf(histogram: TypeCounts["run"] = new Map()): number[] {
  const rows = new Array<number>(ROWS).fill(0);
  for (const [bucket, count] of histogram) {
    const row = Math.min(ROWS - 1, Math.ceil(bucket / 4));
    rows[row] = (rows[row] ?? 0) + count;
  }
  return rows;
}
