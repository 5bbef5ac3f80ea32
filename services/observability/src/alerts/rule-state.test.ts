import type { RuleState } from "holdfast/operate";
import { expect, test } from "vitest";
import type { Measure } from "./conditions.ts";
import { type StepInput, stepRule } from "./rule-state.ts";

const bad: Measure = { value: 9, holds: true };
const good: Measure = { value: 0, holds: false };
const rule = { forMs: 60_000, keepFiringForMs: 0, repeatMs: 0, resolved: true };

/** Makes a rule whose state is kept between evaluations. */
function history(options: Partial<StepInput> = {}) {
  let state: RuleState = {};
  return {
    state: () => state,
    /** Evaluates the rule. @returns the messages, such as "firing orders" */
    at(now: number, queues: Record<string, Measure | null>, more: Partial<StepInput> = {}): string[] {
      const step = stepRule({
        ...{ rule, before: state, measures: new Map(Object.entries(queues)), now },
        ...{ isMuted: false, isContinuous: true, ...options, ...more },
      });
      expect(step.isChanged).toBe(JSON.stringify(step.state) !== JSON.stringify(state));
      state = step.state;
      return [...step.messages].flatMap(([kind, named]) => named.map(({ queue }) => `${kind} ${queue}`));
    },
  };
}

test("an alert fires when its condition has held for the given time, and sends one message", () => {
  const { at, state } = history();
  expect(at(0, { orders: bad })).toEqual([]);
  expect(state()).toEqual({ orders: { since: 0, firedAt: null, toldAt: null } });
  expect(at(59_999, { orders: bad })).toEqual([]);
  expect(at(60_000, { orders: bad })).toEqual(["firing orders"]);
  expect(at(61_000, { orders: bad })).toEqual([]);
  expect(at(9e9, { orders: bad })).toEqual([]);
  expect(at(9e9 + 1, { orders: good })).toEqual(["resolved orders"]);
  expect(state()).toEqual({});
});

test("a condition that ends earlier sends no message, and its time starts again", () => {
  const { at } = history();
  at(0, { orders: bad });
  expect(at(59_000, { orders: good })).toEqual([]);
  expect(at(60_000, { orders: bad })).toEqual([]);
  expect(at(119_999, { orders: bad })).toEqual([]);
  expect(at(120_000, { orders: bad })).toEqual(["firing orders"]);
});

test("an alert without a time fires at once", () => {
  expect(history({ rule: { ...rule, forMs: 0 } }).at(5, { orders: bad })).toEqual(["firing orders"]);
});

test("each queue has an alert of its own, and one message names the queues that change together", () => {
  const { at } = history({ rule: { ...rule, forMs: 0 } });
  expect(at(0, { a: bad, b: bad, c: good })).toEqual(["firing a", "firing b"]);
  expect(at(1, { a: good, b: bad, c: bad })).toEqual(["firing c", "resolved a"]);
});

test("a message is repeated after the given time, as long as the alert fires", () => {
  const { at } = history({ rule: { ...rule, forMs: 0, repeatMs: 10_000 } });
  at(0, { orders: bad });
  expect(at(9_999, { orders: bad })).toEqual([]);
  expect(at(10_000, { orders: bad })).toEqual(["repeat orders"]);
  expect(at(19_999, { orders: bad })).toEqual([]);
  expect(at(20_000, { orders: bad })).toEqual(["repeat orders"]);
  expect(at(20_001, { orders: good })).toEqual(["resolved orders"]);
});

test("a muted rule sends nothing; when the mute ends, a message names the queues that still fire", () => {
  const { at } = history({ rule: { ...rule, forMs: 0 } });
  expect(at(0, { orders: bad }, { isMuted: true })).toEqual([]);
  expect(at(1, { orders: bad })).toEqual(["firing orders"]);
});

test("the end of an alert is sent during a mute only if its start was sent before", () => {
  const told = history({ rule: { ...rule, forMs: 0 } });
  told.at(0, { orders: bad });
  expect(told.at(1, { orders: good }, { isMuted: true })).toEqual(["resolved orders"]);
  const untold = history({ rule: { ...rule, forMs: 0 } });
  untold.at(0, { orders: bad }, { isMuted: true });
  expect(untold.at(1, { orders: good })).toEqual([]);
});

test("a rule without messages about the end sends none", () => {
  const { at } = history({ rule: { ...rule, forMs: 0, resolved: false } });
  at(0, { orders: bad });
  expect(at(1, { orders: good })).toEqual([]);
});

test("an alert stays as it is while its figure is not known", () => {
  const { at, state } = history({ rule: { ...rule, forMs: 0 } });
  at(0, { orders: bad });
  expect(at(1, { orders: null, other: null })).toEqual([]);
  expect(Object.keys(state())).toEqual(["orders"]);
});

test("the alert of a queue ends if the queue is deleted or the rule does not cover it any more", () => {
  const { at } = history({ rule: { ...rule, forMs: 0 } });
  at(0, { orders: bad });
  expect(at(1, {})).toEqual(["resolved orders"]);
});

test("after a time in which nobody evaluated the rule, a pending alert starts again and a firing one stays", () => {
  const { at } = history();
  at(0, { old: bad });
  at(60_000, { old: bad, young: bad });
  expect(at(200_000, { old: bad, young: bad }, { isContinuous: false })).toEqual([]);
  expect(at(259_999, { old: bad, young: bad })).toEqual([]);
  expect(at(260_000, { old: bad, young: bad })).toEqual(["firing young"]);
});

test("an alert fires on until its condition has been over for the given time, and flapping tells nothing", () => {
  const { at, state } = history({ rule: { ...rule, forMs: 0, keepFiringForMs: 10_000 } });
  expect(at(0, { orders: bad })).toEqual(["firing orders"]);
  expect(at(1_000, { orders: good })).toEqual([]);
  expect(state()).toEqual({ orders: { since: 0, firedAt: 0, toldAt: 0, overSince: 1_000 } });
  expect(at(10_999, { orders: good })).toEqual([]);
  expect(at(10_999.5, { orders: bad })).toEqual([]);
  expect(state()).toEqual({ orders: { since: 0, firedAt: 0, toldAt: 0 } });
  expect(at(12_000, { orders: good })).toEqual([]);
  expect(at(21_999, { orders: good })).toEqual([]);
  expect(at(22_000, { orders: good })).toEqual(["resolved orders"]);
  expect(state()).toEqual({});
});

test("an alert that is kept firing is not repeated, and ends at once if its queue is gone", () => {
  const { at } = history({ rule: { ...rule, forMs: 0, keepFiringForMs: 10_000, repeatMs: 1_000 } });
  at(0, { orders: bad });
  expect(at(5_000, { orders: good })).toEqual([]);
  expect(at(6_000, {})).toEqual(["resolved orders"]);
});

test("a pending alert is not kept, and after nobody has evaluated the rule a condition has to be over anew", () => {
  const { at, state } = history({ rule: { ...rule, keepFiringForMs: 10_000 } });
  at(0, { old: bad });
  at(60_000, { old: bad, young: bad });
  expect(at(61_000, { old: good, young: good })).toEqual([]);
  expect(Object.keys(state())).toEqual(["old"]);
  expect(at(200_000, { old: good }, { isContinuous: false })).toEqual([]);
  expect(at(209_999, { old: good })).toEqual([]);
  expect(at(210_000, { old: good })).toEqual(["resolved old"]);
});
