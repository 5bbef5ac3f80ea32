import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { until } from "@holdfast/testing";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import {
  type HandlerKilled,
  type IsolatedHandlers,
  type IsolationOptions,
  isolated,
  type TaskOptions,
  type WorkerOptions,
} from "../../src/index.ts";
import { testWorker } from "../../src/testing/index.ts";
import { setupSystem } from "../worker/harness.ts";

const ABANDON = fileURLToPath(new URL("./abandon.mjs", import.meta.url));
const MODULE = new URL("./handlers.mjs", import.meta.url);
const folder = mkdtempSync(join(tmpdir(), "holdfast-isolation-"));
const open: IsolatedHandlers[] = [];
let files = 0;

const newFile = () => join(folder, String(++files));
const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    // A zombie process still accepts signals, until its parent has read its exit code. It counts as ended.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};
const said = async (file: string) => {
  await until(`${file} is written`, () => existsSync(file) && readFileSync(file, "utf8") !== "");
  return readFileSync(file, "utf8");
};

afterAll(() => rmSync(folder, { recursive: true, force: true }));
afterEach(async () => {
  const pools = open.splice(0);
  const pids = pools.flatMap((pool) => pool.pids);
  await Promise.all(pools.map((pool) => pool.close()));
  expect(pids.filter(alive)).toEqual([]);
});

async function setup(isolation: IsolationOptions = {}, options: Partial<WorkerOptions> = {}) {
  const pool = await isolated(MODULE, isolation);
  open.push(pool);
  const system = await setupSystem();
  const watched = await system.started("work", pool.handlers, {
    concurrency: isolation.processes ?? 4,
    maxRetries: 0,
    ...options,
  });
  const queue = system.queue();
  const enqueue = async (type: string, payload: unknown = null, own?: TaskOptions) =>
    (await queue.enqueue(type, payload, own)).id;
  const run = async (type: string, payload: unknown = null, own?: TaskOptions) => {
    const task = await queue.result(await enqueue(type, payload, own), { waitMs: 20_000 });
    if (!task) throw new Error(`${type} did not end`);
    return task;
  };
  return { system, pool, queue, enqueue, run, ...watched };
}

describe("messages between worker and child", () => {
  test("payload and result keep their bytes", async () => {
    const { queue, run } = await setup();
    const text = '{ "n": 12345678901234567890, "s": "\\ud800", "e": [ ], "u": "žluť \u2028" }';
    const { id } = await queue.enqueueText("bytes", text);
    expect((await queue.result(id))?.resultText).toBe(text);
    expect((await run("value", { a: [1] })).resultText).toBe('{"read":{"a":[1]}}');
    expect((await run("nothing")).resultText).toBe(null);
  });

  test("a handler runs in another process, and the next handler in the same one", async () => {
    const { run, pool } = await setup();
    const first = await run("pid");
    expect(Number(first.resultText)).not.toBe(process.pid);
    expect((await run("pid")).resultText).toBe(first.resultText);
    expect(pool.pids).toEqual([Number(first.resultText)]);
  });

  test("context, progress and log are sent, and a value that cannot be stored is reported", async () => {
    const { run, queue, errors } = await setup();
    const task = await run("context", null, { tags: ["a"] });
    expect(JSON.parse(task.resultText ?? "")).toEqual({
      id: task.id,
      queue: "work",
      type: "context",
      tags: ["a"],
      attempt: 1,
      token: expect.stringMatching(/^1-/),
    });
    const view = await queue.get(task.id);
    expect(view?.progress).toBe('{"done":3}');
    expect(JSON.stringify(view?.log)).toContain("one line");
    expect(await run("badProgress")).toMatchObject({ state: "completed" });
    expect(errors).toMatchObject([
      { code: "invalid_argument", message: expect.stringContaining("the progress has no JSON form") },
    ]);
  });

  test("a checkpoint is kept for the next attempt, read by it, and refused with a code", async () => {
    const { run } = await setup();
    const task = await run("keeps", 5);
    expect(task).toMatchObject({ attempts: 1, checkpointBytes: 13 });
    expect(JSON.parse(task.resultText ?? "")).toEqual({
      before: { attempt: 1 },
      refused: "invalid_argument",
    });
  });

  test("errors keep name, message and stack; FatalError is dead at once, RetryAfter chooses the wait", async () => {
    const { run, enqueue, queue, settled } = await setup({}, { maxRetries: 3 });
    const failed = await run("fails", null, { maxRetries: 0 });
    expect(failed.lastError).toMatch(/PaymentError: card refused\n.*handlers\.mjs/);
    expect((await run("text", null, { maxRetries: 0 })).lastError).toBe("only text");
    const fatal = await run("fatal");
    expect(fatal).toMatchObject({ state: "dead", attempts: 1, deadReason: "fatal" });
    const id = await enqueue("later");
    await until("the retry is scheduled", async () => (await queue.get(id))?.state === "scheduled");
    await until("the worker has reported the attempt", () => settled.some(({ task }) => task.id === id));
    expect(settled.find(({ task }) => task.id === id)?.error).toMatchObject({
      name: "RetryAfter",
      delayMs: 12_345,
    });
  });

  test("a result that is too large does not undo the work", async () => {
    const { run, errors } = await setup();
    const big = await run("big");
    expect(big).toMatchObject({ state: "completed", resultText: null });
    expect(errors).toMatchObject([{ code: "payload_too_large", taskId: big.id }]);
  });

  test("a result without a JSON form is a fatal failure", async () => {
    const { run } = await setup({}, { maxRetries: 3 });
    expect(await run("circular")).toMatchObject({
      state: "dead",
      deadReason: "fatal",
      attempts: 1,
      lastError: expect.stringContaining("FatalError: the result has no JSON form: Converting circular"),
    });
  });
});

describe("a child that misbehaves is killed alone", () => {
  /** Starts an attempt that runs in another child during the whole test, to show that this child is not affected. */
  async function neighbour(enqueue: (type: string, payload: unknown) => Promise<string>) {
    const [file, gate] = [newFile(), newFile()];
    const id = await enqueue("waits", { file, open: gate });
    await said(file);
    return { id, release: () => writeFileSync(gate, "") };
  }

  test("an infinite loop blocks its own child until the time-out; other tasks continue, and their leases are kept", async () => {
    const { enqueue, run, queue, settled } = await setup(
      { processes: 3, killAfterMs: 60_000 },
      { leaseMs: 600 },
    );
    const beside = await neighbour(enqueue);
    const file = newFile();
    const id = await enqueue("spin", { file }, { timeoutMs: 2_500 });
    const pid = Number(await said(file));
    // The handler runs for longer than the lease, and blocks the event loop of the child. Only the parent can extend
    // the lease.
    for (let n = 0; n < 20; n++) expect((await run("value", n)).state).toBe("completed");
    const task = await queue.result(id, { waitMs: 10_000 });
    expect(task).toMatchObject({ state: "dead", attempts: 1, crashes: 0 });
    expect(task?.lastError).toContain("timed out after 2500 ms");
    await until("the child process has ended", () => !alive(pid));
    beside.release();
    expect(await queue.result(beside.id)).toMatchObject({ state: "completed", attempts: 1, crashes: 0 });
    expect(settled.map(({ outcome }) => outcome)).not.toContain("stale");
  });

  test.each([
    ["eatHeap", "heap"],
    ["eatBuffers", "buffers outside of the heap"],
  ])("%s: the child is killed for its %s, and the task is retried", async (type) => {
    const { enqueue, run, queue, settled } = await setup(
      { processes: 2, memoryMb: 128 },
      { backoff: { baseMs: 10, maxMs: 10 } },
    );
    const beside = await neighbour(enqueue);
    const task = await run(type, null, { maxRetries: 1 });
    expect(task).toMatchObject({ state: "dead", attempts: 2, crashes: 0 });
    expect(task.lastError).toMatch(/^HandlerKilled: .*(heap of its process was full at|more than) 128 MB/);
    const own = () => settled.filter(({ task }) => task.type === type);
    await until("both attempts were told", () => own().length === 2);
    expect(own().map(({ error }) => (error as HandlerKilled).reason)).toEqual(["memory", "memory"]);
    beside.release();
    expect(await queue.result(beside.id)).toMatchObject({ state: "completed", attempts: 1 });
  });

  test("the error of the attempt names process.exit or the uncaught error", async () => {
    const { enqueue, run, queue } = await setup({ processes: 2 });
    const beside = await neighbour(enqueue);
    expect((await run("exit")).lastError).toBe(
      "HandlerKilled: its process ended with code 3 before the handler did",
    );
    expect((await run("uncaught")).lastError).toMatch(
      /^HandlerKilled: its process ended .*uncaughtException: TypeError: thrown where nobody awaits/,
    );
    expect((await run("value", 1)).state).toBe("completed");
    beside.release();
    expect((await queue.result(beside.id))?.state).toBe("completed");
  });

  test("a kill from outside is a failure of the attempt, not a crash of the worker", async () => {
    const { enqueue, queue } = await setup();
    const file = newFile();
    const id = await enqueue("ignores", { file });
    process.kill(Number(await said(file)), "SIGKILL");
    expect(await queue.result(id)).toMatchObject({
      state: "dead",
      crashes: 0,
      lastError: "HandlerKilled: its process ended by SIGKILL before the handler did",
    });
  });

  test("processes that the handler started are killed with it", async () => {
    const { enqueue } = await setup();
    const file = newFile();
    await enqueue("grandchild", { file }, { timeoutMs: 1_500 });
    const pid = Number(await said(file));
    expect(alive(pid)).toBe(true);
    await until("the process that the handler started has ended", () => !alive(pid));
  });
});

describe("an abort", () => {
  test("reaches the signal in the child, and a handler that obeys the signal is not killed", async () => {
    const { enqueue, queue, pool } = await setup({ killAfterMs: 60_000 }, { leaseMs: 600 });
    const [file, heard] = [newFile(), newFile()];
    const id = await enqueue("heeds", { file, heard });
    const pid = Number(await said(file));
    expect(await queue.cancel(id)).toBe("requested");
    expect(await said(heard)).toBe("cancelled");
    await until("the task has ended", async () => (await queue.get(id))?.state !== "processing");
    expect(pool.pids).toEqual([pid]);
  });

  test("kills a handler that continues after the grace", async () => {
    const { enqueue, queue, settled } = await setup({ killAfterMs: 200 }, { leaseMs: 600 });
    const file = newFile();
    const id = await enqueue("ignores", { file });
    const pid = Number(await said(file));
    await queue.cancel(id);
    await until("the task is cancelled", async () => (await queue.get(id))?.state === "cancelled");
    await until("the child process has ended", () => !alive(pid));
    await until("the worker has reported the attempt", () => settled.length > 0);
    expect(settled[0]?.error).toMatchObject({ name: "HandlerKilled", reason: "aborted" });
  });
});

describe("the processes", () => {
  test("end when the handlers are closed, whatever runs in them", async () => {
    const { enqueue, worker, pool, queue } = await setup({ processes: 3 });
    const [spinning, waiting] = [newFile(), newFile()];
    const ids = [await enqueue("spin", { file: spinning }), await enqueue("ignores", { file: waiting })];
    const pids = [Number(await said(spinning)), Number(await said(waiting))];
    await worker.stop({ graceMs: 50 });
    await pool.close();
    expect(pids.filter(alive)).toEqual([]);
    expect(pool.pids).toEqual([]);
    for (const id of ids)
      expect(await queue.get(id)).toMatchObject({ state: "pending", attempts: 0, releases: 1 });
  });

  test("a child whose handler never ends is ended when its worker is killed", async () => {
    const file = newFile();
    const parent = spawn(process.execPath, [ABANDON, file], { stdio: "ignore" });
    const pid = Number(await said(file));
    expect(alive(pid)).toBe(true);
    parent.kill("SIGKILL");
    await until("the child process has ended", () => !alive(pid));
  });

  test("run one attempt at a time, never more processes than allowed", async () => {
    const { enqueue, queue, pool } = await setup({ processes: 2 }, { concurrency: 6 });
    const gates = Array.from({ length: 6 }, () => ({ file: newFile(), open: newFile() }));
    const ids = await Promise.all(gates.map((gate) => enqueue("waits", gate)));
    const started = () => gates.filter(({ file }) => existsSync(file)).length;
    await until("two tasks run", () => started() === 2);
    expect(pool.pids).toHaveLength(2);
    for (const { open } of gates) writeFileSync(open, "");
    for (const id of ids) expect((await queue.result(id))?.state).toBe("completed");
    expect(pool.pids).toHaveLength(2);
  });

  test("end after their number of attempts and after idle time", async () => {
    const { run, pool } = await setup({ recycleAfter: 2, idleMs: 1_000 });
    const pids = [];
    for (let n = 0; n < 4; n++) pids.push((await run("pid")).resultText);
    expect(pids[1]).toBe(pids[0]);
    expect(pids[2]).not.toBe(pids[0]);
    await until("all child processes have ended", () => pool.pids.length === 0);
    expect((await run("pid")).state).toBe("completed");
  });

  test("the options of a handler reach its worker, and a prefix runs in the child", async () => {
    const file = join(folder, "options.mjs");
    writeFileSync(
      file,
      `export const handlers = { "a.*": { handler: ({ type }) => type, maxRetries: 0, timeoutMs: 900 }, b: () => 1 };`,
    );
    const pool = await isolated(file, { processes: 1 });
    try {
      expect(pool.handlers).toMatchObject({
        "a.*": { handler: expect.any(Function), maxRetries: 0, timeoutMs: 900 },
        b: expect.any(Function),
      });
      expect(await testWorker(pool.handlers).run("a.x", 0)).toMatchObject({ result: "a.x" });
    } finally {
      await pool.close();
    }
    const inside = join(folder, "function.mjs");
    writeFileSync(inside, `export const handlers = { a: { handler() {}, isFailure: () => false } };`);
    await expect(isolated(inside)).rejects.toThrow(
      'isFailure of "a" is a function, which cannot be used from a child process: give it to the worker',
    );
  });

  test("a module with a batch handler is refused, and the error says where it runs", async () => {
    const batches = join(folder, "batches.mjs");
    const library = fileURLToPath(new URL("../../dist/index.js", import.meta.url));
    writeFileSync(
      batches,
      `import { batch } from "${library}"; export const handlers = { row: batch({ max: 5 }, () => {}) };`,
    );
    await expect(isolated(batches)).rejects.toThrow(
      /"row" is a batch handler, which cannot run in child processes.*HANDLER_ISOLATION=none/,
    );
  });

  test("a module that does not load, and an option out of range, are refused", async () => {
    await expect(isolated(join(folder, "none.mjs"))).rejects.toMatchObject({
      code: "invalid_argument",
      message: expect.stringContaining("none.mjs does not load"),
    });
    await expect(isolated(MODULE, { memoryMb: 1 })).rejects.toThrow("memoryMb has to be");
    await expect(isolated([MODULE, MODULE])).rejects.toThrow(/"pid" has a handler in .* and another one in /);
    const silent = join(folder, "silent.mjs");
    writeFileSync(silent, "await new Promise(() => setInterval(() => {}, 1_000));");
    await expect(isolated(silent, { startMs: 300 })).rejects.toThrow("within 300 ms");
  });
});
