import { expect, it } from "vitest";
import { originOf } from "./lineage.ts";

it("finds the original task from the id that a replay made", () => {
  expect(originOf("abc.g1")).toEqual({ id: "abc", generation: 1 });
  expect(originOf("abc.g1.g2")).toEqual({ id: "abc.g1", generation: 2 });
  expect(originOf("report.generated")).toBeNull();
  expect(originOf(".g1")).toBeNull();
});
