import { describe, expect, it } from "vitest";
import { placesOf } from "./layout.ts";

const groupsOf = (...groups: [layer: number, ...after: number[]][]) =>
  groups.map(([layer, ...after]) => ({ layer, after }));

describe("the places of a graph", () => {
  it("have a column per layer, even if layers are missing, and each column is centred", () => {
    expect(placesOf(groupsOf([0], [5, 0], [5, 0], [9, 1, 2]))).toEqual([
      { column: 0, row: 0.5 },
      { column: 1, row: 0 },
      { column: 1, row: 1 },
      { column: 2, row: 0.5 },
    ]);
  });

  it("are near the boxes before them, so that lines do not cross", () => {
    // Two chains do not cross, although the second layer lists them in the opposite order.
    const places = placesOf(groupsOf([0], [0], [1, 1], [1, 0]));
    expect(places.map(({ row }) => row)).toEqual([0, 1, 1, 0]);
  });

  it("are different for all boxes of a column, and never outside of the graph", () => {
    const wide = Array.from({ length: 390 }, (_, at): [number, ...number[]] =>
      at < 13 ? [0] : [Math.floor(at / 13), at - 13, at - ((at * 7) % 13) - 1],
    );
    const places = placesOf(groupsOf(...wide));
    expect(new Set(places.map(({ column, row }) => `${column} ${row}`)).size).toBe(390);
    expect(Math.min(...places.map(({ row }) => row))).toBe(0);
    expect(Math.max(...places.map(({ row }) => row))).toBe(12);
  });

  it("are none if there are no groups", () => expect(placesOf([])).toEqual([]));
});
