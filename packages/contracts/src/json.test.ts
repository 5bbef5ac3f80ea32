import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { HoldfastError } from "./errors.ts";
import { assertEnd, CutObject, checkJson, JsonText, parseJson, scanValue, skipSpace } from "./json.ts";

function accepts(parse: () => unknown): boolean {
  try {
    parse();
    return true;
  } catch {
    return false;
  }
}

function codeOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof HoldfastError) return error.code;
    throw error;
  }
  return "none";
}

/** Checks a text with one value, once byte by byte and once four bytes at a time. @returns the index after the value */
function scan(text: string, budget = 64): number {
  const scanAs = (isLong: boolean) => {
    // The text does not begin at the start of the buffer, as in most request bodies.
    const json = new JsonText(Buffer.from(`   ${text}`).subarray(3), isLong);
    const end = scanValue(json, skipSpace(json.bytes, 0), budget);
    assertEnd(json, end);
    return end;
  };
  let end: number | undefined;
  let failure: unknown;
  try {
    end = scanAs(false);
  } catch (error) {
    failure = error;
  }
  if (end === undefined) {
    expect(() => scanAs(true)).toThrow(failure as Error);
    throw failure;
  }
  expect(scanAs(true)).toBe(end);
  return end;
}

/** Returns the members of an object as exact texts; null if a name occurs twice. */
function membersOf(text: string): [string, string][] | null {
  const json = new JsonText(Buffer.from(text));
  const object = new CutObject(json, 0, 64);
  assertEnd(json, object.end);
  const members = [...object.members].map(([name, span]): [string, string] => [name, object.textOf(span)]);
  expect(members.map(([, value]) => value)).toEqual(
    [...object.members.values()].map(({ start, end }) => json.bytes.toString("utf8", start, end)),
  );
  return object.duplicate === undefined ? members : null;
}

// Mostly punctuation, so that random texts are often nearly valid JSON.
const nearJson = fc
  .array(
    fc.constantFrom(
      ...'{}[]:,"\\'.split(""),
      ..."0 1 -1 1e5 .5 01 1. 2E+3 1e -0 true false null tru".split(" "),
      ...'\\u00e9 \\u12 \\uD83d \\n \\x \\" \n \t é 😀 \u0000 \u001f \u007f \u2028 \ufeff \u00a0'.split(" "),
      " ",
      '"a"',
      '"k":',
      "[]",
      "{}",
      `"${"long ".repeat(8)}"`,
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

describe("the JSON scanner", () => {
  test("gives the verdict of JSON.parse on texts that are nearly JSON", () => {
    fc.assert(
      fc.property(nearJson, (text) => {
        expect(accepts(() => scan(text))).toBe(accepts(() => JSON.parse(text)));
      }),
      { numRuns: 10_000 },
    );
  });

  test("gives the verdict of JSON.parse on JSON with one character changed, whatever the length of its strings", () => {
    const changes = fc.oneof(
      fc.string({ maxLength: 1, unit: "binary-ascii" }),
      fc.constantFrom('"', "\\", "\n", "\u001f", "é"),
    );
    const json = fc.oneof(
      fc.json({ maxDepth: 5, stringUnit: "grapheme" }),
      fc.string({ maxLength: 60 }).map((value) => JSON.stringify({ value })),
    );
    fc.assert(
      fc.property(json, fc.nat(), changes, (json, seed, character) => {
        const at = seed % (json.length + 1);
        const text = (json.slice(0, at) + character + json.slice(at + 1)).toWellFormed();
        expect(accepts(() => scan(text))).toBe(accepts(() => JSON.parse(text)));
      }),
      { numRuns: 10_000 },
    );
  });

  test("finds each byte that no string may have, anywhere in a long string", () => {
    const plain = "a€b".repeat(12);
    expect(scan(`"${plain}"`)).toBe(Buffer.byteLength(plain) + 2);
    for (let at = 0; at <= plain.length; at++) {
      for (const bad of ["\u0000", "\u001f", "\n", "\\x", "\\u12g4"]) {
        expect(codeOf(() => scan(`"${plain.slice(0, at)}${bad}${plain.slice(at)}"`))).toBe("invalid_json");
      }
      for (const good of ["\u007f", " ", "[", "]", "\\\\", '\\"', "\\u12F4"]) {
        const text = `"${plain.slice(0, at)}${good}${plain.slice(at)}"`;
        expect(scan(text)).toBe(Buffer.byteLength(text));
      }
    }
  });

  test("a value that is cut off anywhere is refused", () => {
    const json = '{"a":[1,-2.5e+3,true,null,"\\u00e9 and more than sixteen bytes",{}]}';
    for (let length = 0; length < json.length; length++)
      expect(codeOf(() => scan(json.slice(0, length)))).toBe("invalid_json");
    expect(scan(json)).toBe(json.length);
  });

  test("cuts an object into members whose texts parse to its values", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), fc.nat(3), (object, indent) => {
        const text = JSON.stringify(object, null, indent);
        const members = membersOf(text);
        expect(members?.map(([key, value]) => [key, JSON.parse(value)])).toEqual(
          Object.entries(JSON.parse(text) as object),
        );
        for (const [, value] of members ?? []) expect(value).toBe(value.trim());
      }),
    );
  });

  test("keeps every digit of a number, and every escape", () => {
    expect(membersOf('{"a":12345678901234567890 , "b" : [1.50, {"c":"}\\"]"}],"\\u0064":"\\u00e9"}')).toEqual(
      [
        ["a", "12345678901234567890"],
        ["b", '[1.50, {"c":"}\\"]"}]'],
        ["d", '"\\u00e9"'],
      ],
    );
  });

  test("allows 64 levels and refuses 65, however many more there are", () => {
    const nested = (depth: number) => `${"[".repeat(depth)}${"]".repeat(depth)}`;
    expect(codeOf(() => scan(nested(64)))).toBe("none");
    expect(codeOf(() => scan(nested(65)))).toBe("payload_too_deep");
    // In a body, each member may have 64 levels.
    expect(codeOf(() => parseJson(Buffer.from(`{"a":${nested(64)}}`)))).toBe("none");
    expect(codeOf(() => parseJson(Buffer.from(`{"a":${nested(65)}}`)))).toBe("payload_too_deep");
    expect(codeOf(() => scan("[".repeat(1_000_000)))).toBe("payload_too_deep");
    expect(codeOf(() => scan('{"a":'.repeat(100_000)))).toBe("payload_too_deep");
  });

  test("notices a name that occurs twice, escaped or not", () => {
    expect(membersOf('{"type":"a","type":"b"}')).toBeNull();
    expect(membersOf('{"type":"a","\\u0074ype":"b"}')).toBeNull();
    expect(membersOf('{"payload":{"a":1,"a":2}}')).toHaveLength(1);
    expect(codeOf(() => parseJson(Buffer.from('{"a":1,"a":2}')))).toBe("invalid_json");
  });

  test("refuses bytes that are not UTF-8, and skips a byte order mark at the beginning", () => {
    const parse = (bytes: string | number[]) => parseJson(Buffer.from(bytes as string));
    expect(codeOf(() => parse([0x22, 0xff, 0x22]))).toBe("invalid_json");
    expect(codeOf(() => parse([0x22, 0xed, 0xa0, 0x80, 0x22]))).toBe("invalid_json");
    expect(parse("\ufeff1")).toBe(1);
    for (const text of ["\ufeff\ufeff1", "1\ufeff", "[\ufeff1]"])
      expect(codeOf(() => parse(text))).toBe("invalid_json");
    expect(parse('"\ufeff"')).toBe("\ufeff");
  });

  test("gives the position of an error in characters", () => {
    expect(() => scan('{"a":}')).toThrow('expected a value but found "}" at position 5');
    expect(() => scan('{"é😀":}')).toThrow('expected a value but found "}" at position 7');
    expect(() => scan('{"a":1')).toThrow('expected "," or "}" but found the end at position 6');
  });
});

test("the error of a refused payload names the payload", () => {
  expect(codeOf(() => checkJson(' {"a":1} ', "it"))).toBe("none");
  expect(() => checkJson("{bad", "it")).toThrow("it is not valid JSON: expected a string");
  expect(codeOf(() => checkJson("1 2", "it"))).toBe("invalid_json");
  const brackets = '"[[{\\"'.padEnd(200, "[");
  expect(codeOf(() => checkJson(`{"a":${brackets}"}`, "it"))).toBe("none");
  expect(() => checkJson("[".repeat(65) + "]".repeat(65), "it")).toThrow("it nests deeper than 64 levels");
});
