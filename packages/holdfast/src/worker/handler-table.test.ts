import { expect, test } from "vitest";
import { runsType } from "../engine/type-rules.ts";
import { checkHandlers } from "./handler-options.ts";
import { HandlerTable } from "./handler-table.ts";

const handler = () => {};
const RULES = ["email.send", "email.*", "email.bulk.*", "e*", "report"];
const table = (...rules: string[]) =>
  new HandlerTable(Object.fromEntries(rules.map((rule) => [rule, handler])));

test.each([
  ["email.send", "email.send"],
  ["email.sendto", "email.*"],
  ["email.bulk.news", "email.bulk.*"],
  ["email.", "email.*"],
  ["email", "e*"],
  ["report", "report"],
  ["reports", undefined],
])("the most exact of several entries runs %s: %s", (type, rule) => {
  expect(table(...RULES).find(type)?.rule).toBe(rule);
  expect(table(...RULES.toReversed()).find(type)?.rule).toBe(rule);
  expect(table(...RULES, "*").find(type)?.rule).toBe(rule ?? "*");
  expect(runsType(RULES, type)).toBe(rule !== undefined);
});

test("the rules for the engine have a space before each, and the index of an entry is its place", () => {
  const some = table("b", "a.*", "*");
  expect(some.tell(1).text).toBe(" * a.* b");
  expect(table().tell(1).text).toBe(" ");
  expect(some.rules[some.find("a.x")?.index ?? -1]).toBe("a.*");
});

test.each(["**", "*.send", "a*b", ".*", "a *", ""])("%j is refused as the name of a handler", (rule) => {
  expect(() => checkHandlers({ [rule]: handler })).toThrow(/a text that ends with \*/);
});
