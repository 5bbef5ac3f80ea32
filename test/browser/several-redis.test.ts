import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { Queue } from "holdfast";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, expectToFit, open, type Stack, startStack, violationsInThemes } from "./support.ts";

describe.skipIf(!executablePath)("several Redis in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let eu: RedisServer;
  let queue: Queue;
  beforeAll(async () => {
    eu = await startRedisServer();
    stack = await startStack({ services: [], env: { REDIS_NAME: "home", REDIS_URLS: `eu=${eu.url}` } });
    queue = new Queue("orders", { redis: eu.url });
    await queue.enqueue("in.europe", 1, { id: "one" });
    await stack.queue("orders").enqueue("at.home", 1, { id: "two" });
  });
  afterAll(async () => {
    await queue?.close();
    await stack?.stop();
    await eu?.stop();
  });

  test("the switcher shows the health of each Redis, and keeps the screen", async () => {
    const page = await stack.page();
    await open(page, `${stack.base}/queues/orders/tasks?state=pending`);
    await page.getByText("at.home").first().waitFor();
    const switcher = page.locator(".redis-switcher");
    await switcher.getByLabel("Redis shown: home").click();
    await switcher.getByRole("link", { name: /eu.*1 queue needs attention/ }).waitFor();
    expect(await switcher.getByRole("link", { name: /^home/ }).getAttribute("aria-current")).toBe("page");
    await page.keyboard.press("Escape");
    expect(await switcher.getByRole("link").first().isVisible()).toBe(false);
    await switcher.locator("summary").click();
    await switcher.getByRole("link", { name: /^eu/ }).click();
    await page.getByText("in.europe").first().waitFor();
    expect(new URL(page.url()).pathname + new URL(page.url()).search).toBe(
      "/redis/eu/queues/orders/tasks?state=pending",
    );
    await page.getByLabel("Connection: Live").waitFor();
    // After a reload and after clicks on links, the page still shows the same Redis.
    await page.reload();
    await page.getByText("in.europe").first().waitFor();
    await page.getByRole("link", { name: "Workers" }).first().click();
    await page.waitForURL("**/redis/eu/workers");
    await page.context().close();
  });

  test.each([1440, 390])(
    "the switcher has no axe violation in either theme and fits, at %i px",
    async (width) => {
      const page = await stack.page({ viewport: { width, height: 900 } });
      await open(page, `${stack.base}/redis/eu/`);
      await page.locator(".redis-switcher summary").click();
      await page.locator(".redis-switcher").getByRole("link", { name: /^home/ }).waitFor();
      expect(await violationsInThemes(page)).toEqual([]);
      await expectToFit(page, "the switcher");
      await page.context().close();
    },
  );

  test("when one Redis goes away, its dashboard says so, and the other one goes on", async () => {
    const [home, away] = [await stack.page(), await stack.page()];
    await open(home, `${stack.base}/`);
    await open(away, `${stack.base}/redis/eu/`);
    await eu.kill();
    await away.getByText("Redis is down.").waitFor();
    const switcher = home.locator(".redis-switcher");
    await switcher.getByLabel(/Other Redis with problems: 1/).waitFor();
    await switcher.locator("summary").click();
    await switcher.getByRole("link", { name: /eu.*Cannot be reached/ }).waitFor();
    await home.getByLabel("Connection: Live").waitFor();
    await stack.queue("orders").enqueue("at.home", 1, { id: "three" });
    await home.getByRole("navigation", { name: "Queues" }).getByText("2", { exact: true }).waitFor();
    await eu.start();
    await away.getByLabel("Connection: Live").waitFor();
    await away.getByText("Redis is down.").waitFor({ state: "detached" });
    await home.context().close();
    await away.context().close();
  });
});
