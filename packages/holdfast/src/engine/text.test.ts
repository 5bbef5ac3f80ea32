import fc from "fast-check";
import { expect, test } from "vitest";
import { asKept, NASTY } from "../../test/support/nasty.ts";
import { decodeLine, decodeWord, encodeLine, encodeWord } from "./text.ts";

const text = fc.array(fc.constantFrom(...NASTY), { maxLength: 6 }).map((parts) => parts.join(""));

test("any text comes back from a word, which has neither spaces nor line breaks", () => {
  fc.assert(
    fc.property(text, (given) => {
      expect(encodeWord(given)).toMatch(/^[!-~]*$/);
      expect(encodeWord(given)).not.toContain(",");
      expect(decodeWord(encodeWord(given))).toBe(given.toWellFormed());
    }),
    { numRuns: 2_000 },
  );
});

test("any text comes back from a line, which has no line breaks and never begins as a mark does", () => {
  fc.assert(
    fc.property(text, (given) => {
      expect(encodeLine(given)).not.toMatch(/[\n\r]|^[-~]/);
      expect(decodeLine(encodeLine(given))).toBe(asKept(given));
    }),
    { numRuns: 2_000 },
  );
});
