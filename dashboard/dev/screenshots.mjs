// Takes pictures of every screen in both themes, wide and narrow: node dev/screenshots.mjs <address> <folder> [name].
// Fails if a page scrolls sideways or the browser logs an error.
import { mkdirSync } from "node:fs";
import { chromium } from "playwright-core";

const [address = "http://127.0.0.1:5173", folder = "screenshots", only] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync".split(
    " ",
  ),
});

const SCREENS = [
  ["overview", "/"],
  ["queue", "/queues/emails"],
  ["queue-paused", "/queues/reports.monthly-2025"],
  ["tasks", "/queues/emails/tasks?state=completed"],
  ["task-pending", "/queues/emails/tasks/pending-3"],
  ["dead-letters", "/queues/emails/dead-letters"],
  ["dead-letters-groups", "/queues/emails/dead-letters?view=groups"],
  ["dead-letters-none", "/queues/webhooks/dead-letters"],
  [
    "task-dead",
    "/queues/emails/dead-letters",
    async (page) => page.locator(".dead-letters a.mono").nth(2).click(),
  ],
  [
    "replay-all",
    "/queues/emails/dead-letters",
    async (page) => page.getByRole("button", { name: "Replay all" }).click(),
  ],
  [
    "replay-edit",
    "/queues/emails/dead-letters",
    async (page) => {
      await page.locator(".dead-letters a.mono").nth(2).click();
      await page.getByRole("button", { name: "Edit and replay" }).click();
      await page.getByLabel("Payload after").click();
      await page.keyboard.press("End");
      await page.keyboard.type(" ");
    },
  ],
  ["groups-paused", "/queues/reports.monthly-2025/dead-letters?view=groups"],
  ["limits", "/queues/emails/limits"],
  ["limits-none", "/queues/webhooks/limits"],
  ["limits-key", `/queues/emails/limits?key=${encodeURIComponent("عميل رقم ١٢ (الرياض)")}`],
  [
    "limits-edit",
    "/queues/emails/limits",
    async (page) => {
      await page.getByRole("button", { name: "Change limits" }).click();
      await page.getByLabel("At one time").first().fill("50");
    },
  ],
  ["limits-stopped", "/queues/default/limits"],
  [
    "limits-policies",
    "/queues/default/limits",
    async (page) => {
      await page.getByRole("button", { name: "Change limits" }).click();
      await page.getByLabel("Most waiting").fill("500");
    },
  ],
  [
    "limits-share",
    "/queues/emails/limits",
    async (page) => {
      await page.getByRole("button", { name: "Share a limit" }).click();
      await page.getByRole("textbox", { name: "Name" }).fill("database");
      await page.getByRole("textbox", { name: "Queues" }).fill("emails, invoices");
    },
  ],
  [
    "limits-unshare",
    "/queues/emails/limits",
    async (page) => page.getByRole("button", { name: "End", exact: true }).first().click(),
  ],
  [
    "limits-hold",
    "/queues/emails/limits",
    async (page) => page.getByRole("button", { name: "Hold queue" }).click(),
  ],
  [
    "limits-own",
    "/queues/emails/limits?key=acme",
    async (page) => page.getByRole("button", { name: "Change limit", exact: true }).click(),
  ],
  ["events", "/queues/emails/events"],
  ["events-off", "/queues/webhooks/events"],
  ["operations", "/operations"],
  ["operation", "/operations?id=op-old"],
  ["schedules", "/schedules"],
  [
    "schedule-new",
    "/schedules",
    async (page) => {
      await page.getByRole("button", { name: "New schedule" }).first().click();
      await page.getByRole("radio", { name: "Doubles" }).click();
    },
  ],
  ["audit", "/audit"],
  ["settings", "/queues/emails", async (page) => page.getByRole("button", { name: "Change" }).click()],
  ["empty", "/queues/emails", async (page) => page.getByRole("button", { name: "Empty queue" }).click()],
  ["delete", "/queues/emails", async (page) => page.getByRole("button", { name: "Delete queue" }).click()],
  ["unknown-filter", "/queues/emails/dead-letters?tags=tenant:acme"],
  [
    "palette",
    "/",
    async (page) => {
      await page.keyboard.press("Control+k");
      await page.keyboard.type("emails");
    },
  ],
  ["help", "/", async (page) => page.keyboard.press("?")],
  [
    "selected",
    "/queues/emails/dead-letters",
    async (page) => page.locator(".grid-body .checkbox").nth(1).click(),
  ],
  ["load", "/load?queue=emails"],
  [
    "burst",
    "/load?queue=default",
    async (page) => page.getByRole("button", { name: "Run the burst" }).click(),
  ],
  [
    "workers",
    "/workers",
    async (page) =>
      page
        .getByRole("button", { name: /^Current tasks/ })
        .nth(2)
        .click(),
  ],
  ["missing", "/queues/nope"],
  // The log-in screen comes last, because the page is logged out for its picture.
  ["login", "/"],
];

const loggedOut = async (route) => {
  const session = await (await route.fetch()).json();
  await route.fulfill({ json: { ...session, authenticated: false, label: "anonymous" } });
};

let bad = 0;
for (const theme of ["light", "dark"]) {
  for (const width of [1440, 390]) {
    const context = await browser.newContext({
      viewport: { width, height: width === 390 ? 844 : 900 },
      colorScheme: theme,
    });
    const page = await context.newPage();
    page.on("console", (message) => {
      // The network of the machine changes when a container starts, and the browser reports that as an error. The page
      // did not cause it.
      if (message.type() !== "error" || message.text().includes("ERR_NETWORK_CHANGED")) return;
      bad += 1;
      console.error(`${page.url()}: ${message.text()}`);
    });
    page.on("pageerror", (error) => {
      bad += 1;
      console.error(`${page.url()}: ${error}`);
    });
    for (const [name, path, act] of SCREENS) {
      if (only !== undefined && only !== name) continue;
      if (name === "login") await page.route("**/v1/session", loggedOut);
      await page.goto(address + path).catch(() => page.goto(address + path));
      const ready = name === "login" ? page.getByLabel("API key") : page.getByLabel(/^Connection: Live/);
      await ready.waitFor({ timeout: 10_000 }).catch(async () => {
        await page.goto(address + path);
        await ready.waitFor({ timeout: 20_000 });
      });
      await page
        .locator("[aria-busy]")
        .first()
        .waitFor({ state: "detached", timeout: 10_000 })
        .catch(() => {});
      if (act !== undefined) await act(page);
      // The live stream sends a few updates in this time, so that the lines of charts have more than one point.
      await page.waitForTimeout(1_300);
      const sideways = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (sideways > 0) {
        bad += 1;
        console.error(`${name} ${theme} ${width}: scrolls sideways by ${sideways} px`);
      }
      await page.screenshot({ path: `${folder}/${name}-${theme}-${width}.png`, fullPage: width === 390 });
    }
    await context.close();
  }
}
await browser.close();
process.exit(bad === 0 ? 0 : 1);
