import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scope } from "@holdfast/contracts";
import { addToKeyFile, mintKey } from "@holdfast/service/keys";
import { until } from "@holdfast/testing";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { die, executablePath, open, type Stack, startStack, violations } from "./support.ts";

const WORST = "payments.eu.card-settlement";
const QUEUES = [
  ...["orders.eu", "orders.us", "emails.transactional", "emails.digest", "images.resize.webp"],
  ...["search.index.v2", "reports.monthly", "invoices.pdf", "webhooks.out", "cache.warm"],
  `tenant-0042.${"x".repeat(52)}`,
];
/** Every screen that viewers and operators use when something is wrong. */
const SCREENS = [
  ...["/", "/errors", "/operations", "/schedules", "/workers", "/audit"],
  ...["", "/tasks", "/dead-letters", "/flows", "/limits", "/events"].map((path) => `/queues/${WORST}${path}`),
];

describe.skipIf(!executablePath)("a bad night, in a real browser", { timeout: 180_000 }, () => {
  let stack: Stack;
  let folder: string;
  /**
   * Environment variables that set the secret of sessions, so that people stay logged in when observability restarts.
   */
  let env: Record<string, string>;
  const keys: Record<string, string> = {};
  const stats = () => stack.observer.stats(WORST);

  /** Returns a page of a logged-in person. Each request of the page takes 150 ms longer than usual. */
  async function pageOf(person: string, path = "/"): Promise<Page> {
    const page = await stack.page();
    const session = await page.context().newCDPSession(page);
    await session.send("Network.enable");
    await session.send("Network.emulateNetworkConditions", {
      ...{ offline: false, latency: 150, downloadThroughput: -1, uploadThroughput: -1 },
    });
    await page.goto(stack.base + path);
    await page.getByLabel("API key").fill(keys[person] ?? "");
    await page.keyboard.press("Enter");
    await page.getByLabel("Connection: Live").waitFor();
    return page;
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-keys-"));
    const file = join(folder, "keys.json");
    const make = async (label: string, scopes: Scope[]) => {
      const { key, text } = mintKey({ label, scopes, expiresAt: null });
      await addToKeyFile(file, key);
      keys[label] = text;
    };
    await make("ada", ["admin"]);
    await make("bob", ["admin"]);
    await make("viv", ["read"]);
    env = { API_KEYS_FILE: file, SESSION_SECRET: "0123456789abcdef".repeat(4) };
    stack = await startStack({ services: ["janitor"], env });
    await stack.start("worker", { QUEUES: [WORST, ...QUEUES].join(",") });
    for (const [n, name] of QUEUES.entries()) {
      await stack.queue(name).enqueue("demo.echo", { n }, { id: "first" });
      if (n % 4 === 1) await die(stack, name, 3);
      if (n % 3 === 0) await stack.observer.pause(name, "ada", "maintenance of the supplier");
    }
    await die(stack, WORST, 40, { tags: ["tenant:7"] });
  }, 180_000);

  afterAll(async () => {
    await stack?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("a viewer can look at every screen, and no control that can be pressed changes anything", async () => {
    const page = await pageOf("viv");
    const sent: string[] = [];
    page.on("request", (request) => {
      if (!["GET", "HEAD"].includes(request.method())) sent.push(`${request.method()} ${request.url()}`);
    });
    for (const path of SCREENS) {
      await open(page, stack.base + path);
      const acting = page.locator("main button:not([aria-disabled=true])").filter({
        hasText: /^(Replay|Discard|Pause|Resume|Drain|Delete|Empty|Cancel|Run now|Mute|Hold|Save)\b/,
      });
      expect(await acting.allInnerTexts(), path).toEqual([]);
    }
    expect(sent).toEqual([]);
    await page.context().close();
  });

  test("on every screen, f and at most two letters press any control", async () => {
    const page = await pageOf("ada");
    for (const path of SCREENS) {
      await open(page, stack.base + path);
      await page.keyboard.press("f");
      await page.getByText("Type the letters of a control").waitFor();
      const texts = await page.locator(".action-key").allInnerTexts();
      const controls = await page.evaluate<number>(`[...document.querySelectorAll("main button, main a")]
        .filter((control) => {
          const [box] = control.getClientRects();
          if (box === undefined) return false;
          const there = document.elementFromPoint(box.left + box.width / 2, box.top + box.height / 2);
          return there !== null && control.contains(there);
        }).length`);
      expect(controls, path).toBeGreaterThan(0);
      expect(texts.length, path).toBeGreaterThanOrEqual(controls);
      expect(new Set(texts).size, path).toBe(texts.length);
      expect(Math.max(...texts.map((text) => text.length)), path).toBeLessThanOrEqual(2);
      expect(await violations(page), path).toEqual([]);
      await page.keyboard.press("Escape");
      expect(await page.locator(".action-key").count()).toBe(0);
    }
    await open(page, `${stack.base}/queues/${WORST}`);
    await page.keyboard.press("f");
    await page.keyboard.type(await lettersOf(page, "Pause"));
    await page.getByRole("dialog").getByLabel("Reason").waitFor();
    await page.keyboard.press("Escape");
    expect((await stats()).paused).toBe(false);
    await page.context().close();
  });

  test("two operators see at once what the other one did, and if both replay the same task, it is replayed once", async () => {
    const [ada, bob] = await Promise.all([pageOf("ada"), pageOf("bob")]);
    const before = await stats();
    for (const page of [ada, bob]) await open(page, `${stack.base}/queues/${WORST}/dead-letters`);
    await ada.goto(`${stack.base}/queues/${WORST}`);
    await ada.getByRole("button", { name: "Pause", exact: true }).click();
    await ada.getByLabel("Reason").fill("the bank is down");
    await ada.getByRole("button", { name: "Pause queue" }).click();
    await bob.getByText("the bank is down").first().waitFor();
    await ada.goto(`${stack.base}/queues/${WORST}/dead-letters`);
    const replay = (page: Page) => page.getByRole("button", { name: "Replay", exact: true }).first();
    await Promise.all([replay(ada).waitFor(), replay(bob).waitFor()]);
    await Promise.all([replay(ada).click(), replay(bob).click()]);
    await until("one dead letter waits again", async () => (await stats()).pending === 1);
    const after = await stats();
    expect(after.dead).toBe(before.dead - 1);
    expect(after.totals.replayed - before.totals.replayed).toBe(1);
    await stack.observer.resume(WORST);
    await ada.context().close();
    await bob.context().close();
  });

  test("the server goes away in the middle of a replay: the page says so, keeps its rows, and the replay goes on later", async () => {
    const page = await pageOf("ada");
    const before = await stats();
    await open(page, `${stack.base}/queues/${WORST}/dead-letters`);
    await page.getByRole("button", { name: "Replay all" }).click();
    await page.getByLabel("Tasks per second, at most").fill("5");
    await page.getByRole("alertdialog").getByRole("button", { name: "Replay", exact: true }).click();
    const replayed = async () => (await stats()).totals.replayed - before.totals.replayed;
    await until("the first ones are replayed", async () => (await replayed()) > 0);
    await stack.end("observability");
    await page.getByLabel(/^Connection: (?!Live)/).waitFor();
    expect(await replayed()).toBeLessThan(before.dead);
    expect(await page.getByRole("row").count()).toBeGreaterThan(1);
    await stack.start("observability", env);
    await page.getByLabel("Connection: Live").waitFor({ timeout: 60_000 });
    await until("every dead letter is replayed", async () => (await replayed()) >= before.dead, 60_000);
    await page.context().close();
  });
});

/** Returns the letters that the dashboard shows over the button with this text. */
async function lettersOf(page: Page, text: string): Promise<string> {
  const button = await page.getByRole("button", { name: text, exact: true }).boundingBox();
  for (const key of await page.locator(".action-key").all()) {
    const box = await key.boundingBox();
    if (button && box && Math.abs(box.x - button.x) < 12 && Math.abs(box.y - button.y) < 12)
      return ((await key.textContent()) ?? "").toLowerCase();
  }
  throw new Error(`no letters are over the button ${text}`);
}
