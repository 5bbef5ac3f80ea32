import { until } from "@holdfast/testing";
import { Worker } from "holdfast";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  executablePath,
  expectToFit,
  HOSTILE,
  LONG,
  open,
  type Stack,
  startStack,
  violations,
  violationsInThemes,
} from "./support.ts";

describe.skipIf(!executablePath)("every screen in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let worker: Worker;

  beforeAll(async () => {
    stack = await startStack({ services: ["janitor"], env: { ENVIRONMENT: "staging" } });
    const { queue, observer, redis } = stack;
    // These tasks contain every kind of text that a producer or a handler can store.
    worker = new Worker(
      "hostile",
      {
        "evil.fail": (_task, context) => {
          context.log(HOSTILE);
          context.progress(LONG);
          throw new Error(`${HOSTILE} ${LONG}`);
        },
        "evil.done": () => ({ text: HOSTILE, long: LONG }),
      },
      {
        redis: redis.url,
        maxRetries: 0,
        id: `worker-${"x".repeat(100)}`,
        version: HOSTILE.slice(0, 30),
      },
    );
    await worker.start();
    await observer.configure("hostile", { maxEvents: 1_000 });
    const tags = [HOSTILE.slice(0, 60), "plain"];
    const payload = { html: HOSTILE, long: LONG, big: "12345678901234567890" };
    await queue("hostile").enqueueMany([
      { type: "evil.fail", payload, id: `dead-${"x".repeat(120)}`, tags },
      { type: "evil.done", payload, id: "done", tags },
      { type: "evil.later", payload, id: "later", tags, delayMs: 3_600_000 },
    ]);
    await until("the hostile tasks have ended", async () => {
      const stats = await observer.stats("hostile");
      return stats.dead === 1 && stats.completed === 1;
    });
    await queue("idle").enqueue("demo.echo", 1);
    for (const key of [HOSTILE.slice(0, 90), "W".repeat(128), "لقوح/42 50%25 👩‍👩‍👧  ?#"])
      await queue("idle").enqueue("demo.echo", 1, { key, cost: 1_000 });
    await observer.limits.set("idle", {
      queue: { concurrency: 1_000_000, rate: { limit: 1_000_000, periodMs: 1, burst: 1_000_000 } },
      key: { concurrency: 1, rate: { limit: 1, periodMs: 31_536_000_000 }, weight: 0.001 },
    });
    await observer.limits.setKey("idle", "W".repeat(128), { concurrency: 7, weight: 3 });
    await observer.limits.hold("idle", 31_536_000_000);
    await observer.pause("idle", HOSTILE.slice(0, 200), LONG.slice(0, 120));
    const send = async (method: string, path: string, body: object) => {
      const answer = await fetch(stack.base + path, {
        method,
        headers: { "content-type": "application/json" },
        body: JSON.stringify(body),
      });
      if (!answer.ok) throw new Error(`${method} ${path}: ${await answer.text()}`);
    };
    const schedule = { queue: "idle", cron: "0 3 * * *", timeZone: "America/Argentina/Buenos_Aires" };
    await send("PUT", `/v1/schedules/nightly-${"x".repeat(50)}`, {
      ...schedule,
      type: "demo.echo",
      payloadText: JSON.stringify(payload),
      ...{ startAt: Date.UTC(2030, 0, 31), endAt: Date.UTC(2090, 0, 31), limit: 1_000_000 },
      options: {
        backoff: { kind: "fixed", baseMs: 86_400_000, maxMs: 86_399_999, jitter: "none" },
        unique: { key: "W".repeat(128), scope: "window", windowMs: 3_600_000 },
        tags: Array.from({ length: 16 }, (_, n) => `${n}${"w".repeat(62)}`),
      },
    });
    await send("POST", "/v1/queues/hostile/dead-letters/replay", {
      filter: { q: "found nowhere" },
      ratePerSecond: 5,
      reason: HOSTILE.slice(0, 200),
    });
  });

  afterAll(async () => {
    await worker?.stop({ graceMs: 100 });
    await stack?.stop();
  });

  const SCREENS: readonly [name: string, path: string, act?: (page: Page) => Promise<unknown>][] = [
    ["overview", "/"],
    ["queue", "/queues/hostile"],
    ["paused queue", "/queues/idle"],
    ["tasks, pending", "/queues/idle/tasks"],
    ["tasks, completed", "/queues/hostile/tasks?state=completed"],
    ["tasks, none match", "/queues/hostile/tasks?state=completed&q=zzz"],
    ["all tasks", "/tasks"],
    [
      "all tasks, suggestions",
      "/tasks",
      async (page) => {
        await page.getByRole("combobox", { name: "Query" }).click();
        await page.getByRole("option").first().waitFor();
      },
    ],
    ["all tasks, wrong query", "/tasks?query=tpye:a"],
    [
      "all tasks, views",
      "/tasks?query=state:dead",
      (page) => page.getByRole("button", { name: "Views" }).click(),
    ],
    ["all tasks, columns", "/tasks", (page) => page.getByRole("button", { name: "Columns" }).click()],
    ["task beside the list", `/queues/hostile/dead-letters?task=dead-${"x".repeat(120)}`],
    ["dead letters", "/queues/hostile/dead-letters"],
    [
      "dead letters, selected",
      "/queues/hostile/dead-letters",
      (page) =>
        page
          .getByText(/^dead-x/)
          .first()
          .locator("xpath=ancestor::*[@role='row']")
          .locator(".checkbox")
          .click(),
    ],
    ["dead letters by error", "/queues/hostile/dead-letters?view=groups"],
    ["errors", "/errors?kind=all"],
    [
      "replay dialog",
      "/queues/hostile/dead-letters",
      (page) => page.getByRole("button", { name: "Replay all" }).click(),
    ],
    [
      "discard dialog",
      "/queues/hostile/dead-letters",
      (page) => page.getByRole("button", { name: "Discard all" }).click(),
    ],
    ["no dead letters", "/queues/idle/dead-letters"],
    ["task, completed", "/queues/hostile/tasks/done"],
    ["task, waiting", "/queues/hostile/tasks/later"],
    [
      "change dialog",
      "/queues/hostile/tasks/later",
      (page) => page.getByRole("button", { name: "Change…" }).click(),
    ],
    [
      "run all now dialog",
      "/queues/hostile/tasks?state=scheduled",
      (page) => page.getByRole("button", { name: "Run all scheduled now" }).click(),
    ],
    ["task, dead", `/queues/hostile/tasks/dead-${"x".repeat(120)}`],
    [
      "payload diff",
      `/queues/hostile/tasks/dead-${"x".repeat(120)}`,
      async (page) => {
        await page.getByRole("button", { name: "Edit and replay" }).click();
        await page.getByLabel("Payload after").waitFor();
      },
    ],
    ["limits", "/queues/idle/limits"],
    ["limits, one key", `/queues/idle/limits?key=${"W".repeat(128)}`],
    ["limits, no keys", "/queues/hostile/limits"],
    [
      "limits dialog",
      "/queues/idle/limits",
      (page) => page.getByRole("button", { name: "Change limits" }).click(),
    ],
    [
      "hold dialog",
      `/queues/idle/limits?key=${"W".repeat(128)}`,
      (page) => page.getByRole("button", { name: "Hold", exact: true }).click(),
    ],
    [
      "dialog of a key's own limit",
      `/queues/idle/limits?key=${"W".repeat(128)}`,
      (page) => page.getByRole("button", { name: "Change limit", exact: true }).click(),
    ],
    ["events", "/queues/hostile/events?from=oldest", (page) => page.locator(".events").waitFor()],
    ["events of one kind", "/queues/hostile/events?kind=dead&from=oldest"],
    ["no events", "/queues/idle/events"],
    ["operations", "/operations"],
    [
      "operation",
      "/operations",
      (page) => page.getByRole("row").getByRole("link", { name: "Replay on hostile" }).click(),
    ],
    ["schedules", "/schedules"],
    [
      "schedule dialog",
      "/schedules",
      (page) => page.getByRole("button", { name: "New schedule" }).first().click(),
    ],
    [
      "dialog of a schedule with every field",
      "/schedules",
      (page) => page.getByRole("button", { name: /^Edit nightly/ }).click(),
    ],
    ["workers", "/workers"],
    ["audit", "/audit"],
    ["load", "/load?queue=idle"],
    ["empty dialog", "/queues/hostile", (page) => page.getByRole("button", { name: "Empty queue" }).click()],
    ["delete dialog", "/queues/idle", (page) => page.getByRole("button", { name: "Delete queue" }).click()],
    ["pause dialog", "/queues/hostile", (page) => page.getByRole("button", { name: "Pause" }).click()],
    ["unknown filter", `/queues/hostile/dead-letters?tags=${encodeURIComponent(HOSTILE + LONG)}`],
    ["unknown part of an address", `/workers?state=${encodeURIComponent(HOSTILE)}`],
    ["settings dialog", "/queues/idle", (page) => page.getByRole("button", { name: "Change" }).click()],
    ["palette", "/", (page) => page.keyboard.press("Control+k")],
    ["shortcuts", "/", (page) => page.keyboard.press("?")],
    ["no such queue", "/queues/nowhere"],
    ["no such page", "/nowhere/at/all"],
  ];

  const ACTED =
    "[role=dialog], [role=option], .events, [role=alertdialog], .list-foot[data-chosen], [aria-label='The operation']";

  test("has no axe violation in either theme, fits the window, and runs no text as a script", async () => {
    const page = await stack.page();
    const found: string[] = [];
    for (const [name, path, act] of SCREENS) {
      await open(page, stack.base + path);
      await act?.(page);
      if (act) await page.locator(ACTED).first().waitFor();
      found.push(...(await violationsInThemes(page)).map((line) => `${name}: ${line}`));
      await expectToFit(page, name);
      expect(await page.evaluate(() => (globalThis as { hacked?: number }).hacked), name).toBeUndefined();
      expect(await page.locator("img[src=x]").count(), name).toBe(0);
    }
    await page.context().close();
    expect(found).toEqual([]);
  }, 300_000);

  test("fits the window of a phone, with text of any length", async () => {
    const page = await stack.page({ viewport: { width: 390, height: 844 } });
    for (const [name, path, act] of SCREENS) {
      // The palette and the help for shortcuts need a keyboard, and phones have none.
      if (name === "palette" || name === "shortcuts") continue;
      await open(page, stack.base + path);
      await act?.(page);
      if (act) await page.locator(ACTED).first().waitFor();
      await expectToFit(page, `${name} at 390 px`);
    }
    await open(page, stack.base);
    await page.getByRole("button", { name: "Menu" }).click();
    await page.getByRole("dialog", { name: "Menu" }).getByRole("link", { name: "Workers" }).click();
    await page.getByRole("heading", { name: "Workers" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.context().close();
  }, 300_000);

  test("shows every character of a payload", async () => {
    const page = await stack.page();
    const exact = '{ "n": 12345678901234567890, "f": 1.10, "s": "\\u00e4<b>" }';
    await fetch(`${stack.base}/v1/queues/idle/tasks`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"type":"demo.echo","id":"exact","payload":${exact}}`,
    });
    await open(page, `${stack.base}/queues/idle/tasks/exact`);
    await page.getByRole("region", { name: "Payload" }).getByRole("radio", { name: "Exact" }).click();
    expect(await page.getByRole("region", { name: "Payload" }).locator("pre").textContent()).toBe(exact);
    await page.context().close();
  });

  test("can be used with the keyboard alone: help, palette, lists, screens", async () => {
    const page = await stack.page();
    await open(page, stack.base);
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keyboard shortcuts" }).waitFor();
    await page.keyboard.press("Escape");
    await page.keyboard.press("g");
    await page.keyboard.press("w");
    await page.getByRole("heading", { name: "Workers" }).waitFor();
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("dead hostile");
    await page.getByRole("option", { name: /^Dead letters of hostile/ }).waitFor();
    await page.keyboard.press("Enter");
    await page
      .getByText(/^dead-x/)
      .first()
      .waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.getByText("1 dead letter selected").waitFor();
    await page.keyboard.press("Enter");
    await page.getByRole("button", { name: "Edit and replay" }).waitFor();
    await page.keyboard.press("q");
    await page.waitForURL(/\/dead-letters$/);
    // The address changes before the new screen is shown, so the test waits for the screen.
    const bar = page.getByRole("combobox", { name: "Query" });
    await bar.waitFor();
    await page.keyboard.press("/");
    await page.keyboard.type("jkx?");
    expect(await bar.inputValue()).toBe("jkx?");
    // The palette finds a task by its id in any queue.
    await page.keyboard.press("Control+k");
    await page.getByRole("dialog").waitFor();
    await page.keyboard.type("later");
    await page.getByRole("option", { name: /^Open task later/ }).click();
    await page.getByRole("heading", { name: "later" }).waitFor();
    await page.context().close();
  });

  test("the page wrote no error to the console, except for answers that the tests caused", () => {
    // A search by id asks the queues one after another, and each queue that does not have the task answers 404. So
    // does the queue `nowhere`, which does not exist.
    const missing = /status of 404 .*\/v1\/queues\/(nowhere($|\/)|\w+\/tasks\/(later|dead%20hostile)$)/;
    expect(stack.errors.filter((text) => !missing.test(text))).toEqual([]);
  });
});
