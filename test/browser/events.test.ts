import { Worker } from "holdfast";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, expectToFit, open, type Stack, startStack, violations } from "./support.ts";

describe.skipIf(!executablePath)("the events of a queue in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let worker: Worker;
  let page: Page;
  const row = (text: string | RegExp) => page.getByRole("row").filter({ hasText: text });
  const status = (text: string) => page.getByRole("status").filter({ hasText: text }).last().waitFor();

  beforeAll(async () => {
    stack = await startStack({ services: ["janitor"] });
    worker = new Worker(
      "shop",
      { "order.pack": () => ({ packed: true }) },
      { redis: stack.redis.url, id: "packer-1" },
    );
    await stack.queue("shop").enqueue("order.pack", 1, { id: "before" });
    await worker.start();
    await stack.queue("shop").result("before", { waitMs: 10_000 });
    page = await stack.page();
  });

  afterAll(async () => {
    await worker?.stop({ graceMs: 100 });
    await stack?.stop();
  });

  test("says how to switch events on, and lets the user do it in the settings", async () => {
    await open(page, `${stack.base}/queues/shop`);
    await page.getByRole("link", { name: "Events" }).click();
    await page.getByRole("heading", { name: "This queue keeps no events" }).waitFor();
    await page.getByText("holdfast queue configure shop --max-events 100000").waitFor();
    await page.getByRole("button", { name: "Keep events" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Events kept for readers").fill("1000");
    await dialog.getByRole("button", { name: "Save" }).click();
    await dialog.waitFor({ state: "detached" });
    await page.getByRole("heading", { name: "No events yet" }).waitFor();
    await status("Live");
    expect((await stack.observer.stats("shop")).settings.maxEvents).toBe(1_000);
    expect(await page.title()).toContain("Events of shop");
  });

  test("lists events as they happen, with a link to the task, its worker and its result", async () => {
    await stack.queue("shop").enqueue("order.pack", 1, { id: "order-1" });
    await row(/Completed.*order-1.*\{"packed":true\}/).waitFor();
    await row(/Started.*order-1.*packer-1/).waitFor();
    await row(/Enqueued.*order-1/).waitFor();
    expect(await violations(page)).toEqual([]);
    await row(/Completed/)
      .getByRole("link", { name: "order-1" })
      .click();
    await page.getByRole("heading", { name: "order-1" }).waitFor();
    await page.goBack();
    await status("Live");
  });

  test("filters by kind, from the oldest event that is kept", async () => {
    await page.getByLabel("Kind of event").selectOption("completed");
    await page.getByRole("heading", { name: "No event “Completed” yet" }).waitFor();
    await page.getByRole("radio", { name: "From the oldest kept" }).click();
    await row(/Completed.*order-1/).waitFor();
    expect(await page.getByRole("row").count()).toBe(2);
    expect(new URL(page.url()).search).toBe("?kind=completed&from=oldest");
  });

  test("shows all events that came while updates were on hold, and marks a gap", async () => {
    await open(page, `${stack.base}/queues/shop/events`);
    await status("Live");
    const panel = page.getByRole("region", { name: "Events" });
    await panel.getByRole("button", { name: "Hold updates" }).click();
    await status("Updates are held");
    await stack.queue("shop").enqueue("order.pack", 1, { id: "held-1" });
    await stack.queue("shop").result("held-1", { waitMs: 10_000 });
    expect(await row("held-1").count()).toBe(0);
    await panel.getByRole("button", { name: "Resume updates" }).click();
    await row(/Enqueued.*held-1/).waitFor();
    await row(/Completed.*held-1/).waitFor();

    await panel.getByRole("button", { name: "Hold updates" }).click();
    await stack.observer.configure("shop", { maxEvents: 0 });
    await stack.observer.configure("shop", { maxEvents: 1_000 });
    await stack.queue("shop").enqueue("order.pack", 1, { id: "after-gap" });
    await panel.getByRole("button", { name: "Resume updates" }).click();
    await row("Events are missing here; their number is not known").waitFor();
    await row(/Enqueued.*after-gap/).waitFor();
    await expectToFit(page, "events with a gap");
    await page.setViewportSize({ width: 390, height: 844 });
    await expectToFit(page, "events with a gap at 390 px");
    expect(await violations(page)).toEqual([]);
    expect(stack.errors).toEqual([]);
  });
});
