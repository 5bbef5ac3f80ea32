import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { describe, expect, test } from "vitest";
import { issuesOf } from "./validation.ts";

const Schema = Type.Object({ reason: Type.Optional(Type.String()) }, { additionalProperties: false });
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x/${i}`, 0]));

describe("issues of a value", () => {
  test.each([1, 7, 8, 9, 500])("%i unknown fields are refused, and some named", (count) => {
    for (const schema of [Schema, Type.Union([Schema, Type.Null()]), Type.Array(Schema)]) {
      const value = schema.type === "array" ? [many(count)] : many(count);
      const issues = issuesOf(Compile(schema), value);
      expect(issues[0]?.message).toMatch(/unknown fields: "x\/0"|must|does not fit/);
    }
    const [issue] = issuesOf(Compile(Schema), many(count));
    expect(issue?.message).toContain('has unknown fields: "x/0"');
  });

  test("what fits has none", () => {
    expect(issuesOf(Compile(Schema), { reason: "x" })).toEqual([]);
  });
});
