import type { FlowGroup } from "@holdfast/contracts";

/** The place of a box, by its column and its row. */
export interface Place {
  column: number;
  row: number;
}

/** How often the boxes of each column are sorted by the rows of the boxes that they are connected with. */
const SWEEPS = 4;

/**
 * Places the groups of a graph. Each layer is a column. A box is placed near the boxes that it is connected with, so
 * that few lines cross.
 */
export function placesOf(groups: readonly Pick<FlowGroup, "layer" | "after">[]): Place[] {
  const layers = [...new Set(groups.map(({ layer }) => layer))].sort((a, b) => a - b);
  const columnOf = new Map(layers.map((layer, column) => [layer, column]));
  const columns: number[][] = layers.map(() => []);
  for (const [group, { layer }] of groups.entries()) columns[columnOf.get(layer) as number]?.push(group);
  const behind: number[][] = groups.map(() => []);
  for (const [group, { after }] of groups.entries()) for (const other of after) behind[other]?.push(group);

  const rows = groups.map(() => 0);
  const number = (column: readonly number[]) => {
    for (const [row, group] of column.entries()) rows[group] = row - (column.length - 1) / 2;
  };
  for (const column of columns) number(column);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isForward = sweep % 2 === 0;
    for (const column of isForward ? columns : columns.toReversed()) {
      const middles = new Map(
        column.map((group) => {
          const near = isForward ? (groups[group]?.after ?? []) : (behind[group] ?? []);
          const sum = near.reduce((total, other) => total + (rows[other] ?? 0), 0);
          return [group, near.length === 0 ? (rows[group] as number) : sum / near.length];
        }),
      );
      column.sort((a, b) => (middles.get(a) as number) - (middles.get(b) as number));
      number(column);
    }
  }
  const first = Math.min(0, ...rows);
  return groups.map(({ layer }, group) => ({
    column: columnOf.get(layer) as number,
    row: (rows[group] as number) - first,
  }));
}
