import { until } from "@holdfast/testing";
import { Worker } from "holdfast";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, expectToFit, type Stack, startStack, violations } from "./support.ts";

/** Frequent English words that no German text of the dashboard has. */
const ENGLISH =
  /\b(the|and|of|is|are|with|not|no|yet|waiting|running|completed|scheduled|queues? and|loading|settings|errors|schedules|operations|overview|retries|keep|search|show|apply|cancel|change|delete|edit|find|replay|discard|resume|hold|none|from|until|since|ago)\b/giu;

describe.skipIf(!executablePath)("the dashboard in German", { timeout: 300_000 }, () => {
  let stack: Stack;
  let worker: Worker;

  beforeAll(async () => {
    stack = await startStack({ services: ["janitor"] });
    const { queue, observer, redis } = stack;
    worker = new Worker(
      "q1",
      {
        "t.fail": () => {
          throw new Error("E");
        },
        "t.ok": () => 1,
      },
      { redis: redis.url, maxRetries: 0 },
    );
    await worker.start();
    await observer.configure("q1", { maxEvents: 100 });
    await queue("q1").enqueueMany([
      { type: "t.fail", payload: 1, id: "d1" },
      { type: "t.ok", payload: 1, id: "c1" },
      { type: "t.ok", payload: 1, id: "s1", delayMs: 3_600_000 },
    ]);
    await until("the tasks have ended", async () => {
      const stats = await observer.stats("q1");
      return stats.dead === 1 && stats.completed === 1;
    });
    for (const key of ["k1", "k2"]) await queue("q2").enqueue("t.ok", 1, { key });
    await observer.limits.set("q2", { queue: { concurrency: 5 }, key: { concurrency: 1 } });
    await observer.pause("q2", "x", "y");
    const put = await fetch(`${stack.base}/v1/schedules/s1`, {
      method: "PUT",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ queue: "q1", cron: "0 3 * * *", type: "t.ok", payloadText: "1" }),
    });
    expect(put.ok).toBe(true);
  });

  afterAll(async () => {
    await worker?.stop({ graceMs: 100 });
    await stack?.stop();
  });

  const press = (name: string) => (page: Page) => page.getByRole("button", { name, exact: true }).click();
  const SCREENS: readonly [path: string, act?: (page: Page) => Promise<unknown>][] = [
    ["/"],
    ["/queues/q1"],
    ["/queues/q2"],
    ["/queues/q1/tasks"],
    ["/queues/q1/tasks?state=completed"],
    ["/queues/q1/tasks?state=completed&q=zzz"],
    ["/queues/q1/tasks/d1"],
    ["/queues/q1/tasks/c1"],
    ["/queues/q1/tasks/s1"],
    ["/queues/q1/tasks/s1", press("Ändern…")],
    ["/queues/q1/dead-letters"],
    ["/queues/q1/dead-letters", press("Alle erneut einreihen")],
    ["/queues/q1/dead-letters", press("Alle verwerfen")],
    ["/queues/q2/dead-letters"],
    ["/queues/q1/flows"],
    ["/queues/q2/limits"],
    ["/queues/q1/limits"],
    ["/queues/q2/limits", press("Limits ändern")],
    ["/queues/q2/limits", press("Queue zurückhalten")],
    ["/queues/q1/events?from=oldest"],
    ["/queues/q2/events"],
    ["/errors?kind=all"],
    ["/alerts"],
    ["/operations"],
    ["/schedules"],
    ["/schedules", (page) => page.getByRole("button", { name: "Neuer Zeitplan" }).first().click()],
    ["/workers"],
    ["/audit"],
    ["/load?queue=q1"],
    ["/queues/q1", press("Queue leeren")],
    ["/queues/q2", press("Queue löschen")],
    ["/queues/q1", press("Anhalten")],
    ["/workers?state=x"],
    ["/queues/nowhere"],
    ["/nowhere/at/all"],
  ];

  /** Returns the texts of the page that are translated. Texts of producers, operators and the API are left out. */
  const ownTexts = (page: Page) =>
    page.evaluate<string[]>(`(() => {
      const copy = document.body.cloneNode(true);
      for (const each of copy.querySelectorAll("code, kbd, pre, .mono, .why p, noscript, script")) each.remove();
      const walk = document.createTreeWalker(copy, NodeFilter.SHOW_TEXT);
      const texts = [];
      while (walk.nextNode()) texts.push(walk.currentNode.textContent);
      const names = ["aria-label", "placeholder", "title"];
      for (const each of copy.querySelectorAll("*"))
        texts.push(...names.map((name) => each.getAttribute(name) ?? ""));
      return texts.filter((text) => text.trim() !== "");
    })()`);

  const openGerman = async (page: Page, path: string, act?: (page: Page) => Promise<unknown>) => {
    await page.goto(stack.base + path);
    await page.getByLabel("Verbindung: Live").waitFor();
    await page.locator("[aria-busy=true]").first().waitFor({ state: "detached" });
    await act?.(page);
    if (act) await page.locator("[role=dialog], [role=alertdialog]").first().waitFor();
  };

  test("shows no English word, has no axe violation, and fits", async () => {
    const page = await stack.page({ locale: "de-DE" });
    const found = new Set<string>();
    for (const [path, act] of SCREENS) {
      await openGerman(page, path, act);
      expect(await page.locator("html").getAttribute("lang")).toBe("de");
      for (const text of await ownTexts(page))
        for (const word of text.match(ENGLISH) ?? []) found.add(`${path}: ${word}: ${text.slice(0, 80)}`);
      for (const line of await violations(page)) found.add(`${path}: ${line}`);
      await expectToFit(page, path);
    }
    await page.context().close();
    expect([...found]).toEqual([]);
  });

  test("fits the window of a phone, where German is longer", async () => {
    const page = await stack.page({ locale: "de-DE", viewport: { width: 390, height: 844 } });
    for (const [path, act] of SCREENS) {
      await openGerman(page, path, act);
      await expectToFit(page, `${path} at 390 px`);
    }
    await page.context().close();
  });

  test("follows the browser until a language is chosen; the choice lasts, and keeps the screen and the focus", async () => {
    const page = await stack.page({ locale: "de-AT" });
    await openGerman(page, "/workers");
    const choice = page.getByRole("radiogroup", { name: "Sprache" });
    await choice.getByRole("radio", { name: "English" }).click();
    await page.getByRole("heading", { name: "Workers" }).waitFor();
    expect(new URL(page.url()).pathname).toBe("/workers");
    expect(await page.locator(":focus").textContent()).toBe("English");
    await page.reload();
    await page.getByRole("heading", { name: "Workers" }).waitFor();
    expect(await page.locator("html").getAttribute("lang")).toBe("en");
    await page
      .getByRole("radiogroup", { name: "Language" })
      .getByRole("radio", { name: "Language of the browser" })
      .click();
    await page.getByRole("heading", { name: "Worker", exact: true }).waitFor();
    await page.context().close();
  });

  test("loads German only when it is chosen", async () => {
    const page = await stack.page();
    const german: string[] = [];
    page.on("request", (request) => {
      if (/\/de-[\w-]+\.js/.test(request.url())) german.push(request.url());
    });
    await page.goto(stack.base);
    await page.getByLabel("Connection: Live").waitFor();
    expect(german).toEqual([]);
    await page.getByRole("radio", { name: "Deutsch" }).click();
    await page.getByLabel("Verbindung: Live").waitFor();
    expect(german).toHaveLength(1);
    await page.context().close();
  });
});
