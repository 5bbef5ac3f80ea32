import { expect, it } from "vitest";
import { heatRows } from "./heat-rows.ts";

const column = (at: number, run: number[]) => ({ at, spanMs: 1, wait: [0, 0, 0, 0, 0], run });

it("the rows of a heat map begin with the longest time, without the empty ones at the top and bottom", () => {
  const columns = [column(1, [0, 2, 0, 0, 0]), column(2, [0, 0, 0, 7, 0])];
  const { rows, most } = heatRows(columns, [1, 2, 4, 8, 16], "run");
  expect(rows).toEqual([
    { boundMs: 8, counts: [0, 7] },
    { boundMs: 4, counts: [0, 0] },
    { boundMs: 2, counts: [2, 0] },
  ]);
  expect(most).toBe(7);
  expect(heatRows(columns, [1, 2, 4, 8, 16], "wait")).toEqual({ rows: [], most: 0 });
});
