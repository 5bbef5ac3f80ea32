import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scope } from "@holdfast/contracts";
import { addToKeyFile, mintKey } from "@holdfast/service/keys";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { executablePath, open, type Stack, startStack, violations } from "./support.ts";

describe.skipIf(!executablePath)("keys, roles and sessions in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let folder: string;
  const keys: Record<string, string> = {};

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-keys-"));
    const file = join(folder, "keys.json");
    const make = async (label: string, scopes: Scope[], queues?: string[]) => {
      const { key, text } = mintKey({ label, scopes, queues, expiresAt: null });
      await addToKeyFile(file, key);
      keys[label] = text;
    };
    await make("ada", ["admin"]);
    await make("viv", ["read"]);
    stack = await startStack({ services: [], env: { API_KEYS_FILE: file, ENVIRONMENT: "production" } });
    await stack.queue("default").enqueue("demo.echo", 1, { id: "one" });
  });

  afterAll(async () => {
    await stack?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("asks for a key, refuses a wrong key, and shows the screen of the address after the log-in", async () => {
    const page = await stack.page();
    await page.goto(`${stack.base}/queues/default/tasks?q=one`);
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByLabel("API key").fill("hf_nobody_knows");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.locator(".error-text").waitFor();
    await page.getByLabel("API key").fill(keys.ada ?? "");
    await page.getByRole("button", { name: "Log in" }).click();
    await page.getByRole("link", { name: "one", exact: true }).waitFor();
    expect(page.url()).toContain("/queues/default/tasks?q=one");
    await page.getByLabel("Connection: Live").waitFor();
    await page.getByText("admin", { exact: true }).waitFor();
    await page.getByText("production", { exact: true }).waitFor();
    // The key must not be in any storage that scripts can read.
    expect(await page.evaluate("JSON.stringify(localStorage) + document.cookie")).not.toContain("hf_");
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    await page.context().close();
  });

  test("disables what a viewer may not do, and gives the reason", async () => {
    const page = await stack.page();
    await page.goto(`${stack.base}/queues/default`);
    await page.getByLabel("API key").fill(keys.viv ?? "");
    await page.keyboard.press("Enter");
    const pause = page.getByRole("button", { name: "Pause", exact: true });
    await pause.waitFor();
    expect(await pause.getAttribute("aria-disabled")).toBe("true");
    await pause.focus();
    await page.getByRole("tooltip").getByText("Your role, viewer, may not change anything.").waitFor();
    await pause.press("Enter");
    expect(await page.getByRole("dialog").count()).toBe(0);
    expect((await stack.observer.stats("default")).paused).toBe(false);
    expect(await violations(page)).toEqual([]);
    await page.context().close();
  });

  test("asks for the key when the session has ended, and then shows the same screen again", async () => {
    const page = await stack.page();
    await page.goto(`${stack.base}/queues/default/tasks`);
    await page.getByLabel("API key").fill(keys.ada ?? "");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "one", exact: true }).waitFor();
    await page.context().clearCookies();
    await page.getByRole("button", { name: "Refresh" }).click();
    await page.getByRole("heading", { name: "Log in" }).waitFor();
    await page.getByLabel("API key").fill(keys.ada ?? "");
    await page.keyboard.press("Enter");
    await page.getByRole("link", { name: "one", exact: true }).waitFor();
    expect(page.url()).toContain("/queues/default/tasks");
    await open(page, `${stack.base}/operations`);
    await page.context().close();
  });
});
