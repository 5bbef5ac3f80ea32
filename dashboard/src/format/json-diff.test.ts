import { describe, expect, it } from "vitest";
import { jsonChanges } from "./json-diff.ts";

const told = (before: string, after: string) =>
  jsonChanges(before, after, "payload")?.map(({ path, from, to }) => `${path}: ${from} -> ${to}`) ?? null;

describe("the changes between two JSON texts", () => {
  it("are listed by path, with the exact text before and after", () => {
    expect(
      told(
        '{"to":"a@x","n":12345678901234567890,"old":[1],"deep":{"a":{"b":1}}}',
        '{ "to": "b@x", "n": 12345678901234567891, "deep": {"a": {"b": 1.0}}, "new": {"x": 1} }',
      ),
    ).toEqual([
      'payload.to: "a@x" -> "b@x"',
      "payload.n: 12345678901234567890 -> 12345678901234567891",
      "payload.old: [1] -> null",
      "payload.deep.a.b: 1 -> 1.0",
      'payload.new: null -> {"x":1}',
    ]);
  });

  it("are none for white space and the order of members", () => {
    expect(told('{"a":1,"b":[1,2]}', '{\n "b": [1, 2],\n "a": 1 }')).toEqual([]);
  });

  it("are one for an item that was inserted or removed", () => {
    expect(told('["a","b","c"]', '["x","a","b","c"]')).toEqual(['payload[0]: null -> "x"']);
    expect(told('["a","b","c"]', '["a","c"]')).toEqual(['payload[1]: "b" -> null']);
    expect(told('[{"n":1},{"n":2}]', '[{"n":1},{"n":3}]')).toEqual(["payload[1].n: 2 -> 3"]);
  });

  it("name the whole value if its kind changed, or if members have the same name", () => {
    expect(told('{"a":[1]}', '{"a":{"0":1}}')).toEqual(['payload.a: [1] -> {"0":1}']);
    expect(told("1", '"1"')).toEqual(['payload: 1 -> "1"']);
    expect(told('{"a":1,"a":2}', '{"a":1,"a":3}')).toEqual(['payload: {"a":1,"a":2} -> {"a":1,"a":3}']);
  });

  it("are unknown if a text is not JSON", () => {
    expect(told("{}", "{")).toBeNull();
    expect(told("not", "{}")).toBeNull();
  });
});
