import { expect, test } from "vitest";
import { RequestSlots } from "./task-scripts.ts";

test("two processes of the same name never share a slot: their sequences both begin at 1", () => {
  const [before, after] = [new RequestSlots("producer-api").take(), new RequestSlots("producer-api").take()];
  expect([before.sequence, after.sequence]).toEqual([1, 1]);
  expect(before.requestSlot).not.toBe(after.requestSlot);
});

test("a slot serves one call at a time, and its sequence grows", () => {
  const slots = new RequestSlots();
  const [first, second] = [slots.take(), slots.take()];
  expect(second.requestSlot).not.toBe(first.requestSlot);
  slots.give(first);
  const third = slots.take();
  expect([third.requestSlot, third.sequence]).toEqual([first.requestSlot, 2]);
});
