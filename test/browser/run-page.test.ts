import { until } from "@holdfast/testing";
import { FatalError, Worker } from "holdfast";
import type { Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  executablePath,
  expectToFit,
  HOSTILE,
  open,
  type Stack,
  startStack,
  violations,
  violationsInThemes,
} from "./support.ts";

const EXACT =
  '{ "n": 12345678901234567890, "f": 1.10, "to": "a@example.com", "items": [{"id": 1}, {"id": 2}] }';
const TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736";

describe.skipIf(!executablePath)("the page of one task in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let worker: Worker;
  let page: Page;
  let hasVendor = false;
  /** Ends the handlers, which wait for the promise below. */
  let release = () => {};
  const held = new Promise<void>((resolve) => {
    release = resolve;
  });
  const region = (name: string): Locator => page.getByRole("region", { name, exact: true });
  const state = async (id: string) => (await stack.queue("shop").get(id))?.state;
  const clipboard = () => page.evaluate<string>("navigator.clipboard.readText()");
  const address = (id: string) => `${stack.base}/queues/shop/tasks/${id}`;

  beforeAll(async () => {
    stack = await startStack({
      services: ["janitor"],
      env: { TRACE_URL: "https://tempo.example/trace/{traceId}" },
    });
    worker = new Worker(
      "shop",
      {
        charge: () => {
          if (hasVendor) return { paid: true };
          throw new Error(`the vendor is down ${HOSTILE.slice(0, 40)}`);
        },
        never: () => {
          throw new FatalError("never");
        },
        slow: async (_, ctx) => {
          await ctx.log("began", { level: "warn" });
          await ctx.log(HOSTILE);
          await ctx.progress({ done: 3, total: 4, message: "mails" });
          await held;
          return "done";
        },
        node: () => null,
      },
      { redis: stack.redis.url, id: "packer-1", pollMs: 100, backoff: { baseMs: 300, jitter: "none" } },
    );
    await worker.start();
    page = await stack.page();
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  });

  afterAll(async () => {
    release();
    await worker?.stop({ graceMs: 1_000 });
    await stack?.stop();
  });

  test("shows waits, backoffs and runs as bars, and a replay by somebody else without a reload", async () => {
    await stack.queue("shop").enqueue("charge", 1, { id: "bars", maxRetries: 1 });
    await until("the task is dead", async () => (await state("bars")) === "dead", 20_000);
    await open(page, address("bars"));
    const line = region("Time line");
    await line.getByRole("button", { name: /^Attempt 1: ran .*, failed, 20/ }).waitFor();
    await line
      .getByRole("button", {
        name: /^Attempt 2: backoff, then wait in the queue (?:[3-9]\d\d ms|\d\S* s), 20/,
      })
      .waitFor();

    hasVendor = true;
    await fetch(`${stack.base}/v1/queues/shop/dead-letters/replay`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ ids: ["bars"], reason: "the vendor is back" }),
    });
    await line.getByRole("button", { name: /^Attempt 1: ran .*, done, 20/ }).waitFor();
    await line.getByRole("button", { name: /^replay 1 by anonymous: the vendor is back, 20/ }).waitFor();

    // A bar shows its exact times if it is hovered or focused. A click on it leads to its attempt.
    const bar = line.getByRole("button", { name: /^Attempt 1: ran .*, done/ });
    // The page shows tooltips only after the mouse was moved once.
    await line.getByRole("heading").hover();
    await bar.hover();
    await page
      .locator(".tooltip")
      .getByText(/^Attempt 1: ran .* ms, done/)
      .waitFor();
    await bar.focus();
    await page.keyboard.press("Enter");
    await until("the attempt has the focus", () =>
      page.evaluate<boolean>('document.activeElement.textContent.startsWith("Attempt 1: Done")'),
    );

    await line.getByRole("radio", { name: "Table", exact: true }).click();
    const rows = await line.getByRole("row").allInnerTexts();
    expect(rows).toHaveLength(1 + 2 + 2 + 2 + 2);
    expect(rows.some((row) => /^Replay 1\s+was a dead letter\s+20.*Z\s+20.*Z/.test(row))).toBe(true);
    expect(await violations(page)).toEqual([]);
  });

  test("shows the payload as a tree with exact values, which the keyboard opens, closes and copies", async () => {
    await fetch(`${stack.base}/v1/queues/shop/tasks`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: `{"type":"charge","id":"tree","payload":${EXACT}}`,
    });
    await open(page, address("tree"));
    const tree = page.getByRole("tree", { name: "Payload, as a tree" });
    const shown = async () =>
      (await tree.getByRole("treeitem").allInnerTexts()).map((text) => text.replaceAll("\n", ""));
    await tree.getByText("12345678901234567890").waitFor();
    expect(await shown()).toEqual([
      "payload{ 4 fields }",
      "n12345678901234567890",
      "f1.10",
      'to"a@example.com"',
      "items[ 2 items ]",
      "0{ 1 field }",
      "id1",
      "1{ 1 field }",
      "id2",
    ]);
    await tree.focus();
    for (const key of ["End", "ArrowLeft", "ArrowLeft", "ArrowUp", "ArrowLeft", "ArrowLeft"])
      await page.keyboard.press(key);
    expect((await shown()).slice(4)).toEqual(["items[ 2 items ]", "0{ 1 field }", "1{ 1 field }"]);
    await page.keyboard.press("Home");
    await page.keyboard.press("ArrowDown");
    await region("Payload").getByText("payload.n", { exact: true }).waitFor();
    await region("Payload").getByRole("button", { name: "Copy value" }).click();
    await until("the value is copied", async () => (await clipboard()) === "12345678901234567890");
    await region("Payload").getByRole("button", { name: "Copy path" }).click();
    await until("the path is copied", async () => (await clipboard()) === "payload.n");
    await region("Payload").getByRole("radio", { name: "Exact" }).click();
    expect(await region("Payload").locator("pre").textContent()).toBe(EXACT);
  });

  test("a payload of the largest size, with 9,000 values, opens at once, and only visible rows are drawn", async () => {
    const payload = Array.from({ length: 3_000 }, (_, n) => ({ id: n, text: HOSTILE.slice(-40) }));
    await stack.queue("shop").enqueue("charge", payload, { id: "large" });
    await open(page, address("large"));
    const tree = page.getByRole("tree", { name: "Payload, as a tree" });
    await tree.getByText("[ 3,000 items ]").waitFor();
    const begun = Date.now();
    await region("Payload").getByRole("button", { name: "Open all" }).click();
    await tree.focus();
    await page.keyboard.press("End");
    await region("Payload").getByText("payload[2999].text", { exact: true }).waitFor();
    // A tree that draws all of its rows would need many seconds here.
    expect(Date.now() - begun).toBeLessThan(5_000);
    expect(await tree.getByRole("treeitem").count()).toBeLessThan(100);
    expect(await page.evaluate(() => (globalThis as { hacked?: number }).hacked)).toBeUndefined();
    expect(await tree.locator("[data-code='U+202E']").count()).toBeGreaterThan(0);
    expect(await violations(page)).toEqual([]);
  });

  test("names the values that an edit changes before it is replayed", async () => {
    await stack.queue("shop").enqueue("never", { to: "a@x", n: 1 }, { id: "edit" });
    await until("the task is dead", async () => (await state("edit")) === "dead", 20_000);
    await open(page, address("edit"));
    await page.getByRole("button", { name: "Edit and replay" }).click();
    await page.getByLabel("Payload after").click();
    await page.keyboard.press("Control+a");
    await page.keyboard.type('{ "to": "b@x", "n": 1, "m": 12345678901234567890 ');
    await page.keyboard.type("}");
    const changes = page.getByRole("region", { name: "Changed values, scrollable" });
    await changes.getByText("2 values changed").waitFor();
    expect(await changes.getByRole("row").allInnerTexts()).toEqual([
      "Path\tFrom\tTo",
      'payload.to\t"a@x"\t"b@x"',
      "payload.m\tabsent\t12345678901234567890",
    ]);
    expect(await violations(page)).toEqual([]);
    await page.keyboard.press("Escape");
  });

  test("shows progress as a bar, the log and the trace of a running task, whose bar grows", async () => {
    await stack
      .queue("shop")
      .enqueue("slow", null, { id: "slow", traceparent: `00-${TRACE_ID}-00f067aa0ba902b7-01` });
    await open(page, address("slow"));
    const bar = page.getByRole("progressbar", { name: "Progress of the task" });
    await bar.waitFor();
    expect(await bar.getAttribute("aria-valuenow")).toBe("75");
    await region("Progress").getByText("mails, 3 of 4").waitFor();
    expect(await region("Log").locator("li").first().textContent()).toMatch(
      /^\d\d:\d\d:\d\d\.\d{3}Zwarnbegan$/,
    );
    const open_ = region("Time line").getByRole("button", { name: /^Attempt 1: runs .* so far/ });
    const first = await open_.getAttribute("aria-label");
    await until("the bar has grown", async () => (await open_.getAttribute("aria-label")) !== first, 20_000);
    const trace = region("Facts").getByRole("link", { name: TRACE_ID });
    expect(await trace.getAttribute("href")).toBe(`https://tempo.example/trace/${TRACE_ID}`);
    await region("Facts").getByRole("button", { name: "Copy trace id" }).click();
    await until("the id is copied", async () => (await clipboard()) === TRACE_ID);
    await page.getByRole("button", { name: "Copy id", exact: true }).click();
    await until("the id of the task is copied", async () => (await clipboard()) === "slow");
    expect(await violations(page)).toEqual([]);
  });

  test("says how old the page is while the service is away, and goes on when it is back", async () => {
    await stack.end("observability");
    await page.getByText("This is the state as of").waitFor();
    await region("Progress").getByText("mails, 3 of 4").waitFor();
    expect(await violations(page)).toEqual([]);
    await stack.start("observability", { TRACE_URL: "https://tempo.example/trace/{traceId}" });
    await page.getByText("This is the state as of").waitFor({ state: "detached", timeout: 60_000 });
    release();
    await page.getByText("Completed", { exact: true }).first().waitFor({ timeout: 60_000 });
  });

  test("leads to the next and the previous task of the list, also after a reload, and back to the list", async () => {
    const queue = stack.queue("listed");
    for (const id of ["one", "two", "three"]) await queue.enqueue("charge", 1, { id, tags: ["x"] });
    await open(page, `${stack.base}/queues/listed/tasks?tag=x`);
    const link = page.locator(".tasks a.mono");
    await until("the list is complete", async () => (await link.count()) === 3);
    const [first = "", second = "", third = ""] = await link.allInnerTexts();
    await page.getByRole("link", { name: first, exact: true }).click();
    const list = page.getByRole("navigation", { name: "The list of this task" });
    await list.getByText("1 of 3").waitFor();
    await page.keyboard.press("j");
    await page.getByRole("heading", { name: second, exact: true }).waitFor();
    await page.reload();
    await list.getByText("2 of 3").waitFor();
    await list.getByRole("link", { name: "Next" }).click();
    await page.getByRole("heading", { name: third, exact: true }).waitFor();
    await page.keyboard.press("j");
    await page.keyboard.press("k");
    await page.getByRole("heading", { name: second, exact: true }).waitFor();
    await list.getByRole("link", { name: "Pending tasks of listed" }).click();
    await until("the list is back", async () => (await link.count()) === 3);
    expect(new URL(page.url()).searchParams.get("tag")).toBe("x");
    // The page of a task leads back to a default list, unless the user came from another list, such as this one.
    await open(page, `${stack.base}/tasks?query=queue:listed`);
    await until("the list is complete", async () => (await link.count()) === 3);
    await page.getByRole("link", { name: first, exact: true }).click();
    await list.getByText("1 of 3").waitFor();
    await page.keyboard.press("q");
    await page.waitForURL(/\/tasks\?query=/);
    await until("q leads back to it", async () => (await link.count()) === 3);
  });

  test("shows what is around a task in its flow, and leads to the whole flow", async () => {
    const node = (name: string, after: string[] = []) => ({ name, type: "node", payload: 1, after });
    await stack.queue("shop").flow({
      id: "order",
      nodes: [node("a"), node("b", ["a"]), node("c", ["b"]), node("d", ["c"]), node("e", ["d"])],
    });
    await until("the flow has ended", async () => (await state("order.e")) === "completed", 20_000);
    await open(page, address("order.c"));
    const graph = region("Flow");
    await graph.getByRole("link", { name: /^c/ }).waitFor();
    expect(await graph.locator(".flow-box-name").allInnerTexts()).toEqual(["b", "c", "d"]);
    expect(await graph.locator("[data-here]").allInnerTexts()).toEqual([expect.stringMatching(/^c/)]);
    expect(await violations(page)).toEqual([]);
    await graph.getByRole("link", { name: /^d/ }).click();
    await page.getByRole("heading", { name: "order.d", exact: true }).waitFor();
    await region("Flow").getByRole("link", { name: "The whole flow" }).click();
    await page.getByRole("heading", { name: "order", exact: true }).waitFor();
  });

  // 720 px is the width of a window of 1,440 px at a zoom of 200 %.
  test.each([1_440, 390, 720])("has no axe violation in either theme and fits, at %i px", async (width) => {
    const other = await stack.page({
      viewport: { width, height: 900 },
      ...(width === 720 ? { deviceScaleFactor: 2 } : {}),
    });
    for (const id of ["bars", "tree", "large", "edit", "slow"]) {
      await open(other, address(id));
      await other.getByRole("region", { name: "Time line" }).waitFor();
      expect([id, await violationsInThemes(other)]).toEqual([id, []]);
      await expectToFit(other, `${id}, ${width} px`);
      await other.getByRole("radio", { name: "Table", exact: true }).click();
      await other.getByRole("region", { name: "Times, scrollable" }).waitFor();
      expect([id, await violationsInThemes(other)]).toEqual([id, []]);
      await expectToFit(other, `${id} as a table, ${width} px`);
    }
    await other.context().close();
  });
});
