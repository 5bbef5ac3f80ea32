import { HoldfastError } from "@holdfast/contracts";
import fc from "fast-check";
import { expect, test } from "vitest";
import { scanValue } from "./scan.ts";
import { scanBytes } from "./scan-bytes.ts";

/** What the scanner of texts says, in bytes: the end of the value, or -1. */
function expected(text: string, budget: number): number {
  try {
    return Buffer.byteLength(text.slice(0, scanValue(text, 0, budget)));
  } catch (error) {
    if (error instanceof HoldfastError) return -1;
    throw error;
  }
}

function scan(text: string, budget = 64): number {
  // Not at the start of its memory, as most bodies are.
  const bytes = Buffer.from(`   ${text}`).subarray(3);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return scanBytes({ bytes, view }, 0, budget);
}

// Mostly punctuation, so that a random text is often nearly JSON.
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

test("gives the verdict and the end of the scanner of texts on texts that are nearly JSON", () => {
  fc.assert(
    fc.property(nearJson, fc.integer({ min: 0, max: 4 }), (text, budget) => {
      expect(scan(text, budget)).toBe(expected(text, budget));
    }),
    { numRuns: 10_000 },
  );
});

test("and on JSON with one character changed, whatever the length of its strings", () => {
  const changes = fc.oneof(
    fc.string({ maxLength: 1, unit: "binary-ascii" }),
    fc.constantFrom('"', "\\", "\n", "\u001f", "é"),
  );
  const json = fc.json({ maxDepth: 4, stringUnit: "grapheme" });
  const text = fc.oneof(
    json,
    fc.string({ maxLength: 60 }).map((value) => JSON.stringify({ value })),
  );
  fc.assert(
    fc.property(text, fc.nat(), changes, (json, seed, change) => {
      const at = seed % (json.length + 1);
      const changed = (json.slice(0, at) + change + json.slice(at + 1)).toWellFormed();
      expect(scan(changed)).toBe(expected(changed, 64));
    }),
    { numRuns: 10_000 },
  );
});

test("finds each byte that no string may have, wherever it stands in a long one", () => {
  const plain = "a€b".repeat(12);
  expect(scan(`"${plain}"`)).toBe(Buffer.byteLength(plain) + 2);
  for (let at = 0; at <= plain.length; at++) {
    for (const bad of ["\u0000", "\u001f", "\n", "\\x", "\\u12g4"]) {
      expect(scan(`"${plain.slice(0, at)}${bad}${plain.slice(at)}"`)).toBe(-1);
    }
    for (const good of ["\u007f", " ", "[", "]", "\\\\", '\\"', "\\u12F4"]) {
      const text = `"${plain.slice(0, at)}${good}${plain.slice(at)}"`;
      expect(scan(text)).toBe(Buffer.byteLength(text));
    }
  }
});

test("a value that ends with the bytes has no end before it is whole", () => {
  const json = '{"a":[1,-2.5e+3,true,null,"\\u00e9 and more than sixteen bytes",{}]}';
  for (let length = 0; length < json.length; length++) expect(scan(json.slice(0, length))).toBe(-1);
  expect(scan(json)).toBe(json.length);
});
