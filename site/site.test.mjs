import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import { extname, join } from "node:path";
import axe from "axe-core";
import { chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

// Checks the built site in a browser. `make docs` runs this after the build.
const site = join(import.meta.dirname, "dist");
const executablePath = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(
  existsSync,
);
if (!executablePath)
  console.warn("SKIPPED: Chromium is not installed, so the site was not looked at in a browser");
const ARGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
];
const TYPES = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".css": "text/css",
  ".svg": "image/svg+xml",
  ".png": "image/png",
  ".woff2": "font/woff2",
};
const PAGES = [
  "/",
  "/handlers.html",
  "/api/holdfast/classes/Queue.html",
  "/http-reference/producer-api-tasks.html",
];

describe.skipIf(!executablePath)("the site", { timeout: 180_000 }, () => {
  let server;
  let base;
  let browser;
  const strange = [];

  beforeAll(async () => {
    server = createServer((request, response) => {
      const { pathname } = new URL(request.url, "http://site");
      const file = join(site, pathname.endsWith("/") ? `${pathname}index.html` : pathname);
      if (!existsSync(file)) response.writeHead(404).end();
      else
        response
          .writeHead(200, { "content-type": TYPES[extname(file)] ?? "text/plain" })
          .end(readFileSync(file));
    });
    await new Promise((listening) => server.listen(0, "127.0.0.1", listening));
    base = `http://127.0.0.1:${server.address().port}`;
    browser = await chromium.launch({ executablePath, args: ARGS });
  }, 60_000);
  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  async function open(options = {}) {
    const page = await browser.newPage({
      viewport: { width: 1440, height: 900 },
      reducedMotion: "reduce",
      ...options,
    });
    page.setDefaultTimeout(60_000);
    page.on("pageerror", ({ message }) => strange.push(message));
    page.on("request", (request) => {
      if (!/^data:/.test(request.url()) && !request.url().startsWith(base))
        strange.push(`asks for ${request.url()}`);
    });
    return page;
  }

  /** Returns by how many pixels the page scrolls sideways, and the accessibility problems that axe finds. */
  async function examine(page) {
    const over = await page.evaluate("document.documentElement.scrollWidth - innerWidth");
    await page.evaluate(axe.source);
    // The button "Search" also shows its keyboard shortcut, which is not part of its name.
    const rules = { "label-content-name-mismatch": { enabled: false } };
    const { violations } = await page.evaluate(`axe.run(${JSON.stringify({ rules })})`);
    const found = violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => `${id}: ${target}`));
    return over > 0 ? [`scrolls sideways by ${over} px`, ...found] : found;
  }

  test.each([
    ["light", 1440],
    ["light", 390],
    ["dark", 1440],
    ["dark", 390],
  ])(
    "has no axe violation and fits the window, in the %s theme, %i pixels wide",
    async (colorScheme, width) => {
      const page = await open({ colorScheme, viewport: { width, height: 850 } });
      const found = [];
      for (const path of PAGES) {
        await page.goto(base + path, { waitUntil: "load" });
        await page.locator("main h1, .VPHero h1").first().waitFor();
        found.push(...(await examine(page)).map((line) => `${path}: ${line}`));
      }
      await page.close();
      expect(found).toEqual([]);
    },
  );

  test("draws the diagrams", async () => {
    const page = await open();
    for (const [path, word] of [
      ["/overview.html", "dead letters"],
      ["/architecture.html", "settle.lua"],
      ["/state-machine.html", "scheduled"],
    ]) {
      await page.goto(base + path, { waitUntil: "load" });
      await page.locator(".diagram svg", { hasText: word }).waitFor();
    }
    await page.close();
  });

  test("finds a page by a word in it, without a request to elsewhere", async () => {
    const page = await open();
    await page.goto(`${base}/`, { waitUntil: "load" });
    await page.getByRole("button", { name: "Search" }).first().click();
    await page.getByRole("searchbox").fill("task_conflict");
    await page.getByRole("option").filter({ hasText: "Error codes" }).first().click();
    await page.waitForURL(/\/errors\.html/);
    await page.close();
    expect(strange).toEqual([]);
  });
});
