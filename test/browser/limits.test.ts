import { until } from "@holdfast/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, expectToFit, open, type Stack, startStack, violations } from "./support.ts";

/**
 * A key with text that is written from right to left, a slash, a percent sign, an emoji of several parts, and blanks.
 */
const ODD_KEY = "لقوح/42 50%25 👩‍👩‍👧  ?#&+";

describe.skipIf(!executablePath)("the limits of a queue in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let page: Page;
  const row = (key: string) => page.getByRole("row").filter({ hasText: key });
  const keyOf = (key: string) => stack.observer.limits.key("shop", key);
  const sleep = { ms: 90_000 };

  /** Opens the form, and changes how many tasks of each key may run at the same time. */
  const limitEachKey = async (concurrency: string, shown: RegExp) => {
    await page.getByRole("button", { name: "Change limits" }).click();
    const dialog = page.getByRole("dialog");
    await dialog
      .getByRole("group", { name: "The tasks of each key" })
      .getByLabel("At one time")
      .fill(concurrency);
    await dialog
      .getByRole("region", { name: "What changes" })
      .getByRole("listitem")
      .filter({ hasText: shown })
      .waitFor();
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
  };

  beforeAll(async () => {
    stack = await startStack({ services: ["janitor"] });
    await stack.queue("shop").enqueue("demo.echo", 1, { delayMs: 3_600_000 });
    await stack.start("worker", { QUEUES: "shop" });
    page = await stack.page();
  });

  afterAll(() => stack?.stop());

  test("explains keys if no task has one", async () => {
    await open(page, `${stack.base}/queues/shop`);
    await page.getByRole("link", { name: "Limits" }).click();
    await page.getByRole("heading", { name: "No keys with waiting tasks" }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/queues/shop/limits");
    expect(await page.title()).toContain("Limits of shop");
  });

  test("sets a limit for each key, shows a key that the limit holds back, and raises the limit", async () => {
    await limitEachKey("1", /no limit.*→ 1$/);
    expect((await stack.observer.limits.get("shop")).limits).toEqual({ key: { concurrency: 1 } });
    await stack.queue("shop").enqueueMany(
      Array.from({ length: 4 }, (_, n) => ({
        type: "demo.sleep",
        payload: sleep,
        id: `c-${n}`,
        key: "customer-42",
        cost: 2,
      })),
    );
    await row("customer-42").getByText("1 of 1 run").waitFor();
    await limitEachKey("2", /1.*→ 2$/);
    await row("customer-42").getByText("2 of 2 run").waitFor();
    await page.getByRole("region", { name: "Limits" }).getByText("2, no limit").waitFor();
    expect(await keyOf("customer-42")).toMatchObject({ waiting: 2, running: 2, blockedBy: "concurrency" });
  });

  test("tries a limit in the form before it is saved", async () => {
    await stack
      .queue("shop")
      .enqueueMany(Array.from({ length: 5 }, () => ({ type: "demo.echo", payload: 1, key: "tried" })));
    await until("the tasks have run", async () => (await stack.observer.stats("shop")).completed >= 5);
    await page.getByRole("button", { name: "Change limits" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByRole("group", { name: "The tasks of each key" }).getByLabel("At one time").fill("1");
    await dialog.getByRole("button", { name: "Try" }).click();
    await dialog.getByRole("row", { name: /Largest backlog/ }).waitFor();
    await dialog.getByText(/5 completed and 2 waiting tasks/).waitFor();
    expect(await violations(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Keep as it is" }).click();
    expect((await stack.observer.limits.get("shop")).limits).toEqual({ key: { concurrency: 2 } });
  });

  test("lists a held key that has no tasks among the keys that are held longest", async () => {
    await stack.observer.limits.hold("shop", 600_000, { key: "idle and held" });
    await page.getByRole("radio", { name: "Held longest" }).click();
    await row("idle and held")
      .getByText(/held until/)
      .waitFor();
    expect(await violations(page)).toEqual([]);
    await stack.observer.limits.hold("shop", 0, { key: "idle and held" });
    await page.getByRole("radio", { name: "By name" }).click();
  });

  test("a waiting task and its queue link to the key", async () => {
    await open(page, `${stack.base}/queues/shop`);
    await page
      .getByRole("region", { name: "Counts by state" })
      .getByText(/with a key\s2/)
      .waitFor();
    const { tasks } = await stack.observer.list("shop", { state: "pending" });
    await open(page, `${stack.base}/queues/shop/tasks/${tasks[0]?.id}`);
    const facts = page.getByRole("region", { name: "Facts" });
    await facts.getByText("Cost", { exact: true }).waitFor();
    await facts.getByRole("link", { name: "customer-42" }).click();
    await row("customer-42").getByText("2 of 2 run").waitFor();
    expect(new URL(page.url()).searchParams.get("key")).toBe("customer-42");
  });

  test("gives a key a limit of its own for some time, and removes the limit", async () => {
    await page.getByRole("button", { name: "Own limit" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("At one time").fill("3");
    await dialog.getByLabel("Ends after", { exact: true }).fill("2");
    await dialog.getByText("in 2 hours").waitFor();
    await dialog.getByRole("button", { name: "Save" }).click();
    await row("customer-42").getByText("3 of 3 run").waitFor();
    const { limit, limitUntil } = await keyOf("customer-42");
    expect(limit).toEqual({ concurrency: 3 });
    expect((limitUntil ?? 0) - Date.now()).toBeGreaterThan(7_000_000);
    await page.getByRole("button", { name: "Take limit away" }).click();
    await page.getByRole("button", { name: "Take it away" }).click();
    await row("customer-42").getByText("3 of 2 run").waitFor();
    expect((await keyOf("customer-42")).limit).toBeNull();
  });

  test("holds a key with unusual characters on a phone, and ends the hold", async () => {
    await page.setViewportSize({ width: 390, height: 844 });
    await open(page, `${stack.base}/queues/shop/limits`);
    await page.getByRole("searchbox").fill(ODD_KEY);
    await page.getByRole("button", { name: "Find key" }).click();
    await page.getByText(/No task with this key waits or runs/).waitFor();
    expect(new URL(page.url()).searchParams.get("key")).toBe(ODD_KEY);
    await page.getByRole("button", { name: "Hold", exact: true }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByLabel("For how long", { exact: true }).fill("2");
    await dialog.getByRole("combobox").selectOption("h");
    await dialog.getByLabel("Reason").fill("their API is down");
    await expectToFit(page, "the dialog of a hold");
    await dialog.getByRole("button", { name: "Hold it" }).click();
    await page
      .getByRole("cell")
      .getByText(/held until/)
      .waitFor();
    await stack.queue("shop").enqueue("demo.sleep", sleep, { id: "odd", key: ODD_KEY });
    expect(await keyOf(ODD_KEY)).toMatchObject({ waiting: 1, running: 0, blockedBy: "hold" });
    await open(page, `${stack.base}/queues/shop/tasks/odd`);
    await page
      .getByRole("region", { name: "Why isn't it running?" })
      .getByText(/held|hold/i)
      .first()
      .waitFor();
    await page.getByRole("region", { name: "Facts" }).locator("a.key-text").click();
    await page.getByRole("button", { name: "End hold" }).click();
    await page.getByRole("button", { name: "End the hold" }).click();
    await until(
      "the task runs",
      async () => (await stack.observer.task("shop", "odd"))?.state === "processing",
    );
    await page.getByRole("cell").filter({ hasText: "1 of 2" }).waitFor();
    await page.setViewportSize({ width: 1440, height: 900 });
  });

  test("holds the queue, shows the hold, and ends it", async () => {
    await open(page, `${stack.base}/queues/shop/limits`);
    await page.getByRole("button", { name: "Hold queue" }).click();
    await page.getByRole("button", { name: "Hold it" }).click();
    await page
      .getByRole("status")
      .getByText(/Held until \d\d:\d\d:\d\d\./)
      .waitFor();
    expect((await stack.observer.limits.get("shop")).blockedBy).toBe("hold");
    await page.getByRole("button", { name: "End queue hold" }).click();
    await page.getByLabel("Reason").fill("over");
    await page.getByRole("button", { name: "End the hold" }).click();
    await page.getByRole("button", { name: "Hold queue" }).waitFor();
    expect((await stack.observer.limits.get("shop")).blockedBy).toBeNull();
    await open(page, `${stack.base}/audit?queue=shop`);
    await page.getByRole("row").filter({ hasText: "over" }).getByText("Hold", { exact: true }).waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test("limits a type, shows the limit, holds the type, and removes the limit", async () => {
    await open(page, `${stack.base}/queues/shop/limits`);
    await page.getByRole("button", { name: "Limit a type" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Type").fill("demo.echo");
    await dialog.getByLabel("At one time").fill("3");
    await dialog.getByRole("button", { name: "Save" }).click();
    const types = page.getByRole("table", { name: "Limits of types" });
    await types.getByRole("row").filter({ hasText: "3 at one time" }).waitFor();
    expect((await stack.observer.limits.get("shop")).limits.types).toEqual({
      "demo.echo": { concurrency: 3 },
    });
    await types.getByRole("button", { name: "Hold" }).click();
    await page.getByRole("button", { name: "Hold it" }).click();
    await types
      .getByRole("cell")
      .filter({ hasText: /held until/ })
      .waitFor();
    expect(await violations(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    await expectToFit(page, "the limits of types");
    await page.setViewportSize({ width: 1440, height: 900 });
    await types.getByRole("button", { name: "End hold" }).click();
    await page.getByRole("button", { name: "End the hold" }).click();
    await types.getByRole("button", { name: "Hold" }).waitFor();
    await types.getByRole("button", { name: "Change" }).click();
    await dialog.getByLabel("At one time").fill("");
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByText(/No type has a limit/).waitFor();
  });

  test("the page wrote no error to the console", () => {
    expect(stack.errors).toEqual([]);
  });
});
