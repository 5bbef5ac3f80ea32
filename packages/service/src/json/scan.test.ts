import { HoldfastError } from "@holdfast/contracts";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeUtf8, parseJson, sliceJson, sliceJsonArray } from "./slice.ts";

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

// Mostly punctuation, so that a random text is often nearly JSON.
const nearJson = fc
  .array(
    fc.constantFrom(
      ...'{}[]:,"\\'.split(""),
      ..."0 1 -1 1e5 .5 01 1. 2E+3 -0 true false null tru".split(" "),
      ..."\\u00e9 \\u12 \\n \\x \n \t é 😀 \u0000 \u2028 \ufeff \u00a0".split(" "),
      " ",
      '"a"',
      '"k":',
      "[]",
      "{}",
    ),
    { maxLength: 12 },
  )
  .map((parts) => parts.join(""));

describe("the JSON scanner", () => {
  test("gives the verdict of JSON.parse on texts that are nearly JSON", () => {
    fc.assert(
      fc.property(nearJson, (text) => {
        expect(accepts(() => sliceJson(text))).toBe(accepts(() => JSON.parse(text)));
      }),
      { numRuns: 5_000 },
    );
  });

  test("gives the verdict of JSON.parse on valid texts with one character changed", () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 5 }),
        fc.nat(),
        fc.string({ maxLength: 1 }),
        (json, seed, character) => {
          const at = seed % (json.length + 1);
          const text = json.slice(0, at) + character + json.slice(at + 1);
          expect(accepts(() => sliceJson(text))).toBe(accepts(() => JSON.parse(text)));
        },
      ),
      { numRuns: 3_000 },
    );
  });

  test("cuts an object into members whose texts parse to its values", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 })), fc.nat(3), (object, indent) => {
        const text = JSON.stringify(object, null, indent);
        const { members, duplicateKey } = sliceJson(text);
        expect(duplicateKey).toBeUndefined();
        expect([...(members ?? [])].map(([key, value]) => [key, JSON.parse(value)])).toEqual(
          Object.entries(JSON.parse(text) as object),
        );
      }),
    );
  });

  test("cuts an array into elements whose texts parse to its values", () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue({ maxDepth: 4 }), { maxLength: 20 }), (array) => {
        const slices = sliceJsonArray(JSON.stringify(array, null, 1), 100);
        expect(slices?.map(({ text }) => JSON.parse(text))).toEqual(JSON.parse(JSON.stringify(array)));
      }),
    );
  });

  test("keeps the text of a number that JavaScript cannot hold", () => {
    expect(sliceJson('{"payload": 12345678901234567890 }').members?.get("payload")).toBe(
      "12345678901234567890",
    );
    expect(sliceJson('{"payload":1.0e0}').members?.get("payload")).toBe("1.0e0");
  });

  test("allows 64 levels in a member and refuses 65", () => {
    const nested = (depth: number) => `{"payload":${"[".repeat(depth)}${"]".repeat(depth)}}`;
    expect(codeOf(() => sliceJson(nested(64)))).toBe("none");
    expect(codeOf(() => sliceJson(nested(65)))).toBe("payload_too_deep");
    expect(codeOf(() => sliceJsonArray(`[${nested(64)}]`, 10))).toBe("none");
    expect(codeOf(() => sliceJsonArray(`[${nested(65)}]`, 10))).toBe("payload_too_deep");
  });

  test("survives a hostile depth without running out of stack", () => {
    expect(codeOf(() => sliceJson("[".repeat(1_000_000)))).toBe("payload_too_deep");
    expect(codeOf(() => sliceJsonArray(`[${'{"a":'.repeat(100_000)}`, 10))).toBe("payload_too_deep");
  });

  test("notices a key that occurs twice, escaped or not", () => {
    expect(sliceJson('{"type":"a","type":"b"}').duplicateKey).toBe("type");
    expect(sliceJson('{"type":"a","\\u0074ype":"b"}').duplicateKey).toBe("type");
    expect(sliceJson('{"payload":{"a":1,"a":2}}').duplicateKey).toBeUndefined();
    expect(codeOf(() => parseJson('{"a":1,"a":2}'))).toBe("invalid_json");
  });

  test("stops at the element beyond the limit", () => {
    expect(codeOf(() => sliceJsonArray("[1,2,3]", 2))).toBe("invalid_argument");
    expect(sliceJsonArray("[1,2]", 2)).toHaveLength(2);
  });

  test("refuses bytes that are not UTF-8, and skips a byte order mark at the beginning", () => {
    expect(codeOf(() => decodeUtf8(Buffer.from([0x22, 0xff, 0x22])))).toBe("invalid_json");
    expect(codeOf(() => decodeUtf8(Buffer.from([0x22, 0xed, 0xa0, 0x80, 0x22])))).toBe("invalid_json");
    expect(parseJson(decodeUtf8(Buffer.from("\ufeff1")))).toBe(1);
    for (const text of ["\ufeff\ufeff1", "1\ufeff", "[\ufeff1]"])
      expect(codeOf(() => parseJson(decodeUtf8(Buffer.from(text))))).toBe("invalid_json");
    expect(parseJson(decodeUtf8(Buffer.from('"\ufeff"')))).toBe("\ufeff");
  });

  test("says where it stumbled", () => {
    expect(() => sliceJson('{"a":}')).toThrow('expected a value but found "}" at position 5');
    expect(() => sliceJson('{"a":1')).toThrow('expected "," or "}" but found the end at position 6');
  });
});
