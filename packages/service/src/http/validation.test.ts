import { Type } from "typebox";
import { Compile } from "typebox/compile";
import { describe, expect, test } from "vitest";
import { issuesOf } from "./validation.ts";

const Schema = Type.Object({ reason: Type.Optional(Type.String()) }, { additionalProperties: false });
const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x/${i}`, 0]));

describe("the issues of a value", () => {
  test.each([1, 7, 8, 9, 500])("%i unknown fields are refused, and some of them are named", (count) => {
    expect(issuesOf(Compile(Type.Union([Schema, Type.Null()])), many(count))).not.toEqual([]);
    expect(issuesOf(Compile(Type.Array(Schema)), [many(count)])).not.toEqual([]);
    const [issue] = issuesOf(Compile(Schema), many(count));
    expect(issue?.message).toContain('has unknown fields: "x/0"');
  });

  test("a valid value has no issues", () => {
    expect(issuesOf(Compile(Schema), { reason: "x" })).toEqual([]);
  });
});
