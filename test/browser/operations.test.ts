import { until } from "@holdfast/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { die, executablePath, open, type Stack, startStack } from "./support.ts";

describe.skipIf(!executablePath)("operations in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let page: Page;
  const at = (queue: string, rest = "") => `${stack.base}/queues/${queue}/dead-letters${rest}`;
  const stats = (queue: string) => stack.observer.stats(queue);

  beforeAll(async () => {
    stack = await startStack({ services: ["janitor"] });
    await stack.start("worker", { QUEUES: "many,canary,undo", WORKER_CONCURRENCY: "100" });
    page = await stack.page();
  });

  afterAll(() => stack?.stop());

  test("selects all matches of a filter, confirms by typing their number, and shows the operation", async () => {
    await die(stack, "many", 700, { id: "match" });
    await die(stack, "many", 5, { id: "other" });
    await open(page, at("many", "?q=match-"));
    await page.locator(".grid-head .checkbox").click();
    await page.getByRole("button", { name: "Select all 700 that match" }).click();
    await page.getByText("All 700 that match").waitFor();
    await page.getByRole("button", { name: "Replay selected" }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByText("Replay 700 dead letters").waitFor();
    const confirm = dialog.getByRole("button", { name: "Replay", exact: true });
    expect(await confirm.isDisabled()).toBe(true);
    await dialog.getByLabel("Confirmation").fill("replay 700");
    await confirm.click();
    await page.getByRole("region", { name: "Replay on many" }).first().waitFor();
    await until(
      "each task was replayed once",
      async () => (await stats("many")).totals.replayed === 700,
      60_000,
    );
    for (const n of [0, 4]) expect((await stack.observer.task("many", `other-${n}`))?.generation).toBe(0);
    await open(page, `${stack.base}/operations`);
    const row = page.getByRole("row").filter({ hasText: "Replay on many" });
    await row.getByText("700 of 700").waitFor();
    await row.getByText("done", { exact: true }).waitFor();
  });

  test("stops a replay when its first task, the canary, dies again", async () => {
    await die(stack, "canary", 60);
    await open(page, at("canary"));
    await page.getByRole("button", { name: "Replay all" }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByText("Replay 60 dead letters").waitFor();
    await dialog.getByText(/^Canary/).click();
    await dialog.getByRole("button", { name: "Replay", exact: true }).click();
    await open(page, `${stack.base}/operations`);
    await page.getByRole("link", { name: "Replay on canary" }).first().click();
    const detail = page.getByRole("region", { name: "The operation" });
    await detail.getByText(/5 tasks first: stopped/).waitFor({ timeout: 60_000 });
    expect((await stats("canary")).totals.replayed).toBe(5);
  });

  test("discards a few dead letters without typing their number, and restores them with undo", async () => {
    await die(stack, "undo", 8);
    await open(page, at("undo"));
    await page.getByRole("button", { name: "Discard all" }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByText("Discard 8 dead letters").waitFor();
    const confirm = dialog.getByRole("button", { name: "Discard", exact: true });
    // A discard can be undone, so the user does not have to type a confirmation.
    expect(await dialog.getByLabel("Confirmation").count()).toBe(0);
    await dialog.getByLabel("Reason").fill("a test");
    expect((await stats("undo")).dead).toBe(8);
    await confirm.click();
    await until("the dead letters are discarded", async () => (await stats("undo")).dead === 0);
    await page.getByRole("button", { name: "Undo" }).first().click();
    await until("the dead letters are restored", async () => (await stats("undo")).dead === 8);
    expect((await stack.observer.task("undo", "dead-3"))?.payloadText).toBe('{"failRate":1,"n":3}');
    await open(page, `${stack.base}/audit?queue=undo`);
    // The search is limited to the rows, because the filter above them contains the same words.
    const rows = page.getByRole("row");
    await rows.getByText("Discard dead letters").first().waitFor();
    await rows.getByText("a test").first().waitFor();
    await rows.getByText("Undo a discard").first().waitFor();
  });

  test("the page wrote no error to the console", () => {
    expect(stack.errors).toEqual([]);
  });
});
