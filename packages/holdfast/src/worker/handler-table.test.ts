import { expect, test } from "vitest";
import { runsType } from "../engine/type-rules.ts";
import { batch } from "./batch.ts";
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
])("the most exact entry runs the type %s: %s", (type, rule) => {
  expect(table(...RULES).find(type)?.rule).toBe(rule);
  expect(table(...RULES.toReversed()).find(type)?.rule).toBe(rule);
  expect(table(...RULES, "*").find(type)?.rule).toBe(rule ?? "*");
  expect(runsType(RULES, type)).toBe(rule !== undefined);
});

test("each rule for the engine begins with a space, and the index of an entry is its place among the rules", () => {
  const some = table("b", "a.*", "*");
  expect(some.tell(1).text).toBe(" * a.* b");
  expect(table().tell(1).text).toBe(" ");
  expect(some.rules[some.find("a.x")?.index ?? -1]).toBe("a.*");
});

test.each(["**", "*.send", "a*b", ".*", "a *", ""])("%j is refused as the name of a handler", (rule) => {
  expect(() => checkHandlers({ [rule]: handler })).toThrow(/a text that ends with \*/);
});

test("the engine is asked for whole batches: none while as many run as the slots have room for, and with the batch size if they wait", () => {
  const run = batch({ max: 100 }, () => {});
  const waits = batch({ max: 100, waitMs: 50 }, () => {});
  const slots = () => 250;
  const one = new HandlerTable({ row: run }, {}, () => {}, slots);
  expect([one.most(500), one.most(30)]).toEqual([200, 30]);
  expect(one.tell(200, false).text).toBe("");
  expect([one.most(500), one.tell(10, true).text]).toEqual([0, " row=0"]);
  const both = new HandlerTable({ row: waits, mail: () => {} }, {}, () => {}, slots);
  expect(both.most(500)).toBe(500);
  const first = both.tell(250);
  expect(first.text).toBe(" mail row=0/200/100/50");
  expect(both.tell(250)).toMatchObject({ text: " mail row=0", short: ["row"] });
  first.answered();
  expect(both.tell(40).text).toBe(" mail row=0/40/40/50");
  const limited = new HandlerTable({ row: { handler: run, concurrency: 100 } }, {}, () => {}, slots);
  expect(limited.most(500)).toBe(100);
});
