import { until } from "@holdfast/testing";
import { FatalError, Worker } from "holdfast";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  die,
  drawn,
  executablePath,
  expectToFit,
  open,
  type Stack,
  startStack,
  violations,
} from "./support.ts";

describe.skipIf(!executablePath)(
  "the screens show the real state, in a real browser",
  { timeout: 120_000 },
  () => {
    let stack: Stack;
    let page: Page;

    beforeAll(async () => {
      stack = await startStack({ services: ["janitor"] });
      page = await stack.page();
    });

    afterAll(() => stack?.stop());

    /** Makes dead letters in a queue, and then ends the worker that made them. */
    async function dead(queue: string, count: number): Promise<void> {
      await stack.start("worker", { QUEUES: queue });
      await die(stack, queue, count);
      await stack.end("worker");
    }

    test("shows what other users did to a dead task, and says if a replay or discard had no effect", async () => {
      await dead("acted", 3);
      await open(page, `${stack.base}/queues/acted/tasks/dead-0`);
      await page.getByRole("button", { name: "Replay", exact: true }).waitFor();
      await stack.observer.replay("acted", ["dead-0"]);
      await page.getByText("Pending", { exact: true }).first().waitFor();
      expect(await page.getByRole("button", { name: "Replay", exact: true }).count()).toBe(0);

      // Live updates are on hold, so the page still shows the old state. An action on that state comes too late.
      await open(page, `${stack.base}/queues/acted/tasks/dead-1`);
      await page.getByRole("button", { name: "Hold live updates" }).click();
      await stack.observer.replay("acted", ["dead-1"]);
      await page.getByRole("button", { name: "Replay", exact: true }).click();
      await page.getByText("Nothing was replayed").waitFor();
      await page.getByText(/is no longer a dead letter/).waitFor();
      expect(await page.getByText(/0 dead letters/).count()).toBe(0);
      await page.getByText("Pending", { exact: true }).first().waitFor();

      await open(page, `${stack.base}/queues/acted/tasks/dead-2`);
      await page.getByRole("button", { name: "Discard" }).waitFor();
      await stack.observer.discard("acted", ["dead-2"]);
      await page.getByText("This task is gone:").waitFor();
      await page.getByRole("heading", { name: "dead-2" }).waitFor();
      expect(await page.getByRole("button", { name: "Discard" }).count()).toBe(0);
      expect(await violations(page)).toEqual([]);
    });

    test("says that an operation moved no task if all tasks were gone before it began", async () => {
      await dead("vain", 1);
      const replay = await fetch(`${stack.base}/v1/queues/vain/dead-letters/replay`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ filter: { type: "nothing.such" }, ratePerSecond: 5 }),
      });
      expect(replay.status).toBe(202);
      await open(page, `${stack.base}/operations`);
      await page.getByRole("row").getByText("nothing was replayed").waitFor();
    });

    test("shows the wait of a replayed task since its replay", async () => {
      await dead("waits", 1);
      const { endedAt } = (await stack.observer.task("waits", "dead-0")) ?? {};
      // The task stays dead for this time. A page that counted the wait from the death of the task would show a wait
      // that is longer by this time.
      const pauseMs = 3_000;
      await until("the task has been dead for a while", async () => {
        const { at } = await stack.observer.stats("waits");
        return at - (endedAt ?? at) > pauseMs;
      });
      await stack.observer.replay("waits", ["dead-0"]);
      await stack.start("worker", { QUEUES: "waits" });
      await until("the task has died again", async () => {
        const task = await stack.observer.task("waits", "dead-0");
        return task?.state === "dead" && task.generation === 1;
      });
      const task = await stack.observer.task("waits", "dead-0");
      const waitedMs = (task?.history.at(-1)?.startedAt ?? 0) - (task?.replays[0]?.at ?? 0);
      await open(page, `${stack.base}/queues/waits/tasks/dead-0`);
      const attempts = page.getByRole("region", { name: "Attempts" });
      await attempts.getByText("Replayed", { exact: true }).waitFor();
      const shown = await attempts.getByText(/waited since the replay/).textContent();
      const wanted =
        waitedMs < 1_000 ? `${waitedMs} ms` : waitedMs < 10_000 ? `${(waitedMs / 1_000).toFixed(1)} s` : "";
      expect(shown).toContain(`waited since the replay ${wanted}`);
    });

    test("every screen shows the same time to drain as the API", async () => {
      // The rate is low, so that the operation runs long enough to be observed.
      await stack
        .queue("drains")
        .enqueueMany(Array.from({ length: 4_000 }, () => ({ type: "demo.sleep", payload: { ms: 40 } })));
      await open(page, `${stack.base}/queues/drains`);
      const tile = page.locator(".tile").filter({ hasText: "Time to drain" }).locator("dd").first();
      await until(
        "the screen says that the queue stands",
        async () => (await tile.textContent())?.startsWith("stands") === true,
      );
      await page.getByRole("link", { name: "Overview" }).first().click();
      const row = page
        .getByRole("row")
        .filter({ has: page.getByRole("link", { name: "drains", exact: true }) });
      await row.getByText("stands", { exact: true }).waitFor();
      await stack.start("worker", { QUEUES: "drains", WORKER_CONCURRENCY: "4" });
      await row
        .getByText(/^\d+ (s|min|h)/)
        .first()
        .waitFor();
      // Live updates are on hold, so that both screens show the same moment.
      await page.getByRole("button", { name: "Hold live updates" }).click();
      const cell = row.locator(".cell").nth(7);
      const onOverview = (await cell.locator("span").last().textContent()) ?? "";
      await row.getByRole("link", { name: "drains", exact: true }).click();
      await page.getByRole("heading", { name: "drains", exact: true }).waitFor();
      expect(onOverview).toMatch(/^\d/);
      expect((await tile.textContent())?.startsWith(onOverview)).toBe(true);
      await stack.end("worker");
    });

    test("shows who paused a queue, when and why", async () => {
      await stack.queue("held").enqueue("demo.echo", 1);
      await stack.observer.pause("held", "vendor outage \u202e", "ana@example.com");
      await open(page, `${stack.base}/queues/held`);
      const banner = page.getByRole("status").filter({ hasText: "Workers finish their tasks" });
      expect((await banner.textContent()) ?? "").toMatch(
        /^Paused by ana@example\.com, (just now|\d+ s ago): vendor outage/,
      );
      expect(await banner.locator("time").getAttribute("datetime")).toBe(
        new Date((await stack.observer.stats("held")).pausedAt ?? 0).toISOString(),
      );
      expect(await banner.locator("[data-code='U+202E']").count()).toBe(1);
      await page.getByRole("button", { name: "Resume" }).click();
      await page.getByRole("button", { name: "Pause", exact: true }).click();
      await page.getByRole("button", { name: "Pause queue" }).click();
      await banner.getByText("anonymous").waitFor();
    });

    test("reveals the hidden characters of a payload, and keeps every character", async () => {
      const payload = { to: "admin\u202e\u2066", list: ["\u05d0\u05d1", 1, "\u05d2"], zero: "a\u200bb" };
      await stack.queue("hides").enqueue("t", payload, { id: "bidi" });
      await open(page, `${stack.base}/queues/hides/tasks/bidi`);
      const payloadPart = page.getByRole("region", { name: "Payload" });
      await payloadPart.getByRole("radio", { name: "Exact" }).click();
      const text = payloadPart.locator("pre");
      expect(await text.textContent()).toBe(JSON.stringify(payload));
      expect(
        await text.locator(".code-point").evaluateAll((marks) => marks.map((mark) => mark.dataset.code)),
      ).toEqual(["U+202E", "U+2066", "U+200B"]);
      // The parts have to be displayed from left to right, in the order in which they are read.
      const places = await page.evaluate<[string, number][]>(PLACES);
      const leftOf = (part: string) => places.find(([text]) => text.includes(part))?.[1] ?? Number.NaN;
      expect(leftOf("\u05d0\u05d1")).toBeLessThan(leftOf('",1,"'));
      expect(leftOf('",1,"')).toBeLessThan(leftOf("\u05d2"));
      await page.evaluate(
        "getSelection().selectAllChildren(document.querySelector('section[aria-label=Payload] pre'))",
      );
      expect(await page.evaluate("getSelection().toString()")).toBe(JSON.stringify(payload));
    });

    test("shows hidden characters in the editor of a replay too", async () => {
      const worker = new Worker(
        "edits",
        {
          t: () => {
            throw new FatalError("never");
          },
        },
        { redis: stack.redis.url },
      );
      await worker.start();
      await stack.queue("edits").enqueue("t", { to: "admin\u202e" }, { id: "bidi" });
      await until("the task is dead", async () => (await stack.observer.stats("edits")).dead === 1);
      await worker.stop();
      await open(page, `${stack.base}/queues/edits/tasks/bidi`);
      await page.getByRole("button", { name: "Edit and replay" }).click();
      await page.getByLabel("Payload before").locator("[data-code='U+202E']").waitFor();
      await page.getByLabel("Payload after").locator("[data-code='U+202E']").waitFor();
      expect(await violations(page)).toEqual([]);
    });

    test("no time is cut off, at any width and in any format", async () => {
      await dead("times", 3);
      await stack.queue("times").enqueue("demo.echo", 1, { id: "waiting" });
      await fetch(`${stack.base}/v1/schedules/often`, {
        method: "PUT",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ queue: "times", cron: "*/5 * * * *", type: "demo.echo" }),
      });
      const paths = [
        "/queues/times/tasks",
        "/queues/times/tasks?state=dead",
        "/queues/times/dead-letters",
        "/queues/times/dead-letters?view=groups",
        "/errors",
        "/queues/times/tasks/dead-0",
        "/schedules",
        "/operations",
        "/audit",
        "/workers",
      ];
      for (const mode of ["utc", "local"]) {
        const page = await stack.page();
        await page.addInitScript(`localStorage.setItem("holdfast.time", "${mode}")`);
        // The screens are loaded at the first width, and in the layout for phones.
        for (const [loadedAt, ...narrower] of [[1440, 1280, 1024, 800], [390]]) {
          for (const path of paths) {
            await page.setViewportSize({ width: Number(loadedAt), height: 900 });
            await open(page, stack.base + path);
            for (const width of [Number(loadedAt), ...narrower]) {
              await page.setViewportSize({ width, height: 900 });
              await drawn(page);
              const where = `${path} at ${width} px, ${mode}`;
              expect([where, await page.evaluate<string[]>(CUT_TIMES)]).toEqual([where, []]);
              await expectToFit(page, where);
            }
          }
        }
        await page.context().close();
      }
    }, 300_000);

    test("marks the field that the service refused, which is the time zone and not the expression", async () => {
      await open(page, `${stack.base}/schedules`);
      await page.getByRole("button", { name: "New schedule" }).first().click();
      const dialog = page.getByRole("dialog");
      const invalid = (label: string) => dialog.getByLabel(label).getAttribute("aria-invalid");
      await dialog.getByLabel("Time zone").fill("Mars/Base");
      await dialog.getByText('"Mars/Base" is not a time zone').waitFor();
      expect([await invalid("Time zone"), await invalid("Cron expression")]).toEqual(["true", null]);
      await dialog.getByLabel("Time zone").fill("UTC");
      await dialog.getByLabel("Cron expression").fill("61 * * * *");
      await dialog.getByText(/is not a cron expression/).waitFor();
      expect([await invalid("Time zone"), await invalid("Cron expression")]).toEqual([null, "true"]);
    });

    test("the page wrote no error to the console, except for the refused requests", () => {
      const expected = /status of (422 .*\/v1\/schedules\/preview|404 .*\/tasks\/dead-2)$/;
      expect(stack.errors.filter((text) => !expected.test(text.replace(/ \([^)]*\)/, "")))).toEqual([]);
    });
  },
);

/** A script for the browser. It finds times whose text is cut off. */
const CUT_TIMES = `[...document.querySelectorAll("time")]
  .filter((time) => {
    const own = time.getBoundingClientRect();
    for (let around = time.parentElement; own.width > 0 && around; around = around.parentElement) {
      const { overflowX } = getComputedStyle(around);
      const edge = around.getBoundingClientRect();
      const cuts = overflowX === "hidden" || overflowX === "clip" || around.classList.contains("cell");
      if (cuts && (own.right > edge.right + 1 || own.bottom > edge.bottom + 1)) return true;
    }
    return false;
  })
  .map((time) => time.textContent)`;

/** A script for the browser. It finds each piece of the payload's text, with its distance from the left edge. */
const PLACES = `(() => {
  const found = [];
  const walker = document.createTreeWalker(
    document.querySelector("section[aria-label=Payload] pre"),
    NodeFilter.SHOW_TEXT,
  );
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const range = document.createRange();
    range.selectNodeContents(node);
    found.push([node.textContent, range.getBoundingClientRect().left]);
  }
  return found;
})()`;
