import fc from "fast-check";
import { expect, test } from "vitest";
import { membersOf } from "./json-text.ts";
import { linesOf, taskOfLine, withId } from "./task-lines.ts";

test("the members of any object are cut as they were written", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), fc.constantFrom(0, 1, "\t"), (value, indent) => {
      const members = membersOf(JSON.stringify(value, null, indent));
      const parsed = [...(members ?? [])].map(([key, text]) => [key, JSON.parse(text)]);
      const expected = Object.entries(JSON.parse(JSON.stringify(value)));
      expect(parsed).toEqual(expected);
      for (const text of members?.values() ?? []) expect(text).toBe(text.trim());
    }),
  );
});

test("numbers keep every digit, and text its escapes", () => {
  const members = membersOf('{"a":12345678901234567890 , "b" : [1.50, {"c":"}\\"]"}],"\\u0064":"\\u00e9"}');
  expect([...(members ?? [])]).toEqual([
    ["a", "12345678901234567890"],
    ["b", '[1.50, {"c":"}\\"]"}]'],
    ["d", '"\\u00e9"'],
  ]);
});

test("another kind of value has no members; what is not JSON, or ambiguous, is refused", () => {
  for (const text of ["[]", "1", '"x"', "null"]) expect(membersOf(text)).toBeNull();
  expect(() => membersOf("{")).toThrow("not valid JSON");
  expect(() => membersOf('{"a":1,"\\u0061":2}')).toThrow("twice");
});

test("lines are found wherever chunks end", async () => {
  const text = "one\n\nzwölf\nlast";
  for (let size = 1; size <= 5; size++) {
    const bytes = Buffer.from(text);
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    );
    const lines: string[] = [];
    for await (const line of linesOf(chunks as unknown as AsyncIterable<Buffer>)) lines.push(line.toString());
    expect(lines).toEqual(["one", "", "zwölf", "last"]);
  }
});

test("a refused line gets the id that was sent for it, unless it has its own", () => {
  const line = Buffer.from(' {"type":"ok","payload":{"id":1}}');
  expect(withId(line, "x1").toString()).toBe(
    ' {"id":"x1","ifEnded":"duplicate","type":"ok","payload":{"id":1}}',
  );
  expect(taskOfLine(withId(line, "x1"))).toEqual({
    type: "ok",
    payloadText: '{"id":1}',
    id: "x1",
    ifEnded: "duplicate",
  });
  expect(withId(Buffer.from('{"type":"ok","id":"mine"}'), "x1").toString()).toBe('{"type":"ok","id":"mine"}');
  expect(withId(line, null)).toBe(line);
  expect(() => taskOfLine(Buffer.from([0x7b, 0xff, 0x7d]))).toThrow("UTF-8");
});
