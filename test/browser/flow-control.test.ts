import { until } from "@holdfast/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, expectToFit, open, type Stack, startStack, violations } from "./support.ts";

describe.skipIf(!executablePath)(
  "policies of keys and shared limits in a real browser",
  {
    timeout: 120_000,
  },
  () => {
    let stack: Stack;
    let page: Page;
    const limits = () => stack.observer.limits;
    const panel = () => page.getByRole("region", { name: "Limits shared with other queues" });
    const row = (text: string) => page.getByRole("row").filter({ hasText: text });

    beforeAll(async () => {
      stack = await startStack({ services: ["janitor"] });
      for (const queue of ["shop", "bills"])
        await stack.queue(queue).enqueue("demo.echo", 1, { delayMs: 3_600_000 });
      await stack.start("worker", { QUEUES: "shop" });
      page = await stack.page();
      await open(page, `${stack.base}/queues/shop/limits`);
    });

    afterAll(() => stack?.stop());

    test("sets a strict order that stops at a dead letter, in an accessible form", async () => {
      await page.getByRole("button", { name: "Change limits" }).click();
      const dialog = page.getByRole("dialog");
      const each = dialog.getByRole("group", { name: "The tasks of each key" });
      await each.getByText("Strict order", { exact: true }).click();
      await each.getByText("Strict order needs 1.").waitFor();
      await each.getByLabel("At one time").fill("1");
      await each.getByRole("radio", { name: "Stop the key" }).click();
      await each.getByRole("radio", { name: "Running time" }).click();
      await each.getByLabel("Most waiting").fill("500");
      await dialog.getByRole("listitem").filter({ hasText: "strict, stops at a dead letter" }).waitFor();
      expect(await violations(page)).toEqual([]);
      await page.setViewportSize({ width: 390, height: 844 });
      await expectToFit(page, "the dialog of the limits");
      await page.setViewportSize({ width: 1440, height: 900 });
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.waitFor({ state: "detached" });
      await page.getByText("strict, stops at a dead letter").waitFor();
      expect((await limits().get("shop")).limits).toEqual({
        key: { concurrency: 1, ordered: true, onDead: "stop", maxWaiting: 500 },
        fairBy: "time",
      });
    });

    test("shows a key that stopped at a dead letter, and starts it again without a replay", async () => {
      await stack.queue("shop").enqueueMany([
        { type: "demo.flaky", payload: { failRate: 1 }, id: "dies", key: "acme", maxRetries: 0 },
        { type: "demo.echo", payload: 1, id: "behind", key: "acme" },
      ]);
      await row("acme").getByText("stopped at a dead letter").waitFor();
      expect((await stack.observer.task("shop", "behind"))?.state).toBe("pending");
      expect(await violations(page)).toEqual([]);
      await row("acme").getByRole("link", { name: "dead letter" }).click();
      await page.getByRole("link", { name: "dies" }).waitFor();
      await open(page, `${stack.base}/queues/shop/tasks/behind`);
      await page
        .getByRole("region", { name: "Why isn't it running?" })
        .getByText(/stopped when one of its tasks died/)
        .waitFor();
      await open(page, `${stack.base}/queues/shop/limits`);
      await row("acme").getByRole("button", { name: "End hold" }).click();
      await page.getByRole("alertdialog").getByText("replay the dead letter instead").waitFor();
      await page.getByRole("button", { name: "End the hold" }).click();
      await until(
        "the task ran",
        async () => (await stack.observer.task("shop", "behind"))?.state === "completed",
        20_000,
      );
    });

    test("shares a limit with another queue on a phone, and shows the share of this queue", async () => {
      await page.setViewportSize({ width: 390, height: 844 });
      await panel().getByText("A limit can hold for several queues together").waitFor();
      await page.getByRole("button", { name: "Share a limit" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByRole("textbox", { name: "Name" }).fill("database");
      await dialog.getByRole("textbox", { name: "Queues" }).fill("shop, bills, bilsl");
      await dialog.getByText("Saving creates these queues, which do not exist yet: bilsl.").waitFor();
      await dialog.getByRole("textbox", { name: "Queues" }).fill("shop, bills");
      await dialog.getByLabel("At one time").fill("1");
      await dialog.getByRole("button", { name: "Save" }).click();
      // Only the service can find this error. The form shows the answer of the service.
      await dialog.getByRole("alert").filter({ hasText: "has to be at least 2" }).waitFor();
      await dialog.getByLabel("At one time").fill("10");
      await expectToFit(page, "the dialog of a shared limit");
      expect(await violations(page)).toEqual([]);
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.waitFor({ state: "detached" });
      await row("database").getByText("10 at one time").waitFor();
      await row("database").getByText("5 at one time").waitFor();
      await expectToFit(page, "the limits of a queue");
      expect(await limits().shared()).toMatchObject([
        { name: "database", limit: { concurrency: 10 }, queues: ["shop", "bills"] },
      ]);
      await page.setViewportSize({ width: 1440, height: 900 });
      expect(await violations(page)).toEqual([]);
    });

    test("changes the shared limit, and ends it after a confirmation", async () => {
      await row("database").getByRole("button", { name: "Change" }).click();
      const dialog = page.getByRole("dialog");
      await dialog.getByLabel("At one time").fill("20");
      await dialog.getByRole("listitem").filter({ hasText: "Together, at one time: 10" }).waitFor();
      await dialog.getByRole("button", { name: "Save" }).click();
      await dialog.waitFor({ state: "detached" });
      await row("database").getByText("20 at one time").waitFor();
      await row("database").getByRole("button", { name: "End" }).click();
      await page.getByRole("alertdialog").getByRole("button", { name: "Keep as it is" }).click();
      expect(await limits().shared()).toHaveLength(1);
      await row("database").getByRole("button", { name: "End" }).click();
      await page.getByRole("alertdialog").getByText("shop, bills").waitFor();
      await page.getByRole("button", { name: "End it" }).click();
      await panel().getByText("A limit can hold for several queues together").waitFor();
      expect(await limits().shared()).toEqual([]);
      await open(page, `${stack.base}/audit`);
      await row("End a shared limit").filter({ hasText: "database" }).waitFor();
      await row("Share a limit").filter({ hasText: "database" }).first().waitFor();
    });

    test("the page wrote no error to the console, except that a limit was refused", () => {
      expect(stack.errors.filter((error) => !error.includes("422"))).toEqual([]);
    });
  },
);
