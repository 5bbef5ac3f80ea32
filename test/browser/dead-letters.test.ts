import { until } from "@holdfast/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { die, executablePath, open, type Stack, startStack } from "./support.ts";

describe.skipIf(!executablePath)("dead letters in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let page: Page;
  const at = (queue: string, rest = "") => `${stack.base}/queues/${queue}/dead-letters${rest}`;
  const stats = (queue: string) => stack.observer.stats(queue);

  beforeAll(async () => {
    stack = await startStack();
    await stack.start("worker", {
      QUEUES: "one,groups,edit,search",
      WORKER_CONCURRENCY: "100",
    });
    page = await stack.page();
  });

  afterAll(() => stack?.stop());

  test("replays one dead letter at once by its button", async () => {
    await die(stack, "one", 3);
    await open(page, at("one"));
    await page.getByRole("row").filter({ hasText: "dead-1" }).getByRole("button", { name: "Replay" }).click();
    // The replayed task has failed again. It is in generation 1 now, and its history still has the attempts of
    // generation 0.
    await until("the task has died a second time", async () => {
      const task = await stack.observer.task("one", "dead-1");
      return task?.state === "dead" && task.generation === 1 && task.history.length === 2;
    });
    expect((await stats("one")).totals.replayed).toBe(1);
    await page.getByRole("row").filter({ hasText: "died again" }).waitFor();
  });

  test("selects rows with Shift, and replays the selected rows", async () => {
    await open(page, at("one"));
    const boxes = page.locator(".grid-body .checkbox");
    await boxes.nth(0).click();
    await boxes.nth(2).click({ modifiers: ["Shift"] });
    await page.getByText("3 dead letters selected").waitFor();
    await page.getByRole("button", { name: "Replay selected" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Replay", exact: true }).click();
    await until("four tasks are replayed", async () => (await stats("one")).totals.replayed === 4);
  });

  test("replays the dead letters of one error and leaves the others", async () => {
    await die(stack, "groups", 12);
    await die(stack, "groups", 1, { type: "demo.sleep", payload: { ms: "long" }, id: "other" });
    await open(page, at("groups", "?view=groups"));
    const row = page.getByRole("row").filter({ hasText: "demo.flaky" });
    await row.getByText(/12$/).first().waitFor();
    await row.getByRole("button", { name: "Replay", exact: true }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByText("Replay 12 dead letters").waitFor();
    await dialog.getByRole("button", { name: "Replay", exact: true }).click();
    await until("the group was replayed", async () => (await stats("groups")).totals.replayed === 12);
    expect((await stack.observer.task("groups", "other-0"))?.generation).toBe(0);
  });

  test("edits a payload beside the old one, and replays the task with exactly the new text", async () => {
    await die(stack, "edit", 1);
    await open(page, `${stack.base}/queues/edit/tasks/dead-0`);
    await page.getByRole("button", { name: "Edit and replay" }).click();
    const after = page.getByLabel("Payload after");
    await after.click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type('{ "failRate": 0,  "n": 12345678901234567890 ');
    await page
      .getByRole("alert")
      .getByText(/Not JSON/)
      .waitFor();
    expect(await page.getByRole("button", { name: "Replay edited" }).isDisabled()).toBe(true);
    await page.keyboard.type("}");
    expect(await page.getByLabel("Payload before").textContent()).toContain('"failRate":1');
    expect(await page.locator(".diff .cm-changedLine").count()).toBeGreaterThan(0);
    await page.getByRole("button", { name: "Replay edited" }).click();
    await until("the edited task is completed", async () => {
      const task = await stack.observer.task("edit", "dead-0");
      return (
        task?.state === "completed" && task.payloadText === '{ "failRate": 0,  "n": 12345678901234567890 }'
      );
    });
  });

  test("finds dead letters by text, error and reason, says how many it searched, and clears the search", async () => {
    await die(stack, "search", 40, { tags: ["tenant:acme"] });
    await open(page, at("search"));
    await page.getByRole("combobox", { name: "Query" }).fill("payload.n=17");
    await page.keyboard.press("Enter");
    await page.getByText("1 match, scanned 40 of 40").waitFor();
    await page.waitForURL(/query=/);
    await page.reload();
    await page.getByRole("link", { name: "dead-17" }).waitFor();
    await page.getByRole("button", { name: "Clear query" }).click();
    await page.getByRole("combobox", { name: "Query" }).fill("reason:fatal");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "No dead letters match" }).waitFor();
    await page.getByRole("button", { name: "Clear filters" }).first().click();
    await page.getByText("40 dead letters loaded").waitFor();
    // While a row is selected, the list does not change. It only says how many rows are new.
    await page.locator(".grid-body .checkbox").nth(3).click();
    await die(stack, "search", 2, { id: "late" });
    await page.getByRole("button", { name: "2 new" }).click();
    await page.getByRole("link", { name: "late-1" }).waitFor();
    const download = page.waitForEvent("download");
    await page.getByRole("link", { name: "Export NDJSON" }).click();
    const file = await (await download).createReadStream();
    let text = "";
    for await (const chunk of file) text += String(chunk);
    expect(text.trim().split("\n")).toHaveLength(42);
  });

  test("the page wrote no error to the console", () => {
    expect(stack.errors).toEqual([]);
  });
});
