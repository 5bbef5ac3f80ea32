import { HoldfastError } from "@holdfast/contracts";
import { describe, expect, test } from "vitest";
import { nested, oneOf, secret, text, whole, yesNo } from "./kinds.ts";
import { anchorOf, checkShape, shapeOf, shown } from "./shape.ts";

interface Inner {
  kind?: string;
}
interface Outer {
  delayMs?: number;
  maxRetries?: number;
  isFast?: boolean;
  password?: string;
  inner?: Inner;
  name?: string;
}

const inner = shapeOf<Inner>({
  what: "an inner thing",
  title: "Inner things",
  kinds: { kind: oneOf("a", "b") },
  hints: { type: "kind" },
});
const outer = shapeOf<Outer>({
  what: "a thing",
  title: "Things & more",
  kinds: {
    delayMs: whole(0, 100),
    maxRetries: whole(0, 9),
    isFast: yesNo,
    password: secret(text(3, 9)),
    inner: nested(inner),
    name: text(1, 5),
  },
  hints: { attempts: "maxRetries", repeat: "that is a schedule" },
  rule: ({ delayMs, isFast }) =>
    delayMs !== undefined && isFast ? "delayMs and isFast cannot be combined" : undefined,
});

const messageOf = (options: unknown): string => {
  try {
    checkShape(outer, options);
  } catch (error) {
    expect(error).toBeInstanceOf(HoldfastError);
    expect((error as HoldfastError).code).toBe("invalid_argument");
    return (error as HoldfastError).message;
  }
  return "fine";
};

test.each([
  {},
  { delayMs: 0 },
  { delayMs: undefined, inner: undefined, anyName: undefined },
  { inner: {} },
  { inner: { kind: "b" } },
  Object.create({ delayMs: 5 }),
])("%j is accepted", (options) => {
  expect(messageOf(options)).toBe("fine");
});

test.each([
  [{ delay: 1 }, "delay is not an option of a thing: did you mean delayMs? See docs/options.md#things--more"],
  [{ delayMS: 1 }, "did you mean delayMs?"],
  [{ deleyMs: 1 }, "did you mean delayMs?"],
  [{ retries: 1 }, "did you mean maxRetries?"],
  [{ attempts: 1 }, "did you mean maxRetries?"],
  [{ repeat: 1 }, "repeat is not an option of a thing: that is a schedule"],
  [
    { zzzzz: 1 },
    "zzzzz is not an option of a thing. Its options are delayMs, maxRetries, isFast, password, inner, name",
  ],
  [{ inner: { type: "a" } }, "inner.type is not an option of an inner thing: did you mean inner.kind?"],
  [{ inner: { kind: "c" } }, 'inner.kind has to be a or b, got "c"'],
  [{ inner: 5 }, "inner has to be an object, got 5"],
  [{ inner: null }, "inner has to be an object, got null"],
  [{ inner: [] }, "inner has to be an object, got an array"],
  [{ delayMs: "5" }, 'delayMs has to be a whole number from 0 to 100, got "5"'],
  [{ delayMs: Number.NaN }, "got NaN"],
  [{ delayMs: 1.5 }, "got 1.5"],
  [{ delayMs: null }, "got null"],
  [{ delayMs: 101 }, "got 101"],
  [{ delayMs: 1n }, "got 1n"],
  [Object.create({ delayMs: -1 }), "got -1"],
  [{ delayMs: 1, isFast: true }, "delayMs and isFast cannot be combined"],
  ["high", 'the options of a thing have to be an object, got "high"'],
  [null, "the options of a thing have to be an object, got null"],
  [[], "got an array"],
  [() => {}, "got a function"],
  [JSON.parse('{"__proto__":1}'), "__proto__ is not an option of a thing"],
])("%#: $1", (options, message) => {
  expect(messageOf(options)).toContain(message);
});

test("the value of a secret option is not repeated in the error", () => {
  expect(messageOf({ password: "hunter2hunter2" })).toMatch(
    /^password has to be a text of 3 to 9 characters\. See/,
  );
});

describe("the text that shows a value", () => {
  test.each([
    [new Map(), "a Map"],
    [Object.create(null), "an object"],
    [{ a: 1 }, "an object"],
    [Symbol("x"), "a symbol"],
    ["x".repeat(500), `"${"x".repeat(59)}…`],
    [
      new Proxy(
        {},
        {
          get() {
            throw new Error("hostile");
          },
        },
      ),
      "an object",
    ],
  ])("%# is short, and never fails", (value, text) => {
    expect(shown(value)).toBe(text);
  });
});

test("the anchor of a heading is the one that GitHub makes", () => {
  expect(anchorOf("Connection to Redis")).toBe("connection-to-redis");
});
