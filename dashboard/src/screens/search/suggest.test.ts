import { parseQuery } from "@holdfast/contracts";
import { expect, it } from "vitest";
import { suggest, wordAt } from "./suggest.ts";

const known = { type: ["email.send", "sms.send"], tag: ["tenant:7", "two words"] };
const texts = (typed: string) => suggest(typed, known).map(({ text }) => text);

it("finds the word at the caret, and a quoted blank does not end it", () => {
  expect(wordAt("type:a tag:b", 9)).toEqual({ start: 7, end: 12, typed: "ta" });
  expect(wordAt("type:a tag:b", 6)).toEqual({ start: 0, end: 6, typed: "type:a" });
  expect(wordAt('error~"a b" x', 9)).toEqual({ start: 0, end: 11, typed: 'error~"a ' });
  expect(wordAt("type:a ", 7)).toEqual({ start: 7, end: 7, typed: "" });
});

it("suggests fields first, and then the values of the field", () => {
  expect(texts("")).toContain("type:");
  expect(texts("ty")).toEqual(["type:"]);
  expect(texts("-rea")).toEqual(["-reason:"]);
  expect(texts("type:SMS")).toEqual(["type:sms.send "]);
  expect(texts("-type:email.send,s")).toEqual(["-type:email.send,sms.send "]);
  expect(texts("tag:two")).toEqual(['tag:"two words" ']);
  expect(texts("state:de")).toEqual(["state:dead "]);
  expect(texts("died:")).toContain("died:<1h ");
  expect(texts("nothing:")).toEqual([]);
});

it("suggests only values that make a valid clause", () => {
  for (const field of ["state", "reason", "priority", "attempts", "died", "due", "time", "type", "tag"])
    for (const text of texts(`${field}:`)) expect([text, parseQuery(text).ok]).toEqual([text, true]);
});
