import { expect, test } from "vitest";
import { isNewTaskId, isQueueName, isTaskId, isTaskType } from "./names.ts";

const neverNames = ["", " ", "a b", "a{b", "a}b", "a\n", "\na", "é", "a\u0000", undefined, null, 7, ["a"]];

test.each([
  ["a", true],
  ["0", true],
  ["a.b-c_D9", true],
  ["x".repeat(64), true],
  ["x".repeat(65), false],
  [".a", false],
  ["_a", false],
  ["-a", false],
  ["a..b", false],
  ["a:b", false],
  ["a/b", false],
  [":system", false],
])("queue name %s: %s", (name, fits) => {
  expect(isQueueName(name)).toBe(fits);
});

test.each([
  ["a", true],
  [".:_-", true],
  ["order:17.g1", true],
  ["x".repeat(128), true],
  ["x".repeat(129), false],
  ["a/b", false],
  ["#counters", false],
])("task id %s: %s", (id, fits) => {
  expect(isTaskId(id)).toBe(fits);
});

test.each([
  [".", true, false],
  ["..", true, false],
  ["...", true, true],
  [".a", true, true],
  ["a.", true, true],
  ["", false, false],
  [".\n", false, false],
])("task id %j: known %s, new %s", (id, known, fresh) => {
  expect([isTaskId(id), isNewTaskId(id)]).toEqual([known, fresh]);
});

test.each([
  ["email.send", true],
  ["a/b:c-d_e", true],
  ["x".repeat(128), true],
  ["x".repeat(129), false],
  ["a@2", true],
  [`${"x".repeat(128)}@999999999`, true],
  ["a@", false],
  ["a@0", false],
  ["a@2@3", false],
  ["@2", false],
  [".a", false],
  ["/a", false],
  ["a=b", false],
])("task type %s: %s", (type, fits) => {
  expect(isTaskType(type)).toBe(fits);
});

test.each(neverNames)("%j is not a valid name", (value) => {
  expect([isQueueName(value), isTaskId(value), isTaskType(value)]).toEqual([false, false, false]);
});
