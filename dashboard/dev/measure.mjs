// Measures the dead-letter screen with many rows. Usage: node dashboard/dev/measure.mjs [count], by default 100,000. It
// starts its own Redis and the built services, and makes `count` dead letters. Then it prints as JSON: the time to the
// first rows, the long tasks of the browser while scrolling, the time to replay all rows through the screen, and PING
// times of Redis.
import { performance } from "node:perf_hooks";
import { freePort, startRedisServer, startService, until } from "@holdfast/testing";
import { Observer, Queue, Worker } from "holdfast";
import { chromium } from "playwright-core";
import { startPings } from "../../loadtest/pings.mjs";

const count = Number(process.argv[2] ?? 100_000);
const NAME = "many";
const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

const redis = await startRedisServer();
const port = await freePort();
const base = `http://127.0.0.1:${port}`;
const main = new URL("../../services/observability/dist/main.js", import.meta.url).pathname;
const service = startService(main, {
  REDIS_URL: redis.url,
  OBSERVABILITY_PORT: String(port),
  LOG_LEVEL: "warn",
});
const observer = new Observer({ redis: redis.url });
const queue = new Queue(NAME, { redis: redis.url });
const pings = startPings(redis.port);
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: FLAGS.split(" ") });
const quantile = (values, share) => values.sort((a, b) => a - b)[Math.floor((values.length - 1) * share)];
const round = (value) => Math.round(value * 10) / 10;

try {
  await until(
    "observability is ready",
    async () => (await fetch(`${base}/readyz`).catch(() => null))?.ok === true,
    60_000,
  );
  const worker = new Worker(
    NAME,
    {
      "measure.fail": (task) => {
        throw new Error(`ECONNREFUSED 10.0.0.${task.payload.n % 250}:5432`);
      },
    },
    { redis: redis.url, maxRetries: 0, concurrency: 500 },
  );
  await worker.start();
  for (let start = 0; start < count; start += 500) {
    await queue.enqueueMany(
      Array.from({ length: Math.min(500, count - start) }, (_, n) => ({
        type: "measure.fail",
        payload: { n: start + n, to: `user${start + n}@example.com` },
      })),
    );
  }
  await until("all tasks are dead", async () => (await observer.stats(NAME)).dead === count, 600_000);
  await worker.stop({ graceMs: 1_000 });

  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.addInitScript(() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries()) globalThis.longTasks.push(entry.duration);
    }).observe({ type: "longtask", buffered: true });
  });
  // The first load of the page also starts the browser, so this one is not measured.
  await page.goto(base);
  await page.getByLabel("Connection: Live").waitFor();
  const from = performance.now();
  await page.goto(`${base}/queues/${NAME}/dead-letters`);
  await page.locator(".dead-letters .grid-body .grid-row").first().waitFor();
  const firstRowsMs = performance.now() - from;

  await page.evaluate(() => globalThis.longTasks.splice(0));
  await page.locator(".scroller").hover();
  for (let turn = 0; turn < 120; turn += 1) {
    await page.mouse.wheel(0, 1_500);
    await page.waitForTimeout(40);
  }
  const longTasks = await page.evaluate(() => globalThis.longTasks.splice(0));
  const rowsLoaded = Number(await page.getByRole("table").getAttribute("aria-rowcount")) - 1;

  await page.getByRole("button", { name: "Replay all" }).click();
  const dialog = page.getByRole("alertdialog");
  await dialog.getByLabel("Confirmation").fill(`replay ${count}`);
  await pings.since();
  const replayFrom = performance.now();
  await dialog.getByRole("button", { name: "Replay", exact: true }).click();
  await until(
    "all dead letters are replayed",
    async () => (await observer.stats(NAME)).totals.replayed === count,
    600_000,
  );
  const replayMs = performance.now() - replayFrom;
  const took = await pings.since();

  console.log(
    JSON.stringify({
      deadLetters: count,
      firstRowsMs: Math.round(firstRowsMs),
      scroll: {
        rowsLoaded,
        longTasks: longTasks.length,
        longestMs: round(Math.max(0, ...longTasks)),
        over100Ms: longTasks.filter((ms) => ms > 100).length,
      },
      replay: {
        ms: Math.round(replayMs),
        longTasks: (await page.evaluate(() => globalThis.longTasks)).length,
        pings: took.length,
        pingP50Ms: round(quantile(took, 0.5)),
        pingP99Ms: round(quantile(took, 0.99)),
      },
    }),
  );
} finally {
  await browser.close();
  await queue.close();
  await observer.close();
  await pings.stop();
  await service.kill();
  await redis.stop();
}
process.exit(0);
