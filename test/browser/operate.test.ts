import { until } from "@holdfast/testing";
import type { ScheduleView } from "holdfast";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, open, type Stack, startStack, violations } from "./support.ts";

describe.skipIf(!executablePath)("operating queues in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let page: Page;
  const stats = (queue: string) => stack.observer.stats(queue);

  beforeAll(async () => {
    stack = await startStack();
    page = await stack.page();
  });

  afterAll(() => stack?.stop());

  test("shows the counts of a queue, and follows them without a reload", async () => {
    await stack.queue("default").enqueue("demo.echo", "first");
    await until("the first task is completed", async () => (await stats("default")).completed === 1);
    await open(page, stack.base);
    await page.getByRole("row").getByRole("link", { name: "default" }).waitFor();
    await open(page, `${stack.base}/queues/default`);
    await stack
      .queue("default")
      .enqueueMany(Array.from({ length: 41 }, () => ({ type: "demo.echo", payload: 1 })));
    await page.getByRole("region", { name: "Counts by state" }).getByText("42", { exact: true }).waitFor();
  });

  test("pauses a queue with a reason that everybody sees, and resumes it", async () => {
    await open(page, `${stack.base}/queues/default`);
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByLabel("Reason").fill("vendor outage");
    await page.getByRole("button", { name: "Pause queue" }).click();
    await page.getByText("vendor outage").first().waitFor();
    expect(await stats("default")).toMatchObject({ paused: true, pauseReason: "vendor outage" });
    await stack.queue("default").enqueue("demo.echo", 1, { id: "held" });
    await open(page, `${stack.base}/queues/default/tasks/held`);
    await page
      .getByRole("region", { name: "Why isn't it running?" })
      .getByText(/paused/i)
      .first()
      .waitFor();
    await page.getByRole("link", { name: "default" }).first().click();
    await page.getByRole("button", { name: "Resume", exact: true }).click();
    await until(
      "the task ran",
      async () => (await stack.observer.task("default", "held"))?.state === "completed",
    );
    await page.getByRole("button", { name: "Pause", exact: true }).waitFor();
  });

  test("changes only the settings that were edited", async () => {
    await open(page, `${stack.base}/queues/default`);
    await page.getByRole("button", { name: "Change" }).click();
    await page.getByLabel("Most tasks waiting").fill("many");
    await page.getByText("A whole number, 0 or more.").waitFor();
    await page.getByLabel("Most tasks waiting").fill("50000");
    await page.getByLabel("Ended tasks are kept, hours").fill("1.5");
    await page.getByLabel("Events kept for readers").fill("100000");
    await page.getByRole("button", { name: "Save" }).click();
    await until("the settings are changed", async () => {
      const { settings } = await stats("default");
      return settings.maxWaiting === 50_000 && settings.retentionMs === 5_400_000;
    });
    expect((await stats("default")).settings.maxEvents).toBe(100_000);
    expect((await stats("default")).settings.retentionCount).toBe(10_000);
    await page.getByText("1 h 30 min, at most 10,000 of each state").waitFor();
    await page.getByText("the last 100,000").waitFor();
    await page.getByText("until an operator acts").waitFor();
    await page.getByRole("button", { name: "Change" }).click();
    await page.getByLabel("Most dead letters").fill("-1");
    await page.getByText("A whole number, 0 or more.").waitFor();
    await page.getByLabel("Most dead letters").fill("500");
    await page.getByLabel("Dead letters are kept, hours").fill("720");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("at most 500, for 30 d").waitFor();
    expect((await stats("default")).settings).toMatchObject({ maxDead: 500, maxDeadAgeMs: 2_592_000_000 });
  });

  test("cancels a waiting task, and asks the worker to end a running one", async () => {
    const queue = stack.queue("default");
    await queue.enqueue("demo.echo", 1, { id: "later", delayMs: 3_600_000 });
    await queue.enqueue("demo.sleep", { ms: 60_000 }, { id: "long" });
    await open(page, `${stack.base}/queues/default/tasks/later`);
    await page.getByRole("button", { name: "Cancel task" }).click();
    await page.getByText("Cancelled", { exact: true }).first().waitFor();
    expect((await stack.observer.task("default", "later"))?.state).toBe("cancelled");
    await until(
      "the task runs",
      async () => (await stack.observer.task("default", "long"))?.state === "processing",
    );
    await open(page, `${stack.base}/queues/default/tasks/long`);
    await page.getByRole("button", { name: "Cancel task" }).click();
    await until(
      "the worker has ended the task",
      async () => (await stack.observer.task("default", "long"))?.state === "cancelled",
      30_000,
    );
    await page.getByText("Cancelled", { exact: true }).first().waitFor();
  });

  test("changes a waiting task, runs it now, and runs all scheduled ones now", async () => {
    const queue = stack.queue("default");
    await queue.enqueue("demo.echo", 1, { id: "soon", delayMs: 3_600_000 });
    await queue.enqueue("demo.echo", 1, { id: "soon-2", delayMs: 3_600_000 });
    await open(page, `${stack.base}/queues/default/tasks/soon`);
    await page.getByRole("button", { name: "Change…" }).click();
    await page.getByRole("textbox", { name: "Payload" }).fill('{ "n": 12345678901234567890 }');
    await page.getByRole("button", { name: "Change task" }).click();
    await page.getByText("Task changed").waitFor();
    await page.getByRole("button", { name: "Run now" }).click();
    await until("the task ran", async () => (await queue.get("soon"))?.state === "completed");
    expect((await queue.get("soon"))?.resultText).toContain("12345678901234567890");
    await open(page, `${stack.base}/queues/default/tasks?state=scheduled`);
    await page.getByRole("button", { name: "Run all scheduled now" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Run now" }).click();
    await until(
      "the other task has completed",
      async () => (await queue.get("soon-2"))?.state === "completed",
    );
  });

  test("injects a task with exactly the typed payload", async () => {
    await open(page, `${stack.base}/load?queue=default`);
    await page.getByLabel("Payload").fill('{ "n": 12345678901234567890 }');
    await page.getByRole("button", { name: "Inject task" }).click();
    const link = page.getByText("Last:").getByRole("link");
    const id = (await link.textContent()) ?? "";
    expect((await stack.observer.task("default", id))?.payloadText).toBe('{ "n": 12345678901234567890 }');
  });

  test("writes a schedule, shows its times, runs it now, pauses and deletes it", async () => {
    await open(page, `${stack.base}/schedules`);
    await page.getByRole("button", { name: "New schedule" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Id").fill("nightly");
    await dialog.getByLabel("Cron expression").fill("61 * * * *");
    await dialog.locator(".error-text").first().waitFor();
    expect(await dialog.getByRole("button", { name: "Create schedule" }).isDisabled()).toBe(true);
    await dialog.getByLabel("Cron expression").fill("30 2 * * 1-5");
    await dialog.getByLabel("Time zone").fill("Europe/Berlin");
    await dialog.getByRole("list", { name: "Next runs" }).getByText(/02:30/).first().waitFor();
    expect(await dialog.getByRole("list", { name: "Next runs" }).getByRole("listitem").count()).toBe(5);
    await dialog.getByLabel("Payload").fill('{"n":12345678901234567890}');
    await dialog.getByRole("button", { name: "Create schedule" }).click();
    const row = page.getByRole("row").filter({ hasText: "nightly" });
    await row.getByText(/02:30/).first().waitFor();
    await row.getByText("Europe/Berlin").waitFor();
    await row.getByRole("button", { name: "Show the next 5" }).click();
    expect(await row.getByRole("list", { name: "Next runs of nightly" }).getByRole("listitem").count()).toBe(
      5,
    );
    await row.getByRole("button", { name: "Run now: nightly" }).click();
    await row.getByText("by hand").waitFor();
    await row.getByText("Completed").waitFor();
    await row.getByRole("button", { name: "Pause nightly" }).click();
    await row.getByText("Paused").waitFor();
    await row.getByRole("button", { name: "Delete nightly" }).click();
    await page.getByLabel("Confirmation").fill("nightly");
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
    await page.getByRole("heading", { name: "No schedules yet" }).waitFor();
  });

  test("sets every option of a schedule, changes the schedule while a run is due, and shows its limits", async () => {
    await open(page, `${stack.base}/schedules`);
    await page.getByRole("button", { name: "New schedule" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Id").fill("often");
    await dialog.getByLabel("Queue").fill("default");
    await dialog.getByLabel("Cron expression").fill("@every 1s");
    await dialog.getByLabel("Time zone").fill("UTC");
    await dialog.getByRole("list", { name: "Next runs" }).waitFor();
    await dialog.getByLabel("Task type").fill("demo.echo");
    await dialog.getByLabel("Ends").fill("2020-01-01");
    await dialog.getByText("A time in UTC, such as").waitFor();
    expect(await dialog.getByRole("button", { name: "Create schedule" }).isDisabled()).toBe(true);
    await dialog.getByLabel("Ends").fill("2099-01-01 08:00");
    await dialog.getByText("First run at once").click();
    await dialog.getByRole("textbox", { name: "Time-out", exact: true }).fill("5");
    await dialog.getByRole("textbox", { name: "Expires after", exact: true }).fill("1");
    await dialog.getByRole("radio", { name: "Doubles" }).click();
    await dialog.getByRole("textbox", { name: "The first wait", exact: true }).fill("5");
    await dialog.getByRole("textbox", { name: "The longest wait", exact: true }).fill("2");
    await dialog.getByRole("radio", { name: "Exact" }).click();
    await dialog.getByLabel("Tags").fill("a, b");
    const keepCompleted = dialog.getByRole("textbox", { name: "Keep the completed task for", exact: true });
    await keepCompleted.fill("366");
    await dialog.getByLabel("Unit of: Keep the completed task for").selectOption("days");
    await dialog.getByText("A whole number; at most 365 days.").waitFor();
    expect(await dialog.getByRole("button", { name: "Create schedule" }).isDisabled()).toBe(true);
    expect(await violations(page)).toEqual([]);
    await keepCompleted.fill("2");
    await dialog.getByLabel("Keep at most").fill("50");
    await dialog.getByRole("textbox", { name: "Keep the dead letter for", exact: true }).fill("30");
    await dialog.getByLabel("Unit of: Keep the dead letter for").selectOption("days");
    await dialog.getByLabel("Unique key").fill("only one");
    await dialog.getByRole("radio", { name: "Until it runs" }).click();
    expect(await violations(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Create schedule" }).click();
    const row = page.getByRole("row").filter({ hasText: "often" });
    await row.getByText("unique key only one").waitFor();
    await row.getByText(/until Thu,? 1 Jan/).waitFor();
    const schedule = async () => {
      const answer = await fetch(`${stack.base}/v1/schedules/often`);
      return (await answer.json()) as ScheduleView;
    };
    expect(await schedule()).toMatchObject({
      ...{ cron: "@every 1s", endAt: Date.UTC(2099, 0, 1, 8), limit: null, startAt: null, paused: false },
      options: {
        ...{ timeoutMs: 300_000, expiresAfterMs: 60_000, tags: ["a", "b"] },
        backoff: { kind: "exponential", baseMs: 5_000, maxMs: 120_000, jitter: "none" },
        keep: { completedMs: 172_800_000, deadMs: 2_592_000_000, count: 50 },
        unique: { key: "only one", scope: "waiting" },
      },
    });
    await until("the schedule has run twice", async () => (await schedule()).count >= 2);
    await row.getByRole("button", { name: "Edit often" }).click();
    const { count } = await schedule();
    await dialog.getByLabel("Most runs").fill(String(count + 4));
    await dialog.getByRole("radio", { name: "Replace" }).click();
    await dialog.getByRole("button", { name: "Save" }).click();
    await row.getByText(new RegExp(`${count + 4} of ${count + 4} runs`)).waitFor();
    const ended = await schedule();
    expect(ended).toMatchObject({ count: count + 4, limit: count + 4, nextAt: null });
    expect(ended.options.unique).toEqual({ key: "only one", scope: "waiting", onConflict: "replace" });
    const { taskId } = ended.runs.find(({ outcome }) => outcome === "enqueued") ?? {};
    await open(page, `${stack.base}/queues/default/tasks/${taskId}`);
    await page.getByText(/often · run \d+ ·/).waitFor();
    expect(await violations(page)).toEqual([]);
    await fetch(`${stack.base}/v1/schedules/often`, { method: "DELETE" });
  });

  test("drains a worker, which then takes no tasks, and resumes it", async () => {
    await open(page, `${stack.base}/workers`);
    await page.getByRole("button", { name: /^Drain / }).click();
    await page
      .getByRole("row")
      .getByText(/^Drain(ing|ed)$/)
      .waitFor();
    await stack.queue("default").enqueue("demo.echo", 1, { id: "undrained" });
    await page.getByRole("button", { name: /^Resume / }).click();
    await page.getByRole("row").getByText("Running", { exact: true }).waitFor();
    await until(
      "the task ran",
      async () => (await stack.observer.task("default", "undrained"))?.state === "completed",
    );
  });

  test("puts live updates on hold, and resumes them", async () => {
    await open(page, `${stack.base}/queues/default`);
    const counts = page.getByRole("region", { name: "Counts by state" });
    await page.getByRole("button", { name: "Hold live updates" }).click();
    await page.getByLabel("Connection: Paused").waitFor();
    const before = await counts.textContent();
    const { acked } = (await stats("default")).totals;
    await stack.queue("default").enqueue("demo.echo", 1);
    await until("one more task is completed", async () => (await stats("default")).totals.acked > acked);
    expect(await counts.textContent()).toBe(before);
    await page.getByRole("button", { name: "Resume live updates" }).click();
    await until("the counts move again", async () => (await counts.textContent()) !== before);
  });

  test("sends a burst of demo tasks, shows it live, and every task ends", async () => {
    const before = (await stats("default")).totals;
    // The queue is paused, so that all tasks of the burst wait until the page has shown them, even if the workers are
    // fast.
    await stack.observer.pause("default", "the burst is sent first");
    await open(page, `${stack.base}/load?queue=default`);
    await page.getByRole("button", { name: "Run the burst" }).click();
    const dialog = page.getByRole("alertdialog");
    const run = dialog.getByRole("button", { name: "Run the burst" });
    await dialog.getByText("Send 10,000 demo tasks into default").waitFor();
    expect(await run.isDisabled()).toBe(true);
    expect(await violations(page)).toEqual([]);
    expect((await stats("default")).totals.enqueued).toBe(before.enqueued);
    await dialog.getByLabel("Confirmation").fill("burst 10000");
    await run.click();
    await page.getByRole("region", { name: "Burst on default" }).waitFor();
    const counts = page.getByRole("region", { name: "Counts of default" });
    const shown = (state: string) =>
      counts.locator(".tile").filter({ hasText: state }).locator("dd").first().textContent();
    await until(
      "every task of the burst is shown as waiting",
      async () => (await shown("Pending")) === "10,000",
      60_000,
    );
    await stack.observer.resume("default");
    await until(
      "every task of the burst has ended",
      async () => {
        const { pending, processing, scheduled, totals } = await stats("default");
        return totals.enqueued === before.enqueued + 10_000 && pending + processing + scheduled === 0;
      },
      90_000,
    );
    const after = await stats("default");
    expect((await stack.observer.audit("default")).violations).toEqual([]);
    expect(after.totals.acked - before.acked + after.totals.deadLettered - before.deadLettered).toBe(10_000);
    // The page has shown the whole burst, to its end, without a reload.
    const exact = (value: number) => value.toLocaleString("en-US");
    const end = ["0", "0", "0", exact(after.totals.acked), exact(after.dead)];
    const states = ["Pending", "Processing", "Scheduled", "Completed", "Dead"];
    await until(
      "the page shows the final counts",
      async () => String(await Promise.all(states.map(shown))) === String(end),
    );
  });

  test("the page wrote no error to the console, except that an expression was refused", () => {
    expect(stack.errors.filter((text) => !/status of 422 .*\/v1\/schedules\/preview$/.test(text))).toEqual(
      [],
    );
  });

  test("says that the service does not answer, polls it, and recovers without a reload", async () => {
    const lost = await startStack({ services: [] });
    try {
      await lost.queue("default").enqueue("demo.echo", 1);
      const other = await lost.page();
      // Only the WebSocket fails, as it does behind a proxy that does not support upgrades.
      await other.routeWebSocket(/\/v1\/stream/, (socket) => socket.close());
      await other.goto(lost.base);
      await other.getByLabel("Connection: Polling").waitFor();
      await lost.queue("default").enqueue("demo.echo", 2);
      await other.getByRole("region", { name: "All queues" }).getByText("2", { exact: true }).waitFor();
      const page = await lost.page();
      await open(page, lost.base);
      await page.context().setOffline(true);
      await page.getByLabel(/^Connection: Stale since/).waitFor();
      await page.getByText("The API cannot be reached.").first().waitFor();
      await page.context().setOffline(false);
      await page.getByLabel("Connection: Live").waitFor({ timeout: 40_000 });
    } finally {
      await lost.stop();
    }
  });
});
