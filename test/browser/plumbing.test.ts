import { until } from "@holdfast/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  die,
  executablePath,
  expectToFit,
  open,
  type Stack,
  startStack,
  typeAtOnce,
  violations,
} from "./support.ts";

describe.skipIf(!executablePath)(
  "addresses, keys, rows and charts of the dashboard in a real browser",
  { timeout: 180_000 },
  () => {
    let stack: Stack;

    beforeAll(async () => {
      stack = await startStack({ services: ["janitor"] });
      await stack.start("worker", { QUEUES: "orders" });
      await die(stack, "orders", 3);
      // With more than eight queues, the sidebar has a field to filter them.
      for (let n = 0; n < 8; n++) await stack.queue(`other-${n}`).enqueue("demo.echo", n);
      await fetch(`${stack.base}/v1/schedules/nightly`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ queue: "orders", cron: "0 3 * * *", type: "demo.echo" }),
      });
    });
    afterAll(() => stack?.stop());

    test("every screen is a page, also for a queue that does not exist or whose name looks like a file", async () => {
      const page = await stack.page();
      const names = ["orders", "no.such-queue", "a.js", "index.html", "assets", "v1"];
      const paths = [
        ...["/", "/errors?kind=new", "/workers", "/schedules", "/operations", "/audit", "/load", "/queues"],
        ...names.flatMap((name) =>
          ["", "/tasks?state=dead", "/dead-letters"].map((tab) => `/queues/${name}${tab}`),
        ),
        ...["/limits", "/events", "/flows", "/flows/f.js", "/tasks/t.json"].map(
          (tab) => `/queues/a.js${tab}`,
        ),
        ...["/robots.txt", "/assets/gone-1.js", "/nowhere/x.css"],
      ];
      for (const path of paths) {
        const answer = await page.goto(stack.base + path, { waitUntil: "domcontentloaded" });
        expect([path, answer?.headers()["content-type"]]).toEqual([path, "text/html; charset=utf-8"]);
        await page.getByRole("navigation", { name: "Main" }).waitFor();
      }
      await page.context().close();
    });

    test.each([
      ["/errors", "[data-search]"],
      ["/schedules", "[data-search]"],
      ["/audit", "[data-search]"],
      ["/queues/orders/tasks", "[data-search]"],
      ["/queues/orders/dead-letters", "[data-search]"],
      ["/queues/orders/limits", "[data-search]"],
      ["/load", "#main input"],
      ["/", "[aria-label='Filter queues']"],
    ])("%s: no key is lost while live updates arrive, however fast the keys come", async (path, field) => {
      const page = await stack.page();
      await open(page, stack.base + path);
      const input = page.locator(field).first();
      await input.click();
      await input.selectText();
      await page.keyboard.press("Delete");
      const typed = "orders-abcdefghij-klmnop.qrstuvw";
      for (let at = 0; at < typed.length; at += 4) {
        await typeAtOnce(page, [...typed.slice(at, at + 4)]);
        // A new task makes the next update of the stream differ from the last one.
        await stack.queue("other-0").enqueue("demo.echo", at);
        if (at === 12) await page.waitForTimeout(1_200);
      }
      expect(await input.inputValue()).toBe(typed);
      await page.waitForTimeout(1_200);
      expect(await input.inputValue()).toBe(typed);
      await page.context().close();
    });

    test("says so if the files of the page do not arrive, and opens once they do", async () => {
      const page = await stack.page();
      const script = /\/assets\/index-[^/]*\.js$/;
      await page.route(script, (route) => route.abort());
      // The page uses fetch to find out whether the server is back.
      const asks = `${stack.base}/errors`;
      await page.route(asks, (route) =>
        route.request().resourceType() === "fetch" ? route.abort() : route.continue(),
      );
      await page.goto(asks);
      await page.getByRole("heading", { name: "Cannot load the dashboard" }).waitFor();
      expect(await violations(page)).toEqual([]);
      await page.unroute(script);
      await page.unroute(asks);
      await page.getByRole("heading", { name: "Errors", exact: true }).waitFor({ timeout: 60_000 });
      await page.context().close();
    });

    test("opens by itself if the API was away when the page was opened", async () => {
      const page = await stack.page();
      const api = /\/v1\//;
      await page.route(api, (route) => route.abort());
      await page.goto(`${stack.base}/errors`);
      await page.getByRole("heading", { name: "Cannot reach the API" }).waitFor({ timeout: 40_000 });
      await page.unroute(api);
      await page.getByRole("heading", { name: "Errors", exact: true }).waitFor({ timeout: 40_000 });
      await page.context().close();
    });

    const rowHeights = (page: Page) =>
      page.evaluate<number[]>(
        "[...document.querySelectorAll('.grid-body .grid-row')].slice(0, 3).map((row) => row.getBoundingClientRect().height)",
      );

    test("rows are 32 to 36 px high with 13 px text, or higher if the reader chooses so", async () => {
      const page = await stack.page();
      for (const path of ["/", "/queues/orders/tasks?state=dead", "/queues/orders/dead-letters"]) {
        await open(page, stack.base + path);
        await page.locator(".grid-body .grid-row").first().waitFor();
        for (const height of await rowHeights(page)) {
          expect(height, path).toBeGreaterThanOrEqual(32);
          expect(height, path).toBeLessThanOrEqual(36);
        }
        const size = await page.evaluate(
          "getComputedStyle(document.querySelector('.grid-body .cell')).fontSize",
        );
        expect([path, size]).toEqual([path, "13px"]);
      }
      await page.getByRole("radio", { name: "Comfortable rows" }).click();
      await expect.poll(() => rowHeights(page), { timeout: 10_000 }).toEqual([44, 44, 44]);
      await page.reload();
      await page.locator(".grid-body .grid-row").first().waitFor();
      await expect.poll(() => rowHeights(page), { timeout: 10_000 }).toEqual([44, 44, 44]);
      await page.context().close();
    });

    test("no shortcut takes a key for copying and editing, and the text of a table can be selected", async () => {
      const page = await stack.page();
      await open(page, `${stack.base}/queues/orders/dead-letters`);
      const cell = page.locator(".dead-letters .grid-body .cell-wide").first();
      const box = await cell.boundingBox();
      if (box === null) throw new Error("the cell is not on the page");
      await page.mouse.move(box.x + 2, box.y + box.height / 2);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 5 });
      await page.mouse.up();
      const selected = await page.evaluate<string>("getSelection().toString()");
      expect(selected).not.toBe("");
      await page.evaluate(
        "window.taken = []; for (const type of ['keydown', 'copy', 'cut', 'paste']) addEventListener(type, (event) => event.defaultPrevented && taken.push(event.type + ' ' + (event.key ?? '')))",
      );
      for (const key of ["c", "x", "v", "a", "z", "f"]) {
        await page.keyboard.press(`Control+${key}`);
        await page.keyboard.press(`Meta+${key}`);
      }
      expect(await page.evaluate("taken")).toEqual([]);
      expect(new URL(page.url()).pathname).toBe("/queues/orders/dead-letters");
      await page.context().close();
    });

    test("the charts share one crosshair, the time zone of the reader, and marks for deploys, pauses and replays", async () => {
      await stack.observer.replay("orders", ["dead-0"]);
      const post = (path: string, body: object) =>
        fetch(`${stack.base}/v1/queues/orders/${path}`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(body),
        });
      await post("pause", { reason: "vendor outage" });
      await post("resume", {});
      await post("dead-letters/replay", { ids: ["dead-1"] });
      const page = await stack.page();
      await page.addInitScript(`localStorage.setItem("holdfast.time", "utc")`);
      await open(page, `${stack.base}/queues/orders`);
      const charts = page.locator(".chart");
      await until(
        "the charts are drawn",
        async () => (await page.locator(".chart svg.recharts-surface").count()) >= 6,
      );

      await page.getByText(/marks?: deploys, pauses and replays/).click();
      const table = page.locator(".mark-table");
      await table.getByText("Paused by anonymous: vendor outage").waitFor();
      await table.getByText("Resumed by anonymous").waitFor();
      await table.getByText("1 dead letter replayed by anonymous").waitFor();
      await table.getByText(/^Workers of version /).waitFor({ timeout: 60_000 });
      expect(await page.locator(".chart title").allTextContents()).toContain(
        "Paused by anonymous: vendor outage",
      );
      expect(await violations(page)).toEqual([]);
      await expectToFit(page, "the charts");

      const box = await charts.nth(0).boundingBox();
      if (box === null) throw new Error("the chart is not on the page");
      await page.mouse.move(box.x + box.width - 20, box.y + box.height / 2);
      await until("the other charts show the same time", async () => {
        const times = await page.locator(".chart-tip .soft").allTextContents();
        return times.length >= 5 && new Set(times).size === 1 && times[0]?.endsWith(" UTC") === true;
      });
      if (process.env.PICTURES) await page.screenshot({ path: `${process.env.PICTURES}/charts.png` });
      await page.context().close();
    });

    test("shows for each task type how many attempts failed, how long they took, and a heat map", async () => {
      await stack
        .queue("orders")
        .enqueueMany(
          Array.from({ length: 40 }, (_, n) => ({ type: "demo.sleep", payload: { ms: n < 30 ? 5 : 300 } })),
        );
      const stats = async () => {
        const answer = await fetch(`${stack.base}/v1/queues/orders/types?type=demo.sleep`);
        return (await answer.json()) as { types: { type: string; ended: number }[] };
      };
      await until(
        "the worker has written its counts",
        async () => (await stats()).types.some(({ type, ended }) => type === "demo.sleep" && ended === 40),
        60_000,
      );
      for (const [colorScheme, width] of [
        ["light", 1440],
        ["dark", 390],
      ] as const) {
        const page = await stack.page({ colorScheme, viewport: { width, height: 900 } });
        await open(page, `${stack.base}/queues/orders`);
        const panel = page.getByRole("region", { name: "Task types" });
        const row = panel.getByRole("row").filter({ hasText: "demo.sleep" });
        expect(await row.getByRole("cell").nth(1).textContent()).toMatch(/40$/);
        expect(await row.getByRole("cell").nth(2).textContent()).toMatch(/0 %$/);
        const flaky = panel.getByRole("row").filter({ hasText: "demo.flaky" });
        expect(await flaky.getByRole("cell").nth(2).textContent()).toMatch(/100 %$/);
        await row.getByRole("button", { name: "demo.sleep" }).click();
        await page.waitForURL(/type=demo\.sleep/);
        // 30 attempts took about 5 ms and 10 took about 300 ms, so the cells are in two different parts of the map.
        const titles = panel.locator(".heat title");
        await until("the heat map is drawn", async () => {
          const counts = (await titles.allTextContents()).map((title) => Number(title.split(": ")[1]));
          return counts.reduce((sum, each) => sum + each, 0) === 40;
        });
        expect(await titles.count()).toBeGreaterThanOrEqual(2);
        await panel.getByRole("radio", { name: "Wait" }).click();
        await page.waitForURL(/by=wait/);
        expect(await violations(page)).toEqual([]);
        await expectToFit(page, "the task types");
        if (process.env.PICTURES)
          await panel.screenshot({ path: `${process.env.PICTURES}/types-${width}.png` });
        await page.context().close();
      }
    });
  },
);
