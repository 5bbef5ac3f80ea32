import fc from "fast-check";
import { expect, test } from "vitest";
import { asKept, NASTY } from "../../test/support/nasty.ts";
import { decodeLine, decodeWord, encodeLine, encodeWord } from "./text.ts";

const text = fc.array(fc.constantFrom(...NASTY), { maxLength: 6 }).map((parts) => parts.join(""));

test("any text can be encoded as a word, without spaces and line breaks, and decoded again", () => {
  fc.assert(
    fc.property(text, (given) => {
      expect(encodeWord(given)).toMatch(/^[!-~]*$/);
      expect(encodeWord(given)).not.toContain(",");
      expect(decodeWord(encodeWord(given))).toBe(given.toWellFormed());
    }),
    { numRuns: 2_000 },
  );
});

test("any text can be encoded as a line, without line breaks and without a mark at its beginning, and decoded again", () => {
  fc.assert(
    fc.property(text, (given) => {
      expect(encodeLine(given)).not.toMatch(/[\n\r]|^[-~]/);
      expect(decodeLine(encodeLine(given))).toBe(asKept(given));
    }),
    { numRuns: 2_000 },
  );
});
