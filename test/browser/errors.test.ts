import { until } from "@holdfast/testing";
import { FatalError, Worker } from "holdfast";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, expectToFit, open, type Stack, startStack, violationsInThemes } from "./support.ts";

/** For each kind of error: the queue, and how many tasks die of it. */
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
    // The workers are stopped, so that a replayed task stays pending.
    for (const worker of workers) await worker.stop({ graceMs: 1_000 });
  });
  afterAll(() => stack?.stop());

  const row = (page: Page, title: string) => page.getByRole("row").filter({ hasText: title });

  test("the first screen names the queues that need attention, and one click opens the newest dead letter of the worst one", async () => {
    await stack.queue("held").enqueue("test.dies", 1);
    await stack.observer.pause("held");
    await stack.queue("idle").enqueue("test.dies", 1, { delayMs: 3_600_000 });
    const listed = await fetch(`${stack.base}/v1/queues/orders/tasks?state=dead&limit=1`);
    const [newest] = ((await listed.json()) as { tasks: { id: string; lastError: string }[] }).tasks;
    const page = await stack.page();
    let clicks = 0;
    await page.exposeFunction("clicked", () => {
      clicks += 1;
    });
    await page.addInitScript("addEventListener('click', () => clicked(), true)");
    await open(page, `${stack.base}/`);
    const trouble = page.getByRole("region", { name: "2 queues need attention" });
    await trouble.waitFor();
    expect(await trouble.locator(".trouble-queue").allTextContents()).toEqual(["orders", "emails"]);
    const names = page.getByRole("table", { name: "Queues, worst first" }).locator(".queue-name a");
    expect(await names.allTextContents()).toEqual(["orders", "emails", "held", "idle"]);
    // The first screen shows the error itself. The link leads to the task that died of it.
    const [message = ""] = (newest?.lastError ?? "").split("\n", 1);
    await trouble.getByRole("link", { name: message }).click();
    await page.getByRole("heading", { name: newest?.id ?? "", exact: true }).waitFor();
    await page.getByText(message).first().waitFor();
    await until("the click was counted", async () => clicks > 0);
    expect(clicks).toBe(1);
    await page.context().close();
  });

  test("says in the title and in the sidebar how many dead letters there are", async () => {
    const page = await stack.page();
    const titled = async (path: string, title: string) => {
      await open(page, stack.base + path);
      await expect.poll(() => page.title(), { timeout: 20_000 }).toBe(title);
    };
    await titled("/", "(24) Overview – Holdfast");
    await titled("/errors", "(24) Errors – Holdfast");
    await titled("/queues/orders", "(19) orders – Holdfast");
    await titled("/queues/emails/tasks", "(5) Tasks of emails – Holdfast");
    await titled("/queues/held", "held: paused – Holdfast");
    await page.getByRole("link", { name: "Errors 24" }).waitFor();
    await page.context().close();
  });

  test("opens a row wherever it is clicked, and lets its text be selected", async () => {
    const page = await stack.page();
    await open(page, `${stack.base}/`);
    const cell = page.locator(".queues .grid-body .grid-row").first().getByRole("cell").nth(1);
    const box = await cell.boundingBox();
    if (box === null) throw new Error("the cell is not on the page");
    // The mouse selects text in the cell, which must not count as a click that opens the row.
    const middle = box.y + box.height / 2;
    await page.mouse.move(box.x + 1, middle);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width - 1, middle, { steps: 5 });
    await page.mouse.up();
    expect(await page.evaluate("getSelection().toString()")).not.toBe("");
    expect(new URL(page.url()).pathname).toBe("/");
    await page.mouse.click(5, 5);
    await page.goto(stack.base);
    await cell.click();
    await page.getByRole("heading", { name: "orders", exact: true }).waitFor();
    await page.context().close();
  });

  test("lists each kind of error once, with its counts, also after a reload", async () => {
    const page = await stack.page();
    await open(page, `${stack.base}/`);
    await page.getByRole("link", { name: "Errors 24" }).click();
    await page.getByText("3 errors, 24 dead letters in all queues").waitFor();
    await page.reload();
    await page.getByText("3 errors, 24 dead letters in all queues").waitFor();
    for (const [title, queue, count] of [
      ["order <n> not found", "orders", 12],
      ["GET https://api.example.com/<path> answered <n>", "orders", 7],
      ["mail to <email> bounced", "emails", 5],
    ] as const) {
      const cells = row(page, title).getByRole("cell");
      expect(await cells.nth(2).textContent(), title).toContain(queue);
      expect(await cells.nth(3).textContent(), title).toMatch(new RegExp(`${count}$`));
    }
    await page.getByLabel("Find an error").fill("bounced");
    await page.getByText("1 error, 24 dead letters").waitFor();
    await page.context().close();
  });

  test("mutes an error and ends the mute", async () => {
    const page = await stack.page();
    await open(page, `${stack.base}/errors`);
    await row(page, "bounced").getByRole("button", { name: "Mute" }).click();
    await page.getByRole("dialog").getByLabel("Reason").fill("known since Monday");
    await page.getByRole("dialog").getByRole("button", { name: "Mute", exact: true }).click();
    await page.getByText("2 errors, 24 dead letters").waitFor();
    await page.getByRole("radio", { name: "Muted" }).click();
    await row(page, "bounced").getByText("Muted by").waitFor();
    await row(page, "bounced").getByRole("button", { name: "Unmute" }).click();
    await page.getByText("0 errors, 24 dead letters").waitFor();
    await page.goto(`${stack.base}/audit`);
    await page.getByText("known since Monday").first().waitFor();
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

  test.each([1440, 390])("has no axe violation in either theme and fits, at %i px", async (width) => {
    const page = await stack.page({ viewport: { width, height: 900 } });
    await open(page, stack.base);
    await page.locator(".trouble-death a").first().waitFor();
    expect(await violationsInThemes(page), "the overview").toEqual([]);
    await expectToFit(page, "the overview");
    for (const path of ["/errors?kind=all", "/queues/orders/dead-letters?view=groups"]) {
      await open(page, stack.base + path);
      await row(page, "answered <n>").waitFor();
      await page.locator("summary").first().click();
      expect(await violationsInThemes(page), path).toEqual([]);
      await expectToFit(page, path);
    }
    await page.context().close();
  });

  test("mutes, replays and discards the selected errors of several queues in one step", async () => {
    const page = await stack.page();
    await open(page, `${stack.base}/errors?kind=all`);
    const select = (title: string) => row(page, title).getByRole("checkbox").click();
    await select("answered <n>");
    await select("bounced");
    await page.getByText("2 errors selected, 12 dead letters in 2 queues").waitFor();
    await page.getByRole("button", { name: "Mute selected" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Mute", exact: true }).click();
    await row(page, "answered <n>").getByText("Muted by").waitFor();
    await row(page, "bounced").getByText("Muted by").waitFor();

    await select("bounced");
    await page.getByRole("button", { name: "Discard selected" }).click();
    await page.getByRole("alertdialog").getByText("5 dead letters of 1 error in emails.").waitFor();
    await page.getByRole("alertdialog").getByRole("button", { name: "Discard", exact: true }).click();
    await until("they are discarded", async () => (await stats("emails")).dead === 0, 30_000);
    await page.getByRole("alertdialog").waitFor({ state: "detached" });

    await page.getByRole("checkbox", { name: "Select all loaded" }).press("Space");
    await page.getByText(/3 errors selected, 7 dead letters/).waitFor();
    await page.getByRole("button", { name: "Replay selected" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Replay", exact: true }).click();
    await until("they are replayed", async () => (await stats("orders")).dead === 0, 30_000);
    await page.context().close();
  });
});
