import { existsSync } from "node:fs";
import {
  freePort,
  type RedisServer,
  type ServiceProcess,
  startRedisServer,
  startService,
  until,
} from "@holdfast/testing";
import axe from "axe-core";
import { Observer, Queue } from "holdfast";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { expect } from "vitest";

export const executablePath = [
  "/usr/bin/chromium",
  "/usr/bin/chromium-browser",
  "/usr/bin/google-chrome",
].find(existsSync);
if (!executablePath)
  console.warn(
    "\n*** SKIPPED: Chromium is not installed, so the dashboard was not tested in a browser ***\n",
  );

const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync";

/** `HOSTILE` would run a script if a browser treated it as markup. `LONG` is long enough to break a layout. */
export const HOSTILE = `<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>"'\`\${7*7}{{7*7}}\u202e\u0007`;
export const LONG = "W".repeat(3_000);

type ServiceName = "observability" | "worker" | "worker-api" | "janitor" | "producer-api";

export interface Stack {
  redis: RedisServer;
  base: string;
  observer: Observer;
  browser: Browser;
  /** The uncaught errors and console errors of all pages. */
  errors: string[];
  queue(name: string): Queue;
  /** Starts another service. It ends together with the stack. */
  start(name: ServiceName, env?: Record<string, string>): Promise<ServiceProcess>;
  /** Ends the service with this name. `start` can start it again. Observability then gets the same port as before. */
  end(name: ServiceName): Promise<void>;
  page(options?: BrowserContextOptions): Promise<Page>;
  stop(): Promise<void>;
}

/** Starts real services over a real Redis, and a browser. */
export async function startStack(
  options: { services?: ("worker" | "janitor")[]; env?: Record<string, string> } = {},
): Promise<Stack> {
  const { services: wanted = ["worker", "janitor"], env: extra = {} } = options;
  const redis = await startRedisServer();
  const port = await freePort();
  const base = `http://127.0.0.1:${port}`;
  const shared = { REDIS_URL: redis.url, LOG_LEVEL: "info", PATH: process.env.PATH ?? "" };
  const settings = {
    observability: async () => ({ OBSERVABILITY_PORT: String(port), ...extra }),
    worker: async () => ({
      METRICS_PORT: String(await freePort()),
      BACKOFF_BASE_MS: "10",
      BACKOFF_MAX_MS: "20",
      SHUTDOWN_GRACE_MS: "500",
    }),
    "worker-api": async () => ({ WORKER_API_PORT: String(await freePort()) }),
    "producer-api": async () => ({ PORT: String(await freePort()) }),
    janitor: async () => ({ METRICS_PORT: String(await freePort()), SWEEP_INTERVAL_MS: "100" }),
  };
  const processes: { name: string; process: ServiceProcess }[] = [];
  const queues = new Map<string, Queue>();
  const errors: string[] = [];
  const start: Stack["start"] = async (name, env = {}) => {
    const main = new URL(`../../services/${name}/dist/main.js`, import.meta.url).pathname;
    const process = startService(main, { ...shared, ...(await settings[name]()), ...env });
    processes.push({ name, process });
    return process;
  };
  await start("observability");
  for (const name of wanted) await start(name);
  await until(
    "observability is ready",
    async () => (await fetch(`${base}/readyz`).catch(() => null))?.ok === true,
    120_000,
  );
  const observer = new Observer({ redis: redis.url });
  const browser = await chromium.launch({ executablePath: executablePath ?? "", args: FLAGS.split(" ") });
  return {
    redis,
    base,
    observer,
    browser,
    errors,
    start,
    end: async (name) => {
      for (const each of processes) if (each.name === name) await each.process.kill();
    },
    queue: (name) => {
      const known = queues.get(name) ?? new Queue(name, { redis: redis.url });
      queues.set(name, known);
      return known;
    },
    page: async (context = {}) => {
      const page = await browser.newPage({
        viewport: { width: 1440, height: 900 },
        reducedMotion: "reduce",
        ...context,
      });
      page.setDefaultTimeout(60_000);
      page.on("pageerror", (error) => errors.push(error.message));
      page.on("console", (message) => {
        // The network of the machine changes when a container starts. The browser reports that as an error, but the
        // page did not cause it.
        if (message.type() !== "error" || message.text().includes("ERR_NETWORK_CHANGED")) return;
        errors.push(`${message.text()} ${message.location().url}`);
      });
      return page;
    },
    stop: async () => {
      await browser.close();
      for (const queue of queues.values()) await queue.close();
      await observer.close();
      for (const { process } of processes) await process.kill();
      await redis.stop();
    },
  };
}

/** Opens a screen, and waits until it shows live data. */
export async function open(page: Page, address: string): Promise<void> {
  await page.goto(address);
  const live = page.getByLabel("Connection: Live").waitFor();
  await live.catch(async (cause) => {
    const shown = await page.locator("body").allInnerTexts();
    throw new Error(`${address} shows no live data after 60 s, but this:\n${shown}`, { cause });
  });
  await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
}

/** Returns the problems that axe finds on the page, one line each. */
export async function violations(page: Page): Promise<string[]> {
  // axe is evaluated in the page. The dashboard's Content-Security-Policy would refuse an inserted script.
  if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe } = globalThis as unknown as {
      axe: {
        run(options: object): Promise<{
          violations: { id: string; help: string; nodes: { target: unknown; failureSummary?: string }[] }[];
        }>;
      };
    };
    // This rule is off by default. It checks that the accessible name of a control contains its visible text.
    const result = await axe.run({ rules: { "label-content-name-mismatch": { enabled: true } } });
    return result.violations.flatMap(({ id, help, nodes }) =>
      nodes.map(({ target, failureSummary }) => `${id}: ${help}: ${String(target)} ${failureSummary ?? ""}`),
    );
  });
}

/**
 * Waits until the page has been drawn after a change of its size or theme. The style sheet gives every element a short
 * transition, so a new colour takes one frame for each level of the document.
 */
export const drawn = (page: Page) =>
  page.evaluate(`new Promise((drawn) => {
    let quiet = 0;
    const look = () => {
      quiet = document.getAnimations().some((each) => each instanceof CSSTransition) ? 0 : quiet + 1;
      if (quiet > 2) drawn();
      else requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
  })`);

/**
 * Returns the problems that axe finds on the page in the dark theme and in the light one. The page stays open, because
 * to load it takes longer than to check it.
 */
export async function violationsInThemes(page: Page): Promise<string[]> {
  const found: string[] = [];
  for (const colorScheme of ["dark", "light"] as const) {
    await page.emulateMedia({ colorScheme });
    await drawn(page);
    found.push(...(await violations(page)).map((line) => `in the ${colorScheme} theme: ${line}`));
  }
  return found;
}

/** Expects that the page and its open dialog do not scroll sideways. */
export async function expectToFit(page: Page, what: string): Promise<void> {
  const over = await page.evaluate<number>(
    `Math.max(document.documentElement.scrollWidth - innerWidth,
      ...[...document.querySelectorAll(".modal")].map((each) => each.scrollWidth - each.clientWidth))`,
  );
  expect(over, `${what} scrolls sideways by ${over} px`).toBeLessThanOrEqual(0);
}

/**
 * Enqueues tasks that become dead letters in their first attempt, and waits until they are dead. A worker has to run
 * their queue.
 */
export async function die(
  { queue, observer }: Stack,
  name: string,
  count: number,
  part: { type?: string; payload?: object; id?: string; tags?: string[] } = {},
): Promise<void> {
  const { id = "dead", type = "demo.flaky", payload = { failRate: 1 }, tags } = part;
  const dead = async () => (await observer.stats(name)).dead;
  const before = await dead().catch(() => 0);
  for (let start = 0; start < count; start += 500) {
    await queue(name).enqueueMany(
      Array.from({ length: Math.min(500, count - start) }, (_, n) => ({
        type,
        payload: { ...payload, n: start + n },
        // Without retries, the first failure makes the task a dead letter.
        maxRetries: 0,
        id: `${id}-${start + n}`,
        ...(tags && { tags }),
      })),
    );
  }
  await until(`${count} dead letters in ${name}`, async () => (await dead()) === before + count, 60_000);
}

/** Types all keys as fast as the browser accepts them, without waiting for the effect of each key. */
export async function typeAtOnce(page: Page, keys: readonly string[]): Promise<void> {
  const browser = await page.context().newCDPSession(page);
  const sent = keys.flatMap((name) => {
    const isControl = name.startsWith("Control+");
    const key = isControl ? name.slice("Control+".length) : name;
    const text = key.length === 1 && !isControl ? { text: key } : {};
    const event = { key, modifiers: isControl ? 2 : 0, ...text };
    return [
      browser.send("Input.dispatchKeyEvent", { type: "keyDown", ...event }),
      browser.send("Input.dispatchKeyEvent", { type: "keyUp", ...event }),
    ];
  });
  await Promise.all(sent);
  await browser.detach();
}
