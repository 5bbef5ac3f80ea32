import type { KeyLimits } from "@holdfast/contracts";
import { expect, it } from "vitest";
import { hasErrors, limitDraft } from "./limit-draft.ts";
import { keyLimitErrors, keyLimitOf, policyDraft } from "./policy-draft.ts";

it("returns the limit from which the draft was made, without default values", () => {
  const limits: KeyLimits[] = [
    { concurrency: 1, ordered: true, onDead: "stop", whenFull: "cancel-running", maxWaiting: 9 },
    { concurrency: 3, whenFull: "drop-new" },
    { maxWaiting: 1_000_000 },
  ];
  for (const limit of limits) {
    const [draft, policy] = [limitDraft(limit), policyDraft(limit)];
    expect(hasErrors(keyLimitErrors(draft, policy))).toBe(false);
    expect(keyLimitOf(draft, policy)).toEqual(limit);
  }
  const defaults: KeyLimits = { ordered: false, onDead: "continue", whenFull: "wait" };
  expect(keyLimitOf(limitDraft(defaults), policyDraft(defaults))).toBeUndefined();
});

it.each([
  [{ ordered: true }, "", "Strict order needs 1."],
  [{ ordered: true }, "2", "Strict order needs 1."],
  [{ ordered: true }, " 1 ", null],
  [{ whenFull: "drop-new" }, "", "Needed to know when a key is full."],
  [{ whenFull: "drop-new" }, "many", "A whole number, 1 to 1,000,000."],
  [{ whenFull: "wait" }, "", null],
] as const)("the policies %j with a concurrency of %j give the error %j", (limit, concurrency, error) => {
  const draft = { ...limitDraft(undefined), concurrency };
  expect(keyLimitErrors(draft, policyDraft(limit)).concurrency).toBe(error);
});
