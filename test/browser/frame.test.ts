import { until } from "@holdfast/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, open, type Stack, startStack, typeAtOnce, violations } from "./support.ts";

describe.skipIf(!executablePath)(
  "the frame around the screens, in a real browser",
  { timeout: 120_000 },
  () => {
    let stack: Stack;

    beforeAll(async () => {
      stack = await startStack({ services: [] });
      await stack.queue("reports.monthly").enqueue("demo.echo", 1, { id: "moved.g1.json" });
      await stack.queue("emails").enqueue("demo.echo", 1, { id: "one" });
    });

    afterAll(() => stack?.stop());

    test("opens a link whose last part has dots, also after a reload", async () => {
      const page = await stack.page();
      for (const [path, heading] of [
        ["/queues/reports.monthly", "reports.monthly"],
        ["/queues/reports.monthly/tasks/moved.g1.json", "moved.g1.json"],
      ] as const) {
        await open(page, stack.base + path);
        await page.getByRole("heading", { name: heading, exact: true }).waitFor();
        expect((await page.reload())?.status()).toBe(200);
        await page.getByRole("heading", { name: heading, exact: true }).waitFor();
      }
      await page.context().close();
    });

    test("after Ctrl-K, takes every key as text, however fast the keys come", async () => {
      for (let use = 0; use < 5; use++) {
        // Each page has a separate browser context, so its cache is empty.
        const page = await stack.page();
        await open(page, `${stack.base}/queues/emails`);
        await typeAtOnce(page, ["Control+k", ..."gdpr jkxq?/"]);
        const field = page.getByRole("combobox", { name: "Queue, task id, screen or command" });
        expect(await field.inputValue()).toBe("gdpr jkxq?/");
        expect(new URL(page.url()).pathname).toBe("/queues/emails");
        await page.context().close();
      }
    });

    test("one Esc closes the palette, whatever was typed, and the next key is a shortcut again", async () => {
      const page = await stack.page();
      await open(page, `${stack.base}/queues/emails`);
      await typeAtOnce(page, ["Control+k", "a", "b", "Escape"]);
      expect(await page.getByRole("dialog").count()).toBe(0);
      await typeAtOnce(page, ["?", "j", "Escape"]);
      expect(await page.getByRole("dialog").count()).toBe(0);
      await typeAtOnce(page, ["?"]);
      expect(await page.getByRole("dialog", { name: "Keyboard shortcuts" }).count()).toBe(1);
      await page.keyboard.press("Escape");
      // This screen has no search field, so `/` opens the palette, and the next keys are typed into it.
      await typeAtOnce(page, ["/", ..."gw"]);
      expect(await page.getByRole("combobox").inputValue()).toBe("gw");
      await page.keyboard.press("Escape");
      await page.keyboard.press("Control+k");
      await page.keyboard.type("tasks of emails");
      await page.keyboard.press("Enter");
      await page.waitForURL(/\/queues\/emails\/tasks$/);
      await page.context().close();
    });

    test("keeps the text in the palette when the screen behind the palette changes", async () => {
      const page = await stack.page();
      await open(page, stack.base);
      // The code of the screen is delayed. The address must not change before the code is loaded.
      let release = () => {};
      const held = new Promise<void>((resolve) => {
        release = resolve;
      });
      await page.route(/workers-page/, async (route) => {
        await held;
        await route.continue();
      });
      await page.keyboard.press("g");
      await page.keyboard.press("w");
      await page.keyboard.press("Control+k");
      await page.keyboard.type("emai");
      release();
      await page.waitForURL(/\/workers$/);
      await page.keyboard.type("ls");
      expect(await page.getByRole("combobox").inputValue()).toBe("emails");
      await page.context().close();
    });

    test("says that a screen cannot be loaded while the server is down, and opens the screen once it is back", async () => {
      const away = await startStack({ services: [] });
      try {
        await away.queue("emails").enqueue("demo.echo", 1);
        const page = await away.page();
        await open(page, `${away.base}/queues/emails`);
        // The list of queues comes from the live stream.
        await page.getByRole("link", { name: "emails" }).waitFor();
        await away.end("observability");
        await page.getByRole("link", { name: "Schedules" }).click();
        const message = page.getByRole("alert").filter({ hasText: "Cannot load the screen Schedules" });
        await message.waitFor();
        expect(await violations(page)).toEqual([]);
        expect(page.url()).toBe(`${away.base}/schedules`);
        // The frame of the page stays, and screens that were open before can be opened again.
        await page.getByRole("link", { name: "emails" }).click();
        await page.getByRole("heading", { name: "emails", exact: true }).waitFor();
        await page.getByRole("link", { name: "Schedules" }).click();
        await message.waitFor();
        await away.start("observability");
        await page.getByRole("heading", { name: "Schedules", exact: true }).waitFor({ timeout: 40_000 });
        await page.getByRole("heading", { name: "No schedules yet" }).waitFor();
        await page.getByLabel("Connection: Live").waitFor({ timeout: 40_000 });
      } finally {
        await away.stop();
      }
    });

    test("repeats failed requests once the server is back", async () => {
      const away = await startStack({ services: [] });
      try {
        await away.queue("emails").enqueue("demo.echo", 1, { id: "first" });
        await away.queue("emails").enqueue("demo.echo", 1, { id: "second" });
        const page = await away.page();
        await open(page, `${away.base}/queues/emails/tasks`);
        await page.getByRole("link", { name: "first", exact: true }).click();
        await page.getByRole("heading", { name: "first" }).waitFor();
        await page.goBack();
        await away.end("observability");
        await page.getByRole("link", { name: "second", exact: true }).click();
        await page.getByRole("heading", { name: "Cannot reach the API" }).waitFor({ timeout: 40_000 });
        // The text names the host from which the page was loaded, and no fixed port.
        await page.getByRole("alert").getByText(new URL(away.base).host).first().waitFor();
        expect(await page.getByText("3001").count()).toBe(0);
        await away.start("observability");
        await page.getByRole("heading", { name: "second" }).waitFor({ timeout: 40_000 });
      } finally {
        await away.stop();
      }
    });

    test("the title of each screen says what the screen shows, and names the worst problem", async () => {
      const page = await stack.page();
      const title = async (path: string, wanted: string | RegExp) => {
        await open(page, stack.base + path);
        await until(`the page ${path} has its title`, async () => {
          const now = await page.title();
          return typeof wanted === "string" ? now === wanted : wanted.test(now);
        }).catch(async (error) => {
          throw new Error(`${(error as Error).message}: it is "${await page.title()}"`);
        });
      };
      await title("/", "Overview: 2 queues without workers – Holdfast");
      await title("/workers", "Workers – Holdfast");
      await title("/operations", "Operations – Holdfast");
      await title("/schedules", "Schedules – Holdfast");
      await title("/audit", "Audit – Holdfast");
      await title("/load", "Load – Holdfast");
      await title("/queues/emails", "emails: no workers – Holdfast");
      await title("/queues/emails/tasks", "Tasks of emails: no workers – Holdfast");
      await title("/queues/emails/dead-letters", "Dead letters of emails: no workers – Holdfast");
      await title("/queues/emails/tasks/one", "Task one of emails – Holdfast");
      await title("/nowhere/at/all", "Not found – Holdfast");
      await page.context().close();
    });

    test("the page wrote no error to the console", () => {
      expect(stack.errors).toEqual([]);
    });
  },
);
