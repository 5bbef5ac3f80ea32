import { expect, test } from "vitest";
import { janitorReadiness } from "./app.ts";

test("a janitor is ready while Redis answers and sweeps succeed", () => {
  const green = { ok: true, detail: "" };
  expect(janitorReadiness(green, 0, 5_000, 1_000)).toEqual({ ok: false, detail: "no sweep yet" });
  expect(janitorReadiness(green, 100_000, 109_000, 1_000).ok).toBe(true);
  expect(janitorReadiness(green, 100_000, 111_000, 1_000).ok).toBe(false);
  expect(janitorReadiness(green, 100_000, 111_000, 2_000).ok).toBe(true);
  expect(janitorReadiness({ ok: false, detail: "down" }, 1, 1, 1_000).detail).toBe("down");
});
