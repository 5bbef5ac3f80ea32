import { KeyStore, mintKey } from "@holdfast/service/keys";
import { until } from "@holdfast/testing";
import { Holdfast } from "holdfast";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Receiver } from "../../services/dispatcher/test/receiver.ts";
import {
  executablePath,
  expectToFit,
  HOSTILE,
  open,
  type Stack,
  startStack,
  violationsInThemes,
} from "./support.ts";

describe.skipIf(!executablePath)("alerts in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let receiver: Receiver;
  beforeAll(async () => {
    receiver = await new Receiver().up();
    stack = await startStack({ services: [], env: { ALERT_PRIVATE_HOSTS: "127.0.0.1" } });
  });
  afterAll(async () => {
    await stack?.stop();
    await receiver?.down();
  });

  const region = (page: Page, name: string) => page.getByRole("region", { name, exact: true });
  const rowOf = (page: Page, name: string, text: string) =>
    region(page, name).getByRole("row").filter({ hasText: text });
  const told = () => receiver.received.map(({ body }) => body.type);

  test("a target is made with a secret of its own, tested, and its URL is never shown again", async () => {
    const page = await stack.page();
    await open(page, `${stack.base}/alerts`);
    await page.getByText("No alert rules yet").waitFor();
    await page.getByRole("button", { name: "New target" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("ops");
    await dialog.getByRole("radio", { name: "Webhook" }).click();
    await dialog.getByLabel("URL").fill("https://10.0.0.1/");
    await dialog.getByRole("button", { name: "Generate a secret" }).click();
    const secret = await dialog.getByLabel("Secret").inputValue();
    expect(secret).toMatch(/^whsec_[\w+/=]{44}$/);
    receiver.secret = secret;
    await dialog.getByRole("button", { name: "Create target" }).click();
    await dialog.getByRole("alert").filter({ hasText: "not public" }).waitFor();
    await dialog.getByLabel("URL").fill(`${receiver.url}path-secret`);
    await dialog.getByRole("button", { name: "Create target" }).click();
    const row = rowOf(page, "Targets", "ops");
    await row.getByText(new URL(receiver.url).host).waitFor();

    receiver.respond = (_received, response) => response.writeHead(403).end(HOSTILE);
    await row.getByRole("button", { name: "Test ops" }).click();
    await row.getByText("Failed").waitFor();
    await row.getByText("403: <img src=x").waitFor();
    receiver.respond = (_received, response) => response.writeHead(204).end();
    await row.getByRole("button", { name: "Test ops" }).click();
    await row.getByText("Delivered").waitFor();
    expect(told()).toEqual(["alert.test", "alert.test"]);
    await rowOf(page, "Recent messages", "204").getByText("Test").waitFor();
    await row.getByRole("button", { name: "Edit ops" }).click();
    expect(await page.getByRole("dialog").getByLabel("URL").inputValue()).toBe("");
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await page.getByText("ops changed").waitFor();
    expect(await page.content()).not.toContain("path-secret");
    expect(await page.content()).not.toContain(secret);
    await page.context().close();
  });

  test("a rule is made, fires, is muted and unmuted, is resolved, and is deleted", async () => {
    const page = await stack.page();
    await open(page, `${stack.base}/alerts`);
    await page.getByRole("button", { name: "New rule" }).first().click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill("no-workers");
    await dialog.getByLabel("Condition").selectOption("no_workers");
    await dialog.getByLabel("Queues").fill("or*");
    await dialog.getByLabel("For", { exact: true }).fill("");
    expect(await dialog.getByRole("checkbox", { name: "ops" }).isChecked()).toBe(true);
    await dialog.getByRole("button", { name: "Create rule" }).click();
    const row = rowOf(page, "Rules", "no-workers");
    await row.getByText("OK", { exact: true }).waitFor();

    await stack.queue("orders").enqueue("t", 1, { id: "waits" });
    await row.getByText("Firing").waitFor();
    await row.getByText("1 task waits").waitFor();
    await page.getByText("1 rule, 1 firing").waitFor();
    await until("the message has arrived", () => told().includes("alert.firing"), 20_000);
    await rowOf(page, "Recent messages", "no-workers").getByText("Delivered").first().waitFor();

    await row.getByRole("button", { name: "Mute no-workers" }).click();
    await page.getByRole("dialog").getByLabel("Reason").fill("known");
    await page.getByRole("dialog").getByRole("button", { name: "Mute", exact: true }).click();
    await row.getByText("Muted by").waitFor();
    await row.getByRole("button", { name: "Unmute no-workers" }).click();
    await row.getByText("Muted by").waitFor({ state: "detached" });

    await stack.queue("orders").cancel("waits");
    await row.getByText("OK", { exact: true }).waitFor();
    await until("the message about the end has arrived", () => told().includes("alert.resolved"), 20_000);

    await row.getByRole("button", { name: "Edit no-workers" }).click();
    await page.getByRole("dialog").getByLabel("Condition").selectOption("dead_letters");
    await page.getByRole("dialog").getByLabel("Dead letters above").fill("7");
    await page.getByRole("dialog").getByRole("button", { name: "Save" }).click();
    await row.getByText("more than 7 dead letters").waitFor();
    await row.getByRole("button", { name: "Delete no-workers" }).click();
    await page.getByRole("alertdialog").getByLabel("Confirmation").fill("no-workers");
    await page.getByRole("alertdialog").getByRole("button", { name: "Delete" }).click();
    await page.getByText("No alert rules yet").waitFor();
    await page.context().close();
  });

  const LONG_NAME = "long-name-of-a-rule-for-the-layo";

  test.each([1440, 390])("has no axe violation in either theme and fits, at %i px", async (width) => {
    const client = new Holdfast({ redis: stack.redis.url });
    const rule = { queues: "*", forMs: 0, keepFiringForMs: 0, repeatMs: 0, resolved: true, targets: ["ops"] };
    await client.alerts.putRule(LONG_NAME, {
      ...rule,
      when: { kind: "failure_ratio", above: 0.25, windowMs: 60_000, minTasks: 5 },
    });
    await client.alerts.putRule("waits", { ...rule, when: { kind: "no_workers" } });
    await client.alerts.mute("waits", { by: "ada", at: 1, until: null, reason: HOSTILE.slice(0, 200) });
    await client.close();
    await stack.queue(`queue-${"x".repeat(50)}`).enqueue("t", 1, { id: "waits" });
    const page = await stack.page({ viewport: { width, height: 900 } });
    await open(page, `${stack.base}/alerts`);
    await rowOf(page, "Rules", "waits").getByText("Firing").waitFor();
    await rowOf(page, "Recent messages", "no-workers").first().waitFor();
    expect(await violationsInThemes(page)).toEqual([]);
    await expectToFit(page, "the screen");
    for (const name of [
      "New rule",
      "New target",
      `Edit ${LONG_NAME}`,
      "Edit ops",
      "Unmute waits",
      "Delete ops",
    ]) {
      // This button opens no dialog. It is pressed only because the button "Mute waits" appears after that.
      if (name === "Unmute waits") {
        await page.getByRole("button", { name }).click();
        await page.getByRole("button", { name: "Mute waits", exact: true }).click();
      } else await page.getByRole("button", { name, exact: true }).first().click();
      await page.locator("[role=dialog], [role=alertdialog]").first().waitFor();
      expect([name, await violationsInThemes(page)]).toEqual([name, []]);
      await expectToFit(page, name);
      await page.getByRole("button", { name: "Keep as it is" }).click();
    }
    await page.context().close();
  });

  test("a viewer reads, and is told why nothing can be changed", async () => {
    const client = new Holdfast({ redis: stack.redis.url });
    const { key, text } = mintKey({ label: "vera", scopes: ["read"] });
    await new KeyStore(client).add(key);
    await client.close();
    const page = await stack.page();
    await page.goto(`${stack.base}/alerts`);
    await page.getByLabel("API key").fill(text);
    await page.getByRole("button", { name: "Log in" }).click();
    await rowOf(page, "Rules", LONG_NAME).getByText("more than 25 %").waitFor();
    for (const name of [/^Mute/, /^Edit long/, /^Delete long/, /^Test ops/, /^New rule/, /^New target/]) {
      const button = page.getByRole("button", { name }).first();
      expect([String(name), await button.getAttribute("aria-disabled")]).toEqual([String(name), "true"]);
    }
    await page.context().close();
    const unexpected = stack.errors.filter((error) => !/401|422|Authentication failed/.test(error));
    expect(unexpected).toEqual([]);
  });
});
