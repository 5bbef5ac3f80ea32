import { expect, test } from "vitest";
import { Timings } from "./timings.ts";

function ended(timings: Timings, count: number): void {
  for (let n = 0; n < count; n++) {
    const weight = timings.weight();
    if (weight > 0) timings.add("t", n % 2 === 0 ? 1 : null, 100, false, weight);
  }
}

const sumOf = (fields: (string | number)[], letter: string) =>
  fields.reduce<number>(
    (sum, field, i) => (String(field).startsWith(letter) ? sum + Number(fields[i + 1]) : sum),
    0,
  );

test("a small number of tasks is counted exactly, and the next reading starts at zero", () => {
  const timings = new Timings();
  ended(timings, 100);
  const fields = timings.take();
  expect([sumOf(fields, "w"), sumOf(fields, "r")]).toEqual([50, 100]);
  expect(timings.take()).toEqual([]);
});

test("if very many tasks end, one in eight is measured and counts as eight", () => {
  const timings = new Timings();
  ended(timings, 100_000);
  expect(Math.abs(sumOf(timings.take(), "r") - 100_000)).toBeLessThan(8);
  ended(timings, 1);
  expect(sumOf(timings.take(), "r")).toBe(1);
});
