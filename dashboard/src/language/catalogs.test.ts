// @vitest-environment node
import { compileMessageOrThrow } from "@lingui/message-utils/compileMessage";
import { describe, expect, it } from "vitest";
import { extractTexts, rawTexts, readCatalog, textOf } from "../../dev/language.mjs";

const keys = [...extractTexts().keys()];
const english = readCatalog("en");
const german = readCatalog("de");

/** Returns the placeholders in a text: the names of values, of elements and of kinds of choices. */
function placeholders(text: string): string[] {
  const found = new Set<string>();
  const walk = (tokens: ReturnType<typeof compileMessageOrThrow>) => {
    for (const token of tokens) {
      if (typeof token === "string") for (const tag of token.match(/<\/?\w+\/?>/g) ?? []) found.add(tag);
      else {
        const [name, kind = "", choices] = token;
        found.add(`${name} ${kind}`);
        for (const choice of Object.values(choices ?? {})) if (Array.isArray(choice)) walk(choice);
      }
    }
  };
  walk(compileMessageOrThrow(text));
  return [...found].sort();
}

describe("the files of texts", () => {
  it("have each text of the source, and no other: pnpm run texts", () => {
    expect(Object.keys(english).sort()).toEqual(keys);
    expect(Object.keys(german).sort()).toEqual(keys);
    for (const key of keys) expect(english[key]).toBe(textOf(key).message);
  });

  it("have German for each text, with the same placeholders", () => {
    expect(keys.filter((key) => german[key] === "")).toEqual([]);
    const differing = keys.filter(
      (key) => String(placeholders(german[key] ?? "")) !== String(placeholders(english[key] ?? "")),
    );
    expect(differing).toEqual([]);
  });

  it("have the texts of every component", () => {
    expect(rawTexts()).toEqual([]);
  });
});
