import type { HeatColumn } from "../../api/type-stats.ts";

export interface HeatRow {
  /** The longest time of the row, ms. */
  boundMs: number;
  /** The numbers of attempts, one per column. */
  counts: number[];
}

/** Returns the rows from the longest time to the shortest, without the empty ones at the top and the bottom. */
export function heatRows(
  columns: readonly HeatColumn[],
  boundsMs: readonly number[],
  by: "wait" | "run",
): { rows: HeatRow[]; most: number } {
  const all = boundsMs.map((boundMs, row) => ({
    boundMs,
    counts: columns.map((column) => column[by][row] ?? 0),
  }));
  const isUsed = ({ counts }: HeatRow) => counts.some((attempts) => attempts > 0);
  const first = all.findIndex(isUsed);
  const rows = first === -1 ? [] : all.slice(first, all.findLastIndex(isUsed) + 1).reverse();
  return { rows, most: Math.max(0, ...rows.flatMap(({ counts }) => counts)) };
}
