import { expect, test } from "vitest";
import type { AlertCondition, AlertRuleView } from "../../api/alerts.ts";
import { type RuleDraft, ruleBody, ruleDraft, ruleErrors } from "./rule-draft.ts";

const rule = (when: AlertCondition): AlertRuleView => ({
  ...{ name: "r", when, queues: "mail.*", resolved: false, targets: ["ops"] },
  ...{ forMs: 90_000, keepFiringForMs: 600_000, repeatMs: 0 },
  ...{ updatedAt: 1, state: "ok", since: null, alerts: [], mute: null },
});

test.each<AlertCondition>([
  { kind: "dead_letters", above: 7 },
  { kind: "oldest_pending", aboveMs: 90_000 },
  { kind: "no_workers" },
  { kind: "failure_ratio", above: 0.125, windowMs: 60_000, minTasks: 5 },
])("a form of $kind that is not touched changes nothing", (when) => {
  const {
    name: _,
    updatedAt: _at,
    state: _state,
    since: _since,
    alerts: _alerts,
    mute: _mute,
    ...body
  } = rule(when);
  const draft = ruleDraft(rule(when));
  expect(ruleBody(draft)).toEqual(body);
  expect(Object.values(ruleErrors(draft)).every((error) => error === null)).toBe(true);
});

test.each<[keyof ReturnType<typeof ruleErrors>, Partial<RuleDraft>]>([
  ["name", { name: "No Name" }],
  ["dead", { kind: "dead_letters", dead: "-1" }],
  ["age", { kind: "oldest_pending", age: { amount: "5", unit: "ms" } }],
  ["percent", { kind: "failure_ratio", percent: "100" }],
  ["percent", { kind: "failure_ratio", percent: "" }],
  ["window", { kind: "failure_ratio", window: { amount: "1", unit: "h" } }],
  ["minTasks", { kind: "failure_ratio", minTasks: "" }],
  ["queues", { queues: "a{b}" }],
  ["for", { for: { amount: "x", unit: "s" } }],
  ["keep", { keep: { amount: "x", unit: "s" } }],
])("%s is refused for %j", (field, part) => {
  expect(ruleErrors({ ...ruleDraft(null), name: "r", ...part })[field]).not.toBeNull();
});

test("only the fields of the chosen condition are checked, and an empty time is 0", () => {
  const draft = { ...ruleDraft(null), name: "r", kind: "no_workers" as const, dead: "x", percent: "x" };
  expect(Object.values(ruleErrors(draft)).every((error) => error === null)).toBe(true);
  expect(ruleBody({ ...draft, for: { amount: "", unit: "h" } })).toMatchObject({
    ...{ when: { kind: "no_workers" }, forMs: 0, keepFiringForMs: 0, repeatMs: 0 },
  });
});
