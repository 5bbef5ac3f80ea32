import { until } from "@holdfast/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, open, type Stack, startStack, violations } from "./support.ts";

describe.skipIf(!executablePath)(
  "actions that are hard to undo, in a real browser",
  { timeout: 120_000 },
  () => {
    let stack: Stack;
    let page: Page;

    beforeAll(async () => {
      stack = await startStack({ services: [], env: { ENVIRONMENT: "production" } });
      const tasks = Array.from({ length: 6 }, (_, n) => ({
        type: "demo.echo",
        payload: n,
        ...(n < 2 ? { delayMs: 3_600_000 } : {}),
      }));
      await stack.queue("emails").enqueueMany(tasks);
      page = await stack.page();
    });

    afterAll(() => stack?.stop());

    test("refuses demo load outside development, by the button and over HTTP", async () => {
      await open(page, `${stack.base}/load?queue=emails`);
      await page.getByRole("heading", { name: "No demo load here" }).waitFor();
      await page.getByRole("region", { name: "Demo load" }).getByText("production").waitFor();
      expect(await page.getByRole("button", { name: "Run the burst" }).count()).toBe(0);
      // The fields are empty at first. If they contained a demo task, one click would enqueue it.
      expect(await page.getByLabel("Type").inputValue()).toBe("");
      expect(await page.getByRole("button", { name: "Inject task" }).isDisabled()).toBe(true);
      expect(await violations(page)).toEqual([]);
      const burst = await fetch(`${stack.base}/v1/queues/emails/burst`, { method: "POST" });
      expect([burst.status, await burst.json()]).toMatchObject([403, { code: "forbidden" }]);
      expect((await stack.observer.stats("emails")).totals.enqueued).toBe(6);
    });

    test("says that a queue name is new before a task, a schedule or a replay creates the queue", async () => {
      await open(page, `${stack.base}/load?queue=emials`);
      await page.getByText("There is no queue “emials” yet: the first task will create it.").waitFor();
      await page.getByLabel("Queue", { exact: true }).fill("emails");
      await page.getByText(/There is no queue/).waitFor({ state: "detached" });
      await open(page, `${stack.base}/schedules`);
      await page.getByRole("button", { name: "New schedule" }).first().click();
      await page.getByRole("dialog").getByLabel("Queue", { exact: true }).fill("emials");
      await page.getByText("There is no queue “emials” yet: the first run will create it.").waitFor();
      expect(await violations(page)).toEqual([]);
    });

    test("removes the tasks of chosen states once the name of the queue is typed", async () => {
      await open(page, `${stack.base}/queues/emails`);
      await page.getByRole("button", { name: "Empty queue" }).click();
      const dialog = page.getByRole("alertdialog");
      await dialog.getByText("Scheduled").click();
      const remove = dialog.getByRole("button", { name: "Remove 2 tasks" });
      await dialog.getByLabel("Confirmation").fill("email");
      expect(await remove.isDisabled()).toBe(true);
      expect(await violations(page)).toEqual([]);
      await dialog.getByLabel("Confirmation").fill("emails");
      await dialog.getByLabel("Reason").fill("sent twice");
      await remove.click();
      await page.getByText("2 tasks removed").waitFor();
      expect(await stack.observer.stats("emails")).toMatchObject({ pending: 4, scheduled: 0 });
    });

    test("deletes a mistyped queue from its own page, after it pauses and empties the queue", async () => {
      await stack.queue("emials").enqueue("demo.echo", 1);
      await fetch(`${stack.base}/v1/schedules/weekly`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ queue: "emials", cron: "0 3 * * 1", type: "demo.echo" }),
      });
      await open(page, `${stack.base}/queues/emials`);
      await page.getByRole("button", { name: "Delete queue" }).click();
      const dialog = page.getByRole("alertdialog");
      await dialog.getByText(/The queue and 1 task in it are removed with its settings/).waitFor();
      await dialog.getByText(/A schedule enqueues into it, and will create it again: weekly/).waitFor();
      expect(await violations(page)).toEqual([]);
      expect(await dialog.getByRole("button", { name: "Delete queue" }).isDisabled()).toBe(true);
      await dialog.getByLabel("Confirmation").fill("emials");
      await dialog.getByRole("button", { name: "Delete queue" }).click();
      await page.getByText("emials is deleted").waitFor();
      await page.getByRole("heading", { name: "Overview" }).waitFor();
      expect(await stack.observer.queues()).toEqual(["emails"]);
      await open(page, `${stack.base}/audit?queue=emials`);
      for (const done of ["Pause queue", "Delete queue"])
        await page.getByRole("row").getByText(done).waitFor();
    });

    test("says why a queue cannot be deleted, and that it stays paused", async () => {
      await stack.start("worker", { QUEUES: "busy" });
      await stack.queue("busy").enqueue("demo.sleep", { ms: 60_000 }, { id: "long" });
      await until("the task runs", async () => (await stack.observer.stats("busy")).processing === 1);
      await open(page, `${stack.base}/queues/busy`);
      await page.getByRole("button", { name: "Delete queue" }).click();
      const dialog = page.getByRole("alertdialog");
      await dialog.getByText(/The queue cannot be deleted while tasks run: 1 now/).waitFor();
      await dialog.getByLabel("Confirmation").fill("busy");
      await dialog.getByRole("button", { name: "Delete queue" }).click();
      await dialog
        .getByRole("alert")
        .getByText(/processing/)
        .waitFor();
      expect(await stack.observer.stats("busy")).toMatchObject({ paused: true, processing: 1 });
    });

    test("the page wrote no error to the console, except that a deletion was refused", () => {
      expect(stack.errors.filter((text) => !/status of 409 .*\/v1\/queues\/busy\?/.test(text))).toEqual([]);
    });
  },
);
