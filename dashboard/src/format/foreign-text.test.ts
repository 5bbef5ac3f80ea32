import { describe, expect, it } from "vitest";
import { codePoint, partsOf, plainText } from "./foreign-text.ts";

const kinds = (text: string) => (partsOf(text) ?? []).map(({ text, kind }) => [kind, text]);

describe("text that comes from other people", () => {
  it("is shown unchanged if none of its characters could mislead a reader", () => {
    for (const text of ["", '{"a":"é日本 😀","b":[1]}\n\t', "👩‍👩‍👧 family", "naïve"])
      expect(partsOf(text)).toBe(null);
  });

  it("has its invisible and reordering characters marked, one by one", () => {
    expect(kinds('"admin\u202e\u2066"\r\u200b\u0007')).toEqual([
      ["plain", '"admin'],
      ["marked", "\u202e"],
      ["marked", "\u2066"],
      ["plain", '"'],
      ["marked", "\r"],
      ["marked", "\u200b"],
      ["marked", "\u0007"],
    ]);
  });

  it("isolates words that are written from right to left, so that the text between them keeps its order", () => {
    expect(kinds('["שלום עולם",1,"مرحبا"]')).toEqual([
      ["plain", '["'],
      ["isolated", "שלום עולם"],
      ["plain", '",1,"'],
      ["isolated", "مرحبا"],
      ["plain", '"]'],
    ]);
  });

  it("is complete when its parts are joined again", () => {
    const text = 'a\u202eb ש 1 ת\ufeff\u{10800}\u{1e800}x "\u2028"';
    expect(
      partsOf(text)
        ?.map((part) => part.text)
        .join(""),
    ).toBe(text);
  });

  it("shows hidden characters by their numbers, even in places without markup", () => {
    expect(codePoint("\u202e")).toBe("U+202E");
    expect(codePoint("\u0007")).toBe("U+0007");
    expect(plainText("a\u202eb")).toBe("a<U+202E>b");
  });
});
