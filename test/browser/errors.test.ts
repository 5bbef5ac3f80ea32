import { until } from "@holdfast/testing";
import { FatalError, Worker } from "holdfast";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, expectToFit, open, type Stack, startStack, violations } from "./support.ts";

/** How many tasks die of each kind of error, in each queue. */
const KINDS = [
  { queue: "orders", message: (n: number) => `order ${n} not found`, count: 12 },
  {
    queue: "orders",
    message: (n: number) => `GET https://api.example.com/v1/users/${n} answered 503`,
    count: 7,
  },
  { queue: "emails", message: (n: number) => `mail to user.${n}@example.com bounced`, count: 5 },
] as const;

describe.skipIf(!executablePath)("the errors of all queues in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  const workers: Worker[] = [];
  const stats = (queue: string) => stack.observer.stats(queue);

  beforeAll(async () => {
    stack = await startStack({ services: ["janitor"] });
    for (const name of ["orders", "emails"]) {
      const kinds = KINDS.filter(({ queue }) => queue === name);
      const handler = ({ payload }: { payload: unknown }) => {
        const { kind, n } = payload as { kind: number; n: number };
        throw new FatalError(kinds[kind]?.message(n) ?? "");
      };
      const worker = new Worker(name, { "test.dies": handler }, { redis: stack.redis.url });
      workers.push(worker);
      await worker.start();
      for (const [kind, { count }] of kinds.entries())
        await stack
          .queue(name)
          .enqueueMany(
            Array.from({ length: count }, (_, n) => ({ type: "test.dies", payload: { kind, n } })),
          );
    }
    await until(
      "all tasks are dead",
      async () => (await stats("orders")).dead === 19 && (await stats("emails")).dead === 5,
      30_000,
    );
    // A replayed task must stay pending.
    for (const worker of workers) await worker.stop({ graceMs: 1_000 });
  });
  afterAll(() => stack?.stop());

  const row = (page: Page, title: string) => page.getByRole("row").filter({ hasText: title });

  test("lists each kind of error once, with its counts, also after a reload", async () => {
    const page = await stack.page();
    await open(page, `${stack.base}/`);
    await page.getByRole("link", { name: /^Errors/ }).click();
    await page.getByText("3 errors, 24 dead letters in all queues").waitFor();
    await page.reload();
    await page.getByText("3 errors, 24 dead letters in all queues").waitFor();
    for (const [title, queue, count] of [
      ["order <n> not found", "orders", 12],
      ["GET https://api.example.com/<path> answered <n>", "orders", 7],
      ["mail to <email> bounced", "emails", 5],
    ] as const) {
      const cells = row(page, title).getByRole("cell");
      expect(await cells.nth(1).textContent(), title).toContain(queue);
      expect(await cells.nth(2).textContent(), title).toMatch(new RegExp(`${count}$`));
    }
    await page.getByLabel("Find an error").fill("bounced");
    await page.getByText("1 error, 24 dead letters").waitFor();
    await page.context().close();
  });

  test("mutes an error and ends the mute", async () => {
    const page = await stack.page();
    await open(page, `${stack.base}/errors`);
    await row(page, "bounced").getByRole("button", { name: "Mute" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Mute", exact: true }).click();
    await page.getByText("2 errors, 24 dead letters").waitFor();
    await page.getByRole("radio", { name: "Muted" }).click();
    await row(page, "bounced").getByText("Muted by").waitFor();
    await row(page, "bounced").getByRole("button", { name: "Unmute" }).click();
    await page.getByText("0 errors, 24 dead letters").waitFor();
    await page.context().close();
  });

  test("leads to the tasks of an error, and replays exactly these", async () => {
    const page = await stack.page();
    await open(page, `${stack.base}/errors?sort=dead`);
    await row(page, "order <n>").getByRole("link", { name: "order <n> not found" }).click();
    await page.getByText("FatalError: order <n> not found").first().waitFor();
    const tasks = page.getByRole("region", { name: "Dead letters" }).locator(".grid-body [role=row]");
    await expect.poll(() => tasks.count(), { timeout: 20_000 }).toBe(12);
    await page.goBack();
    await row(page, "order <n>").getByRole("button", { name: "Replay" }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByText("Replay 12 dead letters").waitFor();
    await dialog.getByRole("button", { name: "Replay", exact: true }).click();
    await until("12 tasks are replayed", async () => (await stats("orders")).totals.replayed === 12, 30_000);
    expect((await stats("orders")).dead).toBe(7);
    await page.getByText("12 dead letters in all queues").waitFor();
    await page.context().close();
  });

  test.each([
    ["light", 1440],
    ["dark", 1440],
    ["light", 390],
    ["dark", 390],
  ] as const)("has no axe violation and fits, in the %s theme at %s px", async (colorScheme, width) => {
    const page = await stack.page({ colorScheme, viewport: { width, height: 900 } });
    for (const path of ["/errors?kind=all", "/queues/orders/dead-letters?view=groups"]) {
      await open(page, stack.base + path);
      await row(page, "answered <n>").waitFor();
      await page.locator("summary").first().click();
      expect(await violations(page), path).toEqual([]);
      await expectToFit(page, path);
      if (process.env.PICTURES)
        await page.screenshot({
          path: `${process.env.PICTURES}/${colorScheme}-${width}-${path.includes("queues") ? "queue" : "all"}.png`,
          fullPage: true,
        });
    }
    await page.context().close();
  });
});
