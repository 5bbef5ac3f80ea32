import { Value } from "typebox/value";
import { expect, test } from "vitest";
import { DeadLetterQuery, QueueName } from "./index.ts";

test.each(["default", "a.b-c_9", "A".repeat(64)])("%s is a queue name", (name) => {
  expect(Value.Check(QueueName, name)).toBe(true);
});

test.each(["", ".a", "a..b", "a{b}", "a/b", "A".repeat(65)])("%s is not a queue name", (name) => {
  expect(Value.Check(QueueName, name)).toBe(false);
});

test("the state of dead letters cannot be chosen", () => {
  expect(Value.Check(DeadLetterQuery, { limit: 5 })).toBe(true);
  expect(Value.Check(DeadLetterQuery, { limit: 5, state: "pending" })).toBe(false);
});
