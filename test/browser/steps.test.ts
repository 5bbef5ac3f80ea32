import { until } from "@holdfast/testing";
import { Worker } from "holdfast";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, expectToFit, HOSTILE, open, type Stack, startStack, violations } from "./support.ts";

describe.skipIf(!executablePath)("durable steps in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let worker: Worker;
  let page: Page;
  const panel = () => page.getByRole("region", { name: "Steps", exact: true });
  const rows = async () => (await panel().locator("dd").allInnerTexts()).map((text) => text.split(" 20")[0]);
  const names = () => panel().locator("dt").allInnerTexts();
  const suspended = (id: string) =>
    until("the task waits", async () => (await stack.queue("shop").get(id))?.state === "scheduled", 20_000);

  beforeAll(async () => {
    stack = await startStack({ services: ["janitor"] });
    worker = new Worker(
      "shop",
      {
        order: async (_, ctx) => {
          await ctx.step("charge", () => ({ id: "pay-1" }));
          await ctx.step(HOSTILE.slice(0, 80), () => null);
          await ctx.sleep(1_100, { name: "cool down" });
          return (await ctx.waitFor(["approved", "refused"], { timeoutMs: "3d", name: "the boss" }))?.event;
        },
        many: async (_, ctx) => {
          for (let n = 1; n <= 120; n++) await ctx.step(`page ${n}`, () => n);
          await ctx.sleep("1d");
        },
        plain: () => "no steps",
      },
      { redis: stack.redis.url, id: "packer-1", pollMs: 200 },
    );
    await worker.start();
    page = await stack.page();
  });

  afterAll(async () => {
    await worker?.stop({ graceMs: 1_000 });
    await stack?.stop();
  });

  test("the page of a task lists its steps, and what it waits for", async () => {
    const shop = stack.queue("shop");
    await shop.enqueue("order", 7, { id: "o-1" });
    await suspended("o-1");
    await until(
      "the task waits for a signal",
      async () => (await stack.observer.steps("shop", "o-1"))?.steps.at(-1)?.kind === "wait",
      20_000,
    );
    await shop.signal("o-1", "other", { by: HOSTILE });
    await open(page, `${stack.base}/queues/shop/tasks/o-1`);
    await panel().getByText("4 steps").waitFor();
    const shown = await names();
    expect([shown[0], ...shown.slice(2)]).toEqual(["charge", "cool down", "the boss", "other"]);
    expect(shown[1]).toContain("<img src=x");
    expect(await rows()).toMatchObject([
      expect.stringMatching(/^done/),
      expect.stringMatching(/^done/),
      expect.stringMatching(/^slept until/),
      expect.stringMatching(/^waits until/),
      expect.stringMatching(/^signal, not used yet/),
    ]);
    expect(await page.evaluate(() => (globalThis as { hacked?: number }).hacked)).toBeUndefined();
    expect(await violations(page)).toEqual([]);
  });

  test("a signal shows on the open page, and the task goes on", async () => {
    expect(await stack.queue("shop").signal("o-1", "approved", { by: "Ada" })).toBe("delivered");
    await panel().getByText("got its signal").waitFor();
    await page.getByText('"approved"').first().waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test("of many steps the last 20 are shown, and they fit on a phone", async () => {
    await stack.queue("shop").enqueue("many", null, { id: "o-2" });
    await suspended("o-2");
    await page.setViewportSize({ width: 390, height: 844 });
    await open(page, `${stack.base}/queues/shop/tasks/o-2`);
    await panel().getByText("121 steps").waitFor();
    expect(await panel().locator(".hint").textContent()).toContain("the last 20");
    expect(await names()).toHaveLength(20);
    expect((await names()).at(0)).toBe("page 102");
    await expectToFit(page, "the page of a task with many steps");
    expect(await violations(page)).toEqual([]);
  });

  test("a task without steps has no such panel", async () => {
    await stack.queue("shop").enqueue("plain", null, { id: "o-3" });
    await until(
      "the task has ended",
      async () => (await stack.queue("shop").get("o-3"))?.state === "completed",
    );
    await open(page, `${stack.base}/queues/shop/tasks/o-3`);
    await page.getByText('"no steps"').first().waitFor();
    expect(await panel().count()).toBe(0);
    expect(stack.errors).toEqual([]);
  });
});
