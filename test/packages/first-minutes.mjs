import { existsSync, mkdirSync } from "node:fs";
import { chromium } from "playwright-core";
import { freePort } from "../chaos/harness/ports.mjs";
import { expectSame } from "./expect-same.mjs";
import { startDev } from "./terminal.mjs";

const LIMIT_MS = 180_000;
const CHROMIUMS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking"];

/**
 * Does what a new user does in an empty folder, with only Node and npm: installs the command, runs `holdfast dev`,
 * types the lines that it prints, and looks for the tasks in the dashboard.
 */
export async function checkFirstMinutes(tools) {
  const began = performance.now();
  const folder = "first minutes";
  mkdirSync(tools.path(folder));
  await tools.npm(folder, tools.tarball("holdfast-cli"));
  const env = { REDIS_PORT: String(await freePort()) };
  const { terminal, dashboard, api, commands } = await startDev(tools.path(folder), tools.env(env));
  try {
    expectSame(
      commands.map((line) => line.trim().split(" ", 1)[0]),
      ["curl", "npx"],
      "the printed commands",
    );
    const [curl, npx] = commands;
    const { id } = JSON.parse((await tools.run(folder, "sh", ["-c", curl])).stdout);
    const { stdout } = await tools.run(folder, "sh", ["-c", npx], env);
    if (!stdout.includes("completed")) throw new Error(`${npx.trim()} printed ${stdout}`);
    await seeTask(dashboard, id);
    const seenAfterMs = performance.now() - began;
    if (seenAfterMs > LIMIT_MS)
      throw new Error(`the task was seen after ${Math.round(seenAfterMs / 1_000)} s, which is too late`);

    await terminal.interrupt();
    const { stdout: processes } = await tools.run(folder, "ps", ["-eo", "args"]);
    const left = processes
      .split("\n")
      .filter((line) => line.includes(tools.path(folder)) || line.includes(`:${env.REDIS_PORT}`));
    expectSame(left, [], "the processes after Ctrl-C");
    for (const url of [dashboard, api])
      if (await fetch(url).catch(() => null)) throw new Error(`${url} still answers after Ctrl-C`);
  } finally {
    await terminal.kill();
  }
}

/** Opens the dashboard in a browser, and follows its links to the task. */
async function seeTask(dashboard, id) {
  const executablePath = CHROMIUMS.find(existsSync);
  if (!executablePath) throw new Error("Chromium is not installed, so nobody can look at the dashboard");
  const browser = await chromium.launch({ executablePath, args: FLAGS });
  try {
    const page = await browser.newPage();
    page.setDefaultTimeout(30_000);
    await page.goto(dashboard);
    await page.getByLabel("Connection: Live").waitFor();
    await page.getByRole("link", { name: "default", exact: true }).first().click();
    await page.goto(`${dashboard}/queues/default/tasks/${id}`);
    await page.getByText("demo.echo").first().waitFor();
    await page.getByText("Completed", { exact: true }).first().waitFor();
  } finally {
    await browser.close();
  }
}
