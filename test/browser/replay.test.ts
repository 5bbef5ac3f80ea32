import { existsSync } from "node:fs";
import {
  freePort,
  type ServiceProcess,
  startService,
  startTestRedis,
  type TestRedis,
  waitUntil,
} from "@holdfast/service/testing";
import { Observer, Queue } from "holdfast";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync,
);
if (!executablePath)
  console.warn(
    "\n*** SKIPPED: no Chromium on this machine, so the dashboard was not tried in a browser ***\n",
  );

const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";
const HOSTILE = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';

describe.skipIf(!executablePath)("the dashboard in a real browser, over real services", () => {
  let redis: TestRedis;
  let browser: Browser;
  let page: Page;
  let base: string;
  let queue: Queue;
  let observer: Observer;
  const services: ServiceProcess[] = [];
  const errors: string[] = [];

  beforeAll(async () => {
    redis = await startTestRedis();
    const port = await freePort();
    base = `http://127.0.0.1:${port}`;
    const env = { REDIS_URL: redis.url, LOG_LEVEL: "info", PATH: process.env.PATH ?? "" };
    const main = (name: string) => new URL(`../../services/${name}/dist/main.js`, import.meta.url).pathname;
    services.push(startService(main("observability"), { ...env, OBSERVABILITY_PORT: String(port) }));
    services.push(
      startService(main("worker"), {
        ...env,
        METRICS_PORT: String(await freePort()),
        BACKOFF_BASE_MS: "10",
        BACKOFF_MAX_MS: "20",
      }),
    );
    services.push(
      startService(main("janitor"), {
        ...env,
        METRICS_PORT: String(await freePort()),
        SWEEP_INTERVAL_MS: "100",
      }),
    );
    await waitUntil("observability is ready", async () => {
      const response = await fetch(`${base}/readyz`).catch(() => null);
      return response?.ok === true;
    });
    queue = new Queue("default", { redis: redis.url });
    observer = new Observer({ redis: redis.url });
    browser = await chromium.launch({ executablePath: executablePath ?? "", args: FLAGS.split(" ") });
    page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
    page.on("pageerror", (error) => errors.push(error.message));
    page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  });

  afterAll(async () => {
    await browser?.close();
    await queue?.close();
    await observer?.close();
    for (const service of services) await service.kill();
    await redis?.stop();
  });

  const stats = () => observer.stats("default");

  test("shows the counts of a queue, and follows them without a reload", async () => {
    await queue.enqueue("demo.echo", "first");
    await waitUntil("the first task is completed", async () => (await stats()).completed === 1);
    await page.goto(base);
    await page.getByRole("link", { name: "default" }).first().waitFor();
    await page.getByText("Live", { exact: true }).waitFor();
    await queue.enqueueMany(Array.from({ length: 41 }, () => ({ type: "demo.echo", payload: 1 })));
    await page.getByText("42", { exact: true }).first().waitFor();
  });

  test("replays one dead letter by its button", async () => {
    // Every attempt fails: dead with the first, since no retry is granted.
    const options = { maxRetries: 0 };
    await queue.enqueueMany(
      Array.from({ length: 3 }, (_, n) => ({
        type: "demo.flaky",
        payload: { failRate: 1, n },
        options: { ...options, id: `dead-${n}` },
      })),
    );
    await waitUntil("three dead letters", async () => (await stats()).dead === 3);
    await page.goto(`${base}/queues/default/dead-letters`);
    const row = page.getByRole("row").filter({ hasText: "dead-1" });
    await row.getByRole("button", { name: "Replay" }).click();
    // It fails again, one generation up: the history of the first life is kept.
    await waitUntil("it died a second time", async () => {
      const task = await observer.task("default", "dead-1");
      return task?.state === "dead" && task.generation === 1 && task.history.length === 2;
    });
    expect((await stats()).totals.replayed).toBe(1);
  });

  test("replays all of them by one button and a confirmation", async () => {
    await page.goto(`${base}/queues/default/dead-letters`);
    await page.getByRole("button", { name: "Replay all" }).click();
    await page.getByRole("alertdialog").getByRole("button", { name: "Replay", exact: true }).click();
    await waitUntil("four replays in all", async () => (await stats()).totals.replayed === 4);
    await waitUntil("dead again, all three", async () => (await stats()).dead === 3);
  });

  test("discards one only after a confirmation", async () => {
    await page.goto(`${base}/queues/default/dead-letters`);
    const row = page.getByRole("row").filter({ hasText: "dead-2" });
    await row.getByRole("button", { name: "Discard" }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByLabel("Confirmation").fill("discard 1");
    expect((await observer.task("default", "dead-2"))?.state).toBe("dead");
    await dialog.getByRole("button", { name: "Discard" }).click();
    await waitUntil("it is gone", async () => (await observer.task("default", "dead-2")) === null);
    expect((await stats()).dead).toBe(2);
  });

  test("a hostile payload and error stay text", async () => {
    await queue.enqueue(
      "demo.nobody-has-this",
      { text: HOSTILE },
      { id: "hostile", tags: [HOSTILE.slice(0, 60)] },
    );
    await page.goto(`${base}/queues/default/tasks/hostile`);
    await page.getByText("onerror", { exact: false }).first().waitFor();
    expect(await page.evaluate(() => (globalThis as { hacked?: number }).hacked)).toBeUndefined();
    expect(await page.locator("img[src=x]").count()).toBe(0);
  });

  test("runs the burst, and every task of it ends", async () => {
    const before = (await stats()).totals.enqueued;
    await page.goto(`${base}/load?queue=default`);
    await page.getByRole("button", { name: "Run the burst" }).click();
    await waitUntil(
      "10,000 more tasks were enqueued",
      async () => (await stats()).totals.enqueued === before + 10_000,
      30_000,
    );
    await waitUntil(
      "nothing of it waits or runs",
      async () => {
        const { pending, processing } = await stats();
        return pending + processing === 0;
      },
      60_000,
    );
    expect((await observer.audit("default")).violations).toEqual([]);
  }, 120_000);

  test("nothing was written to the console as an error", () => {
    expect(errors).toEqual([]);
  });
});
