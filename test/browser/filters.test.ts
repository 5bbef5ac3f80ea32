import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { die, executablePath, expectToFit, open, type Stack, startStack, violations } from "./support.ts";

describe.skipIf(!executablePath)("filters in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  const at = (rest = "") => `${stack.base}/queues/crm/dead-letters${rest}`;

  beforeAll(async () => {
    stack = await startStack({ services: ["janitor"] });
    await stack.start("worker", { QUEUES: "crm", WORKER_CONCURRENCY: "100" });
    await die(stack, "crm", 3, { id: "Acme", tags: ["tenant:acme"] });
    await die(stack, "crm", 5, { id: "beta", tags: ["tenant:beta"] });
    await stack.end("worker");
  });

  afterAll(() => stack?.stop());

  test("a tag narrows the list, the export, the count and the replay of dead letters", async () => {
    const page = await stack.page();
    await open(page, at("?tag=tenant:acme"));
    await page.getByText("3 matches, scanned 8 of 8").waitFor();
    // The filter of an old address becomes a clause of the query.
    expect(await page.getByRole("combobox", { name: "Query" }).inputValue()).toBe("tag==tenant:acme");
    expect(await page.getByRole("link", { name: /^beta-/ }).count()).toBe(0);
    expect(await page.getByRole("link", { name: "Export NDJSON" }).getAttribute("href")).toContain(
      "query=tag%3D%3Dtenant%3Aacme",
    );
    await page.getByRole("button", { name: "Replay all that match" }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByText("Replay 3 dead letters").waitFor();
    await dialog.getByRole("button", { name: "Replay", exact: true }).click();
    await page.getByText("3 dead letters replayed").waitFor();
    expect(await stack.observer.stats("crm")).toMatchObject({ pending: 3, dead: 5 });
    await page.context().close();
  });

  test("if the address has an unknown filter, shows no rows and no buttons for actions", async () => {
    const page = await stack.page();
    for (const [path, asked] of [
      [at("?tags=tenant:acme"), "tags=tenant:acme"],
      [at("?reason=bored"), "reason=bored"],
      [at("?view=groups&tag=tenant:acme"), "tag=tenant:acme"],
      [`${stack.base}/queues/crm/tasks?within=2h`, "within=2h"],
      [`${stack.base}/audit?action=queue.burn`, "action=queue.burn"],
      [`${stack.base}/schedules?queue=crm`, "queue=crm"],
    ] as const) {
      await open(page, path);
      const message = page.getByRole("alert").filter({ hasText: "The filter in the address is not valid" });
      await message.getByText(asked, { exact: true }).waitFor();
      expect(await page.getByRole("button", { name: /Replay|Discard/ }).count()).toBe(0);
      expect(await page.getByRole("row").count()).toBe(0);
    }
    await open(page, at("?tags=tenant:beta&q=BETA-4"));
    expect(await violations(page)).toEqual([]);
    await page.setViewportSize({ width: 390, height: 844 });
    await expectToFit(page, "the message of an unknown filter");
    await page.getByRole("button", { name: "Remove it and show the list" }).click();
    // The screen keeps the filters that it knows, and removes the others.
    await page.getByText("1 match, scanned 5 of 5").waitFor();
    await page.getByRole("link", { name: "beta-4" }).waitFor();
    await open(page, `${stack.base}/workers?state=lost`);
    await page.getByText("state=lost").waitFor();
    await page.getByRole("heading", { name: "Workers" }).waitFor();
    await page.context().close();
  });

  test("a query is run while it is typed, ignores case, and survives a reload", async () => {
    const page = await stack.page();
    await open(page, at());
    const bar = page.getByRole("combobox", { name: "Query" });
    await bar.pressSequentially("BETA-3");
    await page.getByText("1 match, scanned 5 of 5").waitFor();
    await bar.fill("");
    await bar.pressSequentially("type:DEMO.* error~ERROR -id:beta-0");
    await page.getByText("4 matches, scanned 5 of 5").waitFor();
    expect(await bar.inputValue()).toBe("type:DEMO.* error~ERROR -id:beta-0");
    await page.reload();
    await page.getByText("4 matches, scanned 5 of 5").waitFor();
    await page.getByRole("button", { name: "Remove -id:beta-0" }).click();
    await page.getByText("5 matches, scanned 5 of 5").waitFor();
    await page.context().close();
  });

  test("a query over all queues is built with the mouse, and the side panel follows j and k", async () => {
    const page = await stack.page();
    await open(page, `${stack.base}/tasks`);
    await page.getByRole("link", { name: "beta-4" }).waitFor();
    await page.getByRole("combobox", { name: "Query" }).click();
    await page.getByRole("option", { name: /^state:/ }).click();
    await page.getByRole("option", { name: "state:dead" }).click();
    await page.waitForURL(/query=state%3Adead|query=state:dead/);
    await page.getByText("5 matches, scanned 5 of 5").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("button", { name: "Show beta-4 beside the list" }).click();
    const panel = page.getByRole("complementary", { name: "Task of the row" });
    await panel.getByRole("link", { name: "beta-4" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("j");
    await panel.getByRole("link", { name: "beta-3" }).waitFor();
    await page.reload();
    await panel.getByRole("link", { name: "beta-3" }).waitFor();
    await page.setViewportSize({ width: 390, height: 844 });
    await expectToFit(page, "all tasks with the side panel");
    await page.context().close();
  });

  test("the page wrote no error to the console", () => {
    expect(stack.errors).toEqual([]);
  });
});
