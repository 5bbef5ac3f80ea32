import { expect, test } from "vitest";
import { soon } from "./soon.ts";

test("functions run after the current code, in the order of the calls, and before timers", async () => {
  const ran: string[] = [];
  const timer = new Promise((resolve) => setTimeout(resolve, 0)).then(() => ran.push("timer"));
  soon(() => ran.push("first"));
  soon(() => ran.push("second"));
  ran.push("now");
  await timer;
  expect(ran).toEqual(["now", "first", "second", "timer"]);
});

test("the stack of such a function has no frames of Node", async () => {
  const stack = await new Promise<string>((resolve) => {
    soon(function begun() {
      resolve(new Error("here").stack ?? "");
    });
  });
  const lines = stack.split("\n");
  expect(lines[0]).toBe("Error: here");
  expect(lines[1]).toContain("begun");
  expect(stack).not.toContain("node:");
});
