import { expect, test } from "vitest";
import { TypeTimings } from "./type-timings.ts";

test("counts each type by itself, and the next reading starts at zero", () => {
  const timings = new TypeTimings();
  timings.add("a", 3, 10, false, 1);
  timings.add("a", null, 10, true, 8);
  timings.add("b", 4, 11, false, 1);
  expect(timings.take()).toEqual([
    { type: "a", fields: ["n", 9, "f", 8, "w3", 1, "r10", 9] },
    { type: "b", fields: ["n", 1, "w4", 1, "r11", 1] },
  ]);
  expect(timings.take()).toEqual([]);
});

test("at most 64 types are counted, and all others together", () => {
  const timings = new TypeTimings();
  for (let n = 0; n < 1_000; n++) timings.add(`type.${n}`, null, 1, false, 1);
  const taken = timings.take();
  expect(taken).toHaveLength(65);
  expect(taken.at(-1)).toEqual({ type: "__other__", fields: ["n", 936, "r1", 936] });
});
