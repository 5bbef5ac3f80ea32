import { expect, test } from "vitest";
import { nearest } from "./nearest.ts";

test("no name is suggested if none is similar", () => {
  expect(nearest("x", ["delayMs", "id"])).toBeUndefined();
  expect(nearest("", ["id"])).toBeUndefined();
  expect(nearest("idd", ["delayMs", "id"])).toBe("id");
  expect(nearest("dealyMs", ["delayMs", "id"])).toBe("delayMs");
});
