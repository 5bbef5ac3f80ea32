import fc from "fast-check";
import { expect, test } from "vitest";
import { checkJsonDepth } from "./json-depth.ts";
import { LIMITS } from "./limits.ts";

const depthOf = (value: unknown): number =>
  typeof value === "object" && value !== null
    ? 1 + Math.max(0, ...Object.values(value).map((inner) => depthOf(inner)))
    : 0;

const isTooDeep = (text: string) => {
  try {
    checkJsonDepth(text, "it");
    return false;
  } catch (error) {
    expect(error).toMatchObject({ code: "payload_too_deep", message: "it nests deeper than 64 levels" });
    return true;
  }
};

test("a JSON text is too deep if its value is (property)", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.integer({ min: 58, max: 66 }), fc.boolean(), (value, levels, asObject) => {
      let text = JSON.stringify(value);
      for (let level = 0; level < levels; level++) text = asObject ? `{"[{\\"":${text}}` : `[ ${text}, "]" ]`;
      expect(isTooDeep(text)).toBe(depthOf(JSON.parse(text)) > LIMITS.jsonDepth);
    }),
  );
});
