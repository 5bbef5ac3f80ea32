import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { taskViewOf } from "../../test/support/views.ts";
import { bulkMatcherOf, matcherOf, type TaskFilter, textFinder } from "./filter.ts";

const task = taskViewOf({
  id: "id-7",
  type: "email.Send",
  state: "dead",
  deadReason: "fatal",
  signature: "abcdef012345",
  lastError: "Error: Order 7",
  tags: ["tenant:acme", "blue"],
  payloadText: '{"n":1e3,"name":"Zoë (VIP)"}',
  endedAt: 100,
  flow: { id: "order", name: "pay", waitsFor: 0, skippedBy: null },
});

const isMatch = (filter: TaskFilter) => matcherOf(filter)(task);

describe("a filter", () => {
  test.each<TaskFilter>([
    {},
    { type: "email.Send", reason: "fatal" },
    { tag: "tenant:acme" },
    { flow: "order" },
    { signature: "abcdef012345" },
    { error: "order 7" },
    { error: "ORDER" },
    { q: "1e3" },
    { q: "BLU" },
    { q: "EMAIL.s" },
    { q: "ID-" },
    { q: "zoË (vip" },
    { from: 100, to: 101 },
  ])("%o matches", (filter) => expect(isMatch(filter)).toBe(true));

  test.each<TaskFilter>([
    { type: "email.send" },
    { type: "email.Send", reason: "no_handler" },
    { tag: "tenant:ac" },
    { flow: "ord" },
    { tag: "Tenant:acme" },
    { tag: "tenant:acme", q: "2e3" },
    { signature: "other" },
    { error: "order 8" },
    { q: "2e3" },
    { from: 101 },
    { to: 100 },
    { q: "1e3", type: "other" },
  ])("%o does not match, because all given fields have to match", (filter) =>
    expect(isMatch(filter)).toBe(false),
  );

  test.each<[object, string]>([
    [{ tags: "tenant:acme" }, 'the filter\'s field "tags" is not known; a filter may have type, tag,'],
    [{ Type: "t" }, '"Type" is not known'],
    [{ tag: "" }, '"tag" has to be a text that is not empty, got ""'],
    [{ q: 7 }, '"q" has to be a text that is not empty, got 7'],
    [{ type: null }, '"type" has to be a text'],
    [{ from: "2025-11-29" }, '"from" has to be a number of milliseconds'],
    [{ to: Number.NaN }, '"to" has to be a number of milliseconds'],
    [{ reason: "bored" }, '"reason" has to be one of retries_exhausted'],
  ])("%o is refused, and the error names the field", (filter, message) => {
    expect(() => matcherOf(filter)).toThrow(expect.objectContaining({ code: "invalid_argument" }));
    expect(() => matcherOf(filter)).toThrow(message);
  });

  test("a filter with an undefined field is refused for an action on all matches", () => {
    const unset = { tag: undefined } as unknown as TaskFilter;
    expect(isMatch(unset)).toBe(true);
    expect(() => bulkMatcherOf(unset)).toThrow("leave it out to mean every dead letter");
  });
});

test("any text is found in itself, whatever its case, even if it looks like a pattern", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: "grapheme", minLength: 1 })),
      fc.string(),
      (words, around) => {
        const find = textFinder(words);
        expect(find(around + words + around)).toBe(true);
        if (/^[\x20-\x7e]*$/.test(words + around)) {
          expect(find(around + words.toUpperCase())).toBe(true);
          expect(find(around.toLowerCase() + words.toLowerCase())).toBe(true);
          expect(find(around)).toBe(around.toLowerCase().includes(words.toLowerCase()));
        }
      },
    ),
  );
});
