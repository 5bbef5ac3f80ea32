import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "@holdfast/testing";
import { afterAll, afterEach, expect, test } from "vitest";
import { type System, setupSystem } from "../worker/harness.ts";

const WORKER = fileURLToPath(new URL("./worker.mjs", import.meta.url));
const PRELOAD = fileURLToPath(new URL("./preload.cjs", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "holdfast-heartbeat-"));
const children: ChildProcess[] = [];
let runs = 0;

afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

interface Told {
  started?: true;
  refused?: string;
  message?: string;
  afterMs?: number;
  error?: string;
  ran?: string;
  aborted?: string;
  settled?: string;
  outcome?: string;
}

/** @param fate what each heartbeat thread does: see preload.cjs */
function workerProcess(system: System, fate: string, settings: object = {}) {
  const count = join(folder, `threads-${++runs}`);
  const child = spawn(
    process.execPath,
    [WORKER, JSON.stringify({ redis: system.url, prefix: system.prefix, ...settings })],
    {
      stdio: ["ignore", "pipe", "pipe"],
      env: {
        ...process.env,
        NODE_OPTIONS: `--require ${PRELOAD}`,
        THREAD_FATE: fate,
        THREAD_COUNT: count,
        THREAD_END: `${count}-end`,
      },
    },
  );
  children.push(child);
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const exited = new Promise<number | null>((resolve) => child.once("close", (code) => resolve(code)));
  const told = (): Told[] =>
    output
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line));
  return {
    child,
    exited,
    told,
    printed: () => errors,
    endThread: () => writeFileSync(`${count}-end`, ""),
    threads: () => readFileSync(count, "utf8").length,
    untilTold: (what: string, matches: (told: Told) => boolean) =>
      until(what, () => told().some(matches), 20_000),
  };
}

test("a worker whose heartbeat thread cannot begin does not start, says why, and has acquired nothing", async () => {
  const system = await setupSystem();
  const { id } = await system.queue().enqueue("t", null);
  const { exited, told } = workerProcess(system, "throw");
  expect(await exited).toBe(0);
  expect(told()).toEqual([
    {
      refused: "heartbeat_failed",
      message: "the heartbeat thread ended: a preload that fails in threads",
      afterMs: expect.any(Number),
    },
  ]);
  expect(told()[0]?.afterMs).toBeLessThan(5_000);
  expect(await system.queue().get(id)).toMatchObject({ state: "pending", attempts: 0 });
});

test("when a thread ends, another one replaces it and keeps the leases of running tasks", async () => {
  const system = await setupSystem();
  const { id } = await system.queue().enqueue("t", null);
  const { threads, told, untilTold, endThread } = workerProcess(system, "end,live", {
    runMs: 8_000,
    options: { leaseMs: 3_000 },
  });
  await untilTold("the task runs", ({ ran }) => ran === id);
  // The task has already run for longer than a lease. A new thread must not take its start for the start of the lease
  // and give it up.
  await new Promise((resolve) => setTimeout(resolve, 3_500));
  endThread();
  await untilTold("the task ends", (what) => what.settled === id);
  expect(threads()).toBe(2);
  expect(told().filter(({ aborted }) => aborted)).toEqual([]);
  expect(told().filter(({ error }) => error)).toEqual([
    { error: "internal", message: "the heartbeat thread ended: with code 3. Another thread begins" },
  ]);
  expect(await system.queue().get(id)).toMatchObject({ state: "completed", attempts: 1, crashes: 0 });
});

test("a worker acquires nothing while no thread sends heartbeats", async () => {
  const system = await setupSystem();
  const { threads, told, untilTold, endThread } = workerProcess(system, "end,hang:4000,live");
  await untilTold("the worker is started", ({ started }) => started === true);
  endThread();
  await untilTold("the thread is gone", ({ error }) => error === "internal");
  await until(
    "no request waits for a grant",
    async () => !(await system.redis.hexists(system.keys().state, "#parked")),
  );
  const { id } = await system.queue().enqueue("t", null);
  await until("the next thread begins", () => threads() === 2);
  // The thread hangs for four seconds. In this time the worker would poll every 50 ms if it could.
  const from = performance.now();
  while (performance.now() - from < 1_500) {
    expect(await system.queue().get(id)).toMatchObject({ state: "pending", attempts: 0 });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  await untilTold("the task runs once the thread sends heartbeats", ({ settled }) => settled === id);
  expect(told().filter(({ ran }) => ran)).toHaveLength(1);
});

test("a worker whose threads keep ending hands back its tasks, stops and reports it", async () => {
  const system = await setupSystem();
  const { id } = await system.queue().enqueue("t", null);
  const { exited, told, threads, untilTold, endThread } = workerProcess(system, "end", {
    runMs: 600_000,
    options: { leaseMs: 3_000 },
  });
  await untilTold("the task runs", ({ ran }) => ran === id);
  endThread();
  expect(await exited).toBe(0);
  expect(threads()).toBe(3);
  expect(
    told()
      .filter(({ error }) => error)
      .at(-1),
  ).toEqual({
    error: "heartbeat_failed",
    message: expect.stringContaining("so this worker stops"),
  });
  expect(told().filter(({ aborted }) => aborted)).toMatchObject([{ aborted: id, reason: "shutdown" }]);
  expect(await system.queue().get(id)).toMatchObject({ state: "pending", attempts: 0, releases: 1 });
});

test("a worker without a listener of `error` prints that it stops", async () => {
  const system = await setupSystem();
  const { exited, printed, untilTold, endThread } = workerProcess(system, "end", { listens: false });
  await untilTold("the worker is started", ({ started }) => started === true);
  endThread();
  expect(await exited).toBe(0);
  expect(printed()).toContain("so this worker stops");
});
