import { beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { Pace } from "./pace.ts";

let nowMs = 0;

beforeEach(() => {
  nowMs = 1_000;
  const clock = vi
    .spyOn(process, "hrtime")
    .mockImplementation((() => [0, nowMs * 1e6]) as unknown as typeof process.hrtime);
  onTestFinished(() => clock.mockRestore());
});

/** Ends this many handlers and moves the clock by this many ms. */
function end(pace: Pace, handlers: number, ms: number): void {
  for (let n = 0; n < handlers; n++) pace.end();
  nowMs += ms;
}

/** Makes a pace that has seen this many tasks per ms for a long time. */
function steady(perMs: number, aheadMs = 5): Pace {
  const pace = new Pace(aheadMs, 400);
  end(pace, perMs * 1_000, 1_000);
  pace.ahead();
  return pace;
}

test("no tasks are taken ahead before a handler has ended, or for handlers that are slow", () => {
  expect(new Pace(5, 400).ahead()).toBe(0);
  expect(steady(0.1).ahead()).toBe(0);
});

test("as many tasks are taken ahead as handlers end within aheadMs, up to the maximum", () => {
  expect(steady(2).ahead()).toBe(10);
  expect(steady(1_000).ahead()).toBe(400);
  expect(steady(2, 0).ahead()).toBe(0);
});

test("with a backlog four times as many tasks are taken ahead, until one answer has fewer tasks than asked for", () => {
  const pace = steady(2);
  const seen = [1, 2, 3].map(() => {
    pace.answered(true);
    return pace.ahead();
  });
  expect(seen).toEqual([20, 40, 40]);
  expect(pace.gatherMs).toBe(10);
  pace.answered(false);
  expect(pace.ahead()).toBe(10);
  expect(pace.gatherMs).toBe(2.5);
});

test("the number grows only until calls are large enough, unless the pace alone needs more tasks", () => {
  const pace = steady(8);
  expect(pace.ahead()).toBe(40);
  pace.answered(true);
  expect(pace.ahead()).toBe(50);
  const quick = steady(30);
  quick.answered(true);
  expect(quick.ahead()).toBe(150);
});

test("one slow sample lowers the pace a little, and a long pause resets it", () => {
  const pace = steady(2);
  nowMs += 2;
  expect(pace.ahead()).toBe(7);
  nowMs += 200;
  expect(pace.ahead()).toBe(0);
});
