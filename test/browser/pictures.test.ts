import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { addToKeyFile, mintKey } from "@holdfast/service/keys";
import { FatalError, Worker } from "holdfast";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, expectToFit, open, type Stack, startStack } from "./support.ts";

/**
 * Makes the pictures of the documentation, in about four minutes:
 * `HOLDFAST_PICTURES=docs/images npx vitest run --project systems test/browser/pictures.test.ts`
 */
const folder = process.env.HOLDFAST_PICTURES;
/** How long tasks run before the first picture, ms, so that the charts have lines. */
const LOAD_MS = 200_000;

const ERRORS: [string, (n: number) => Error][] = [
  ["email.send", (n) => new Error(`connect ETIMEDOUT 10.0.${n % 9}.${n % 250}:25`)],
  ["email.send", (n) => new FatalError(`no such mailbox user${n}@example.com`)],
  ["image.resize", (n) => new RangeError(`page ${n} of ${n % 7} is out of range`)],
  ["report.render", (n) => new Error(`GET https://api.example.com/v1/reports/${n} answered 503`)],
];

describe.skipIf(!executablePath || !folder)("the pictures of the documentation", { timeout: 400_000 }, () => {
  let stack: Stack;
  let keys: string;
  let key: string;
  let page: Page;
  const workers: Worker[] = [];
  let n = 0;

  /** Enqueues the tasks of one second. */
  async function load(): Promise<void> {
    n++;
    const mail = (at: number) => {
      const fails = at % 27 === 0 ? (n + at) % ERRORS.length : -1;
      const type = ERRORS[fails]?.[0] ?? ["email.send", "image.resize", "report.render"][at % 3] ?? "";
      const payload = { to: `user${n * 40 + at}@example.com`, template: "invoice", page: at, fails };
      return { type, payload, maxRetries: 1, tags: [`tenant:${at % 5}`] };
    };
    const size = 28 + Math.round(10 * Math.sin(n / 20));
    await stack.queue("emails").enqueueMany(Array.from({ length: size }, (_, at) => mail(at)));
    const hook = { type: "webhook.post", payload: { url: "https://example.com/hook" } };
    await stack.queue("webhooks").enqueueMany(Array.from({ length: 6 }, () => hook));
    if (n % 4 === 0) await stack.queue("thumbnails").enqueue("image.resize", { page: n });
  }

  beforeAll(async () => {
    keys = await mkdtemp(join(tmpdir(), "holdfast-keys-"));
    const minted = mintKey({ label: "maria@example.com", scopes: ["admin"], expiresAt: null });
    key = minted.text;
    await addToKeyFile(join(keys, "keys.json"), minted.key);
    stack = await startStack({
      services: ["janitor"],
      env: { API_KEYS_FILE: join(keys, "keys.json"), ENVIRONMENT: "staging" },
    });
    const run = async ({ payload }: { payload: unknown }, { signal }: { signal: AbortSignal }) => {
      const { fails = -1, page = 0 } = payload as { fails?: number; page?: number };
      await delay(20 + ((n * 31 + page * 17) % 260), undefined, { signal });
      const error = ERRORS[fails]?.[1](n * 7 + page);
      if (error) throw error;
      return { sent: true };
    };
    const types = ["email.send", "image.resize", "report.render", "webhook.post"];
    const handlers = Object.fromEntries(types.map((type) => [type, run]));
    for (const [name, concurrency] of [
      ["emails", 6],
      ["emails", 5],
      ["webhooks", 4],
    ] as const) {
      const worker = new Worker(name, handlers, {
        ...{ redis: stack.redis.url, concurrency, backoff: { baseMs: 500 } },
      });
      workers.push(worker);
      await worker.start();
    }
    const report = { type: "report.render", payload: { month: "2026-10" } };
    await stack.queue("reports.monthly").enqueueMany(Array.from({ length: 240 }, () => report));
    await stack.observer.pause("reports.monthly", "maria@example.com", "the warehouse is rebuilt");
    const later = { type: "email.send", payload: { to: "ada@example.com" }, delayMs: 3_600_000 };
    await stack.queue("emails").enqueueMany(Array.from({ length: 120 }, () => later));
    page = await stack.page({ reducedMotion: "reduce" });
    await page.goto(stack.base);
    await page.getByLabel("API key").fill(key);
    await page.keyboard.press("Enter");
    await page.getByLabel("Connection: Live").waitFor();
    const end = performance.now() + LOAD_MS;
    while (performance.now() < end) {
      await load();
      await delay(1_000);
    }
  }, 400_000);

  afterAll(async () => {
    for (const worker of workers) await worker.stop({ graceMs: 1_000 });
    await stack?.stop();
    await rm(keys, { recursive: true, force: true });
  });

  test.each([
    ["dashboard", "light", "/queues/emails"],
    ["dashboard-overview-dark", "dark", "/"],
    ["dashboard-errors-light", "light", "/errors"],
  ] as const)("%s", async (name, colorScheme, path) => {
    await page.emulateMedia({ colorScheme });
    await open(page, stack.base + path);
    // The live stream sends a few updates in this time.
    await load();
    await delay(2_000);
    await expectToFit(page, name);
    expect(stack.errors).toEqual([]);
    await page.screenshot({ path: resolve(folder ?? "", `${name}.png`) });
  });
});
