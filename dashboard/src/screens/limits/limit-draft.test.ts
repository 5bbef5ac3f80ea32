import { expect, it } from "vitest";
import { hasErrors, limitDraft, limitErrors, limitOf, spanError, spanMsOf } from "./limit-draft.ts";

it("returns the limit from which the draft was made", () => {
  for (const limit of [
    { concurrency: 3 },
    { rate: { limit: 10, periodMs: 1_500, burst: 4 } },
    { concurrency: 1, rate: { limit: 1, periodMs: 31_536_000_000, burst: 1 }, weight: 0.001 },
  ]) {
    const draft = limitDraft(limit);
    expect(hasErrors(limitErrors(draft))).toBe(false);
    expect(limitOf(draft)).toEqual(limit);
  }
});

it("reads empty fields as no limit, and ignores the period and burst of an empty rate", () => {
  expect(limitOf(limitDraft(undefined))).toBeUndefined();
  const emptied = { ...limitDraft({ rate: { limit: 10, periodMs: 1_000, burst: 5 } }), rate: " " };
  expect(hasErrors(limitErrors({ ...emptied, burst: "many" }))).toBe(false);
  expect(limitOf(emptied)).toBeUndefined();
  expect(limitOf({ ...emptied, weight: "1" })).toBeUndefined();
});

it("refuses values that the service would refuse", () => {
  const draft = { ...limitDraft(undefined), rate: "10" };
  for (const concurrency of ["0", "-1", "1.5", "1e3", "1000001", "many"])
    expect(limitErrors({ ...draft, concurrency }).concurrency).toBe("A whole number, 1 to 1,000,000.");
  for (const weight of ["0", "1001", "heavy"])
    expect(limitErrors({ ...draft, weight }).weight).not.toBeNull();
  expect(limitErrors({ ...draft, period: { amount: "", unit: "s" } }).period).not.toBeNull();
  expect(limitErrors({ ...draft, burst: "0" }).burst).not.toBeNull();
  expect(spanError({ amount: "365", unit: "d" })).toBeNull();
  expect(spanError({ amount: "366", unit: "d" })).not.toBeNull();
  expect(spanMsOf({ amount: "90", unit: "s" })).toBe(90_000);
});
