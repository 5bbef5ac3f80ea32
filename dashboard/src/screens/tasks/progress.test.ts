import { expect, it } from "vitest";
import { progressOf } from "./progress.ts";

it.each([
  ["0.25", 0.25, null],
  ["1", 1, null],
  ["40", 0.4, null],
  ["101", null, null],
  ["-1", null, null],
  ['"loading"', null, "loading"],
  ['{"done":3,"total":4}', 0.75, "3 of 4"],
  ['{"current":1,"of":8,"message":"mail"}', 0.125, "mail, 1 of 8"],
  ['{"done":5,"total":4}', null, "5 of 4"],
  ['{"percent":0.5}', 0.005, null],
  ['{"progress":0.5,"stage":"upload"}', 0.5, "upload"],
  ['{"step":"query","month":"2026-01"}', null, "query"],
  ['{"rows":7}', null, null],
  ["[1,2]", null, null],
  ["null", null, null],
  ["not JSON", null, null],
])("of the report %s is %s, %s", (json, share, text) => {
  expect(progressOf(json)).toEqual({ share, text });
});
