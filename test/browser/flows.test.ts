import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { FlowNode, Scope } from "@holdfast/contracts";
import { addToKeyFile, mintKey } from "@holdfast/service/keys";
import { until } from "@holdfast/testing";
import { chain, FatalError, fanIn, fanOut, Queue, Worker } from "holdfast";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  executablePath,
  expectToFit,
  open,
  type Stack,
  startStack,
  violations,
  violationsInThemes,
} from "./support.ts";

const node = (name: string, type: string, more: Partial<FlowNode> = {}): FlowNode => ({
  name,
  type,
  ...more,
});
const LONG = "n".repeat(64);

describe.skipIf(!executablePath)("flows in a real browser", { timeout: 120_000 }, () => {
  let stack: Stack;
  let worker: Worker;
  let folder: string;
  let page: Page;
  const keys: Record<string, string> = {};
  const gate = { isOpen: false, isMended: false };

  const region = (name: string) => page.getByRole("region", { name, exact: true });
  const logIn = async (as: Page, label: string) => {
    await as.goto(stack.base);
    await as.getByLabel("API key").fill(keys[label] ?? "");
    await as.keyboard.press("Enter");
    await as.getByLabel("Connection: Live").waitFor();
  };
  const outcome = async (id: string) => (await stack.observer.getFlow("shop", id))?.outcome;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "holdfast-keys-"));
    const file = join(folder, "keys.json");
    const make = async (label: string, scopes: Scope[]) => {
      const { key, text } = mintKey({ label, scopes, expiresAt: null });
      await addToKeyFile(file, key);
      keys[label] = text;
    };
    await make("ada", ["control", "enqueue"]);
    await make("viv", ["read"]);
    stack = await startStack({ services: ["janitor"], env: { API_KEYS_FILE: file } });
    const held = (_: unknown, { signal }: { signal: AbortSignal }) =>
      until("the gate is open", () => gate.isOpen || signal.aborted, 100_000);
    worker = new Worker(
      "shop",
      {
        "order.*": () => {},
        "slow.*": held,
        "broken.*": () => {
          if (!gate.isMended) throw new FatalError("no stock");
        },
      },
      { redis: stack.redis.url, id: "packer-1" },
    );
    await worker.start();
    const shop = stack.queue("shop");
    await shop.enqueue("order.pack", 1, { id: "plain" });
    page = await stack.page();
    await logIn(page, "ada");
  });

  afterAll(async () => {
    gate.isOpen = true;
    await worker?.stop({ graceMs: 1_000 });
    await stack?.stop();
    await rm(folder, { recursive: true, force: true });
  });

  test("the screen says how to make the first flow", async () => {
    await open(page, `${stack.base}/queues/shop`);
    await page.getByRole("link", { name: "Flows" }).click();
    await page.getByRole("heading", { name: "No flows" }).waitFor();
    await page.getByText("holdfast flow create shop -").waitFor();
    expect(await page.title()).toContain("Flows of shop");
    expect(await violations(page)).toEqual([]);
  });

  test("the list shows flows in each state, with their progress", async () => {
    const shop = stack.queue("shop");
    await shop.flow({
      id: "good",
      nodes: chain([node("a", "order.a"), node("b", "order.b")]),
      on: { done: { type: "order.x" } },
    });
    await shop.flow({
      id: "bad",
      nodes: chain([node("pay", "broken.pay"), node("pack", "order.pack"), node("ship", "order.ship")]),
      on: { dead: { type: "order.mail" }, success: { type: "order.thank" } },
    });
    await shop.flow({
      id: "slow",
      nodes: fanIn(
        [
          node("quick", "order.a"),
          node("hangs", "slow.a", { after: ["quick"] }),
          node(LONG, "order.a", { after: ["quick"], options: { delayMs: 3_600_000 } }),
        ],
        node("sum", "order.sum"),
      ),
      on: { success: { type: "order.thank" } },
    });
    await shop.flow({
      id: "held",
      nodes: chain([node("dies", "broken.b", { onDead: "hold" }), node("behind", "order.b")]),
    });
    await shop.flow({ id: "gone", nodes: chain([node("a", "slow.b"), node("b", "order.b")]) });
    await shop.cancelFlow("gone");
    const { id } = await shop.openFlow({ id: "unsealed" });
    expect(id).toBe("unsealed");
    const row = (flow: string) =>
      page.getByRole("row").filter({ has: page.getByRole("link", { name: flow, exact: true }) });
    for (const [flow, text] of [
      ["good", /Succeeded.*2 of 2 completed/],
      ["bad", /Failed.*0 of 3 completed.*1 dead, 2 skipped/],
      ["slow", /Running.*1 of 4 completed.*2 active, 1 waiting/],
      ["held", /Running.*0 of 2 completed.*1 waiting, 1 dead/],
      ["gone", /Cancelled/],
      ["unsealed", /Open.*0 of 0/],
    ] as const)
      await row(flow).filter({ hasText: text }).waitFor();
    expect(await violations(page)).toEqual([]);
    await expectToFit(page, "the list of flows");
  });

  test("the page of a running flow shows its graph, what it waits for, and its critical path, and can be used by keyboard", async () => {
    await page.getByRole("link", { name: "slow", exact: true }).click();
    await page.getByRole("heading", { name: "slow" }).waitFor();
    await region("Waits for").getByText("2 nodes, the slowest first").waitFor();
    await region("Waits for")
      .getByRole("listitem")
      .filter({ hasText: /hangs.*Processing.*began/ })
      .waitFor();
    await region("Critical path").getByText("the longest chain that has not ended: 2 nodes").waitFor();
    await region("Callbacks").getByText("Not yet").waitFor();
    const graph = page.getByRole("region", { name: "Graph, scrollable" });
    expect(await graph.getByRole("link").count()).toBe(4);
    expect(await graph.locator(".flow-canvas > svg > path").count()).toBe(5);
    await region("Nodes")
      .getByRole("row")
      .filter({ hasText: /sum.*Waiting.*for 2 nodes.*quick, hangs/ })
      .waitFor();
    await graph.focus();
    await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "slow.quick" }).waitFor();
    await page.goBack();
    await page.getByLabel("State of the nodes").selectOption("waiting");
    await region("Nodes").getByText("1 node loaded").waitFor();
  });

  test("the page of a task leads to its flow, to what it waits for, and to the task because of which it was skipped", async () => {
    const facts = region("Facts");
    await open(page, `${stack.base}/queues/shop/tasks/slow.sum`);
    await page.getByText(/^it waits for 2 of the 3 nodes before it in flow slow: /).waitFor();
    await facts.getByText("waits for 2 nodes").waitFor();
    await open(page, `${stack.base}/queues/shop/tasks/bad.ship`);
    await facts.getByText("skipped by").waitFor();
    await page.getByText(/^it was skipped because of task bad.pay, which is dead/).waitFor();
    expect(await violations(page)).toEqual([]);
    await facts.getByRole("link", { name: "bad.pay" }).click();
    await page.getByRole("heading", { name: "bad.pay" }).waitFor();
    await facts.getByRole("link", { name: "bad", exact: true }).click();
    await page.getByRole("heading", { name: "bad", exact: true }).waitFor();
  });

  test("the screens have no axe violation and fit, in both themes and on a phone", async () => {
    const found: string[] = [];
    for (const width of [1440, 390]) {
      const other = await stack.page({ viewport: { width, height: 844 } });
      await logIn(other, "viv");
      for (const path of [
        "flows",
        "flows/slow",
        "flows/bad",
        "flows/held",
        "flows/gone",
        "flows/unsealed",
        "tasks/bad.ship",
      ]) {
        await open(other, `${stack.base}/queues/shop/${path}`);
        await other.getByRole("heading", { level: 1 }).waitFor();
        const name = `${path}, ${width} px`;
        found.push(...(await violationsInThemes(other)).map((line) => `${name}: ${line}`));
        await expectToFit(other, name);
      }
      await other.context().close();
    }
    expect(found).toEqual([]);
  }, 300_000);

  test("a viewer sees the actions and why they are not allowed", async () => {
    const other = await stack.page();
    await logIn(other, "viv");
    await open(other, `${stack.base}/queues/shop/flows/held`);
    for (const name of ["Cancel flow", "Replay dead nodes"]) {
      const button = other.getByRole("button", { name });
      expect(await button.getAttribute("aria-disabled")).toBe("true");
      await button.press("Enter");
    }
    expect(await other.getByRole("alertdialog").count()).toBe(0);
    expect((await stack.observer.getFlow("shop", "held"))?.cancelRequested).toBe(false);
    await other.context().close();
  });

  test("a flow is cancelled after a confirmation", async () => {
    await open(page, `${stack.base}/queues/shop/flows/held`);
    await page.getByText("holds the nodes behind it: replay or discard it").first().waitFor();
    await page.getByRole("button", { name: "Cancel flow" }).click();
    const dialog = page.getByRole("alertdialog");
    await dialog.getByText("1 node has not ended.").waitFor();
    expect(await violations(page)).toEqual([]);
    await dialog.getByRole("button", { name: "Cancel the flow" }).click();
    await page.locator(".page-head").getByText("Cancelled").waitFor();
    await until("the flow has ended as cancelled", async () => (await outcome("held")) === "cancelled");
    expect(await page.getByRole("button", { name: "Cancel flow" }).isDisabled()).toBe(true);
  });

  test("all dead nodes of a flow can be replayed, and the page shows live that the flow succeeds", async () => {
    await open(page, `${stack.base}/queues/shop/flows/bad`);
    await region("Callbacks").getByText("Did not come").waitFor();
    await page.getByRole("button", { name: "Replay dead nodes" }).click();
    const dialog = page.getByRole("alertdialog", { name: "Replay 1 dead letter" });
    await dialog.getByLabel("Reason").fill("in stock again");
    gate.isMended = true;
    await dialog.getByRole("button", { name: "Replay", exact: true }).click();
    await page.locator(".page-head").getByText("Succeeded").waitFor();
    await region("Callbacks").getByRole("link", { name: "success" }).waitFor();
    await region("Critical path").getByText("what the end waited for: 3 nodes").waitFor();
    expect((await stack.observer.task("shop", "bad.pay"))?.generation).toBe(1);
    expect((await stack.observer.task("shop", "held.dies"))?.state).toBe("dead");
    await open(page, `${stack.base}/audit?queue=shop`);
    await page
      .getByRole("row")
      .filter({ hasText: /Replay dead letters.*bad.*in stock again/ })
      .waitFor();
    await page
      .getByRole("row")
      .filter({ hasText: /Cancel a flow.*held/ })
      .waitFor();
  });

  test("a flow of 10,000 nodes is shown in groups, stays usable, and is shown live until its end", async () => {
    const parts = Array.from({ length: 9_998 }, (_, at) =>
      node(`part-${at}`, at % 3 === 0 ? "order.odd" : "order.even"),
    );
    const last = node("sum", "order.sum", { after: parts.map(({ name }) => name) });
    await stack
      .queue("shop")
      .flow({ id: "large", nodes: [...fanOut(node("first", "slow.first"), parts), last] });
    await open(page, `${stack.base}/queues/shop/flows/large`);
    const graph = page.getByRole("region", { name: "Graph, scrollable" });
    await graph.getByText("6,665 waiting").waitFor();
    await page.getByText("10,000 nodes, folded by layer and type").waitFor();
    expect(await page.locator("*").count()).toBeLessThan(3_000);
    await region("Groups")
      .getByRole("row")
      .filter({ hasText: /2.*order.odd.*3,333 waiting.*part-0/ })
      .waitFor();
    await region("Critical path").getByText("3 nodes").waitFor();
    expect(await violations(page)).toEqual([]);
    await page.getByRole("button", { name: "Cancel flow" }).click();
    const dialog = page.getByRole("alertdialog");
    expect(await dialog.getByRole("button", { name: "Cancel the flow" }).isDisabled()).toBe(true);
    await dialog.getByText("cancel 10000").waitFor();
    await page.keyboard.press("Escape");
    gate.isOpen = true;
    await page.locator(".page-head").getByText("Succeeded").waitFor({ timeout: 60_000 });
    await page.setViewportSize({ width: 390, height: 844 });
    await expectToFit(page, "a folded flow at 390 px");
    expect(await violations(page)).toEqual([]);
    expect(stack.errors).toEqual([]);
  });

  test("a queue with partitions lists its flows, and shows one", async () => {
    await page.setViewportSize({ width: 1440, height: 900 });
    const split = new Queue("split", { redis: stack.redis.url, partitions: 2 });
    await split.flow({ id: "spread", nodes: chain(["a", "b", "c"].map((name) => node(name, "order.step"))) });
    await split.close();
    await open(page, `${stack.base}/queues/split/flows`);
    await page.getByRole("row").filter({ hasText: "spread" }).getByRole("link").first().click();
    await page.getByRole("region", { name: "Graph, scrollable" }).getByText("order.step").first().waitFor();
    expect(await violations(page)).toEqual([]);
  });

  test("the page says that a flow is gone, or that there was none with this id", async () => {
    await page.setViewportSize({ width: 1440, height: 900 });
    await open(page, `${stack.base}/queues/shop/flows/unsealed`);
    await page.getByText("This flow has no nodes yet.").waitFor();
    await stack.observer.configure("shop", { retentionMs: 1 });
    await stack.observer.cancelFlow("shop", "unsealed");
    await page.getByText("This flow is gone:").waitFor();
    await page.goto(`${stack.base}/queues/shop/flows/none`);
    await page.getByRole("alert").getByText(`queue "shop" has no flow "none"`).waitFor();
  });
});
