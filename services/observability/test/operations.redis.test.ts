import { until } from "@holdfast/testing";
import { FatalError, type TaskView, Worker } from "holdfast";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Running, startRunning } from "./running.ts";

const CARD = "4929130020415581";

let running: Running;
const workers: Worker[] = [];
let queues = 0;

beforeAll(async () => {
  running = await startRunning({ env: { MASKED_POINTERS: "/card" } });
  await until("the service is ready", async () => (await running.call("GET", "/readyz")).status === 200);
});
afterEach(async () => {
  await Promise.all(workers.splice(0).map((worker) => worker.stop({ graceMs: 1_000 })));
});
afterAll(async () => running.stop());

async function worker(queue: string, handlers: ConstructorParameters<typeof Worker>[1]): Promise<Worker> {
  const made = new Worker(queue, handlers, { redis: running.redis.url, concurrency: 50 });
  workers.push(made);
  await made.start();
  return made;
}

/** Makes dead letters in a new queue. Each error contains a different number. */
async function deadLetters(count: number, type = "test.fatal"): Promise<string> {
  const queue = `operated-${++queues}`;
  for (let from = 0; from < count; from += 500) {
    const tasks = Array.from({ length: Math.min(500, count - from) }, (_, i) => ({
      type,
      payload: { n: from + i, card: CARD },
    }));
    expect((await post(queue, "tasks/batch", tasks)).status).toBe(207);
  }
  const killer = await worker(queue, {
    [type]: (task) => {
      throw new FatalError(`no ${(task.payload as { n: number }).n}`);
    },
  });
  await until("all tasks are dead", async () => (await stats(queue)).dead === count, 60_000);
  await killer.stop();
  return queue;
}

const post = (queue: string, path: string, body: unknown) =>
  running.call("POST", `/v1/queues/${queue}/${path}`, body);
const get = async (path: string) => (await running.call("GET", path)).json();
const stats = (queue: string) => get(`/v1/queues/${queue}`);
const tasksOf = async (queue: string, query: string) =>
  (await get(`/v1/queues/${queue}/tasks?${query}`)).tasks as unknown as TaskView[];
const control = (id: unknown, verb: string) => running.call("POST", `/v1/operations/${id}/${verb}`);

test("within ten minutes a discard can be undone once, and each task keeps its history", async () => {
  const queue = await deadLetters(620);
  const before = await tasksOf(queue, "state=dead&limit=100");
  const discard = (await post(queue, "dead-letters/discard", { all: true, reason: "noise" })).json();
  const ended = await running.operation(String(discard.id));
  expect(ended).toMatchObject({ state: "succeeded", result: { discarded: 620 }, undoneAt: null });
  expect(ended.undoUntil).toBe((ended.endedAt as number) + 600_000);
  expect(await stats(queue)).toMatchObject({ dead: 0, totals: { purged: 620 } });

  const undo = await control(discard.id, "undo");
  expect(undo.status).toBe(202);
  const restored = await running.operation(String(undo.json().id));
  expect(restored).toMatchObject({ kind: "restore", state: "succeeded", undoes: discard.id });
  expect(restored.result).toEqual({ restored: 620 });
  expect(await stats(queue)).toMatchObject({ dead: 620, totals: { purged: 0 } });
  expect(await tasksOf(queue, "state=dead&limit=100")).toEqual(before);
  expect((await get(`/v1/operations/${discard.id}`)).undoneAt).toEqual(expect.any(Number));
  expect((await control(discard.id, "undo")).status).toBe(409);
  const { records } = await get(`/v1/audit?queue=${queue}&action=operation.undo`);
  expect(records).toMatchObject([
    { outcome: "refused", code: "conflict" },
    { outcome: "succeeded", count: 620 },
    { outcome: "accepted" },
  ]);
});

test("a small discard answers at once and can be undone too", async () => {
  const queue = await deadLetters(3);
  const [first] = await tasksOf(queue, "state=dead&limit=1");
  const discard = (await post(queue, "dead-letters/discard", { ids: [first?.id, "nobody"] })).json();
  expect(discard).toMatchObject({
    discarded: 1,
    skipped: 1,
    results: [{ outcome: "discarded" }, { outcome: "not_found" }],
  });
  const failures = await get(`/v1/operations/${discard.operationId}/failures`);
  expect(failures).toMatchObject({ failures: [{ id: "nobody", code: "not_found" }], cursor: null, total: 1 });
  await running.operation(String((await control(discard.operationId, "undo")).json().id));
  expect((await stats(queue)).dead).toBe(3);
});

test("if one task of the canary fails, the replay stops and says which task failed and why", async () => {
  const queue = await deadLetters(30);
  await worker(queue, {
    "test.fatal": () => {
      throw new FatalError(`still broken: ${CARD}`);
    },
  });
  const canary = { size: 5, waitMs: 20_000 };
  const replay = (await post(queue, "dead-letters/replay", { all: true, canary })).json();
  const ended = await running.operation(String(replay.id));
  expect(ended).toMatchObject({ state: "failed", done: 5, canary: { state: "stopped", size: 5 } });
  // Viewers can see operations too. So the error of the operation is masked like the errors of its tasks.
  expect(ended.error).toContain("still broken: ***");
  const told = JSON.stringify([ended, await get(`/v1/operations/${replay.id}/failures`)]);
  expect(told).not.toContain(CARD);
  expect(await stats(queue)).toMatchObject({ dead: 30, totals: { replayed: 5 } });
  expect((await get(`/v1/operations/${replay.id}/failures`)).failures).toContainEqual(
    expect.objectContaining({ code: "canary_failed" }),
  );
  // The five tasks of the canary (the trial before the rest of a replay) have died again, and the lists show that.
  expect((await tasksOf(queue, "state=dead&limit=100")).filter((task) => task.diedAgain)).toHaveLength(5);
  expect(await get(`/v1/queues/${queue}/errors`)).toMatchObject({ dead: 30, other: [] });
});

test("if the canary passes, the other tasks are replayed, and tasks that die again are not replayed twice", async () => {
  const queue = await deadLetters(60);
  await worker(queue, {
    "test.fatal": (task) => {
      if ((task.payload as { n: number }).n >= 50) throw new FatalError("no again");
    },
  });
  const canary = { size: 5, waitMs: 20_000 };
  const replay = (await post(queue, "dead-letters/replay", { all: true, canary })).json();
  expect(await running.operation(String(replay.id))).toMatchObject({
    state: "succeeded",
    done: 60,
    result: { replayed: 60, skipped: 0 },
    canary: { state: "passed", completed: 5 },
  });
  await until("50 tasks are completed", async () => (await stats(queue)).completed === 50);
  expect(await stats(queue)).toMatchObject({ dead: 10, totals: { replayed: 60 } });
});

test("a replay with a rate is paused, continues where it stopped, and is cancelled; replayed tasks stay replayed", async () => {
  const queue = await deadLetters(100);
  const replay = (await post(queue, "dead-letters/replay", { all: true, ratePerSecond: 40 })).json();
  const view = () => get(`/v1/operations/${replay.id}`);
  await until("some tasks were replayed", async () => ((await view()).done as number) > 0);
  await control(replay.id, "pause");
  await until("the operation is paused", async () => (await view()).state === "paused");
  const { done } = await view();
  expect(await stats(queue)).toMatchObject({ pending: done });
  await control(replay.id, "resume");
  await until("the operation continues", async () => ((await view()).done as number) > (done as number));
  expect((await control(replay.id, "cancel")).status).toBe(202);
  const ended = await running.operation(String(replay.id));
  expect(ended.state).toBe("cancelled");
  expect(ended.done as number).toBeLessThan(100);
  expect(await stats(queue)).toMatchObject({ pending: ended.done, totals: { replayed: ended.done } });
  expect((await control(replay.id, "resume")).status).toBe(409);
  const listed = await get(`/v1/operations?queue=${queue}&limit=1`);
  expect(listed).toMatchObject({ operations: [{ id: replay.id, state: "cancelled" }] });
});

test("a filter by signature, text and time replays only matching tasks", async () => {
  const queue = await deadLetters(40);
  const { errors } = await get(`/v1/queues/${queue}/errors`);
  const [error] = errors as { signature: string; dead: number }[];
  expect(error?.dead).toBe(40);
  const filter = { signature: error?.signature, q: '"n":3' };
  const dry = await post(queue, "dead-letters/replay", { filter, dryRun: true });
  expect(dry.json()).toMatchObject({ matched: 11, scanned: 40, total: 40 });
  const later = { ...filter, from: Date.now() + 60_000 };
  expect((await post(queue, "dead-letters/replay", { filter: later })).json()).toMatchObject({ replayed: 0 });
  expect((await post(queue, "dead-letters/replay", { filter })).json()).toMatchObject({ replayed: 11 });
  expect(await stats(queue)).toMatchObject({ dead: 29, pending: 11 });
});

test("a replay into another queue makes one new task there for each dead letter", async () => {
  const queue = await deadLetters(12);
  const body = { all: true, to: `${queue}-target`, ratePerSecond: 1_000 };
  const replay = (await post(queue, "dead-letters/replay", body)).json();
  expect(await running.operation(String(replay.id))).toMatchObject({
    state: "succeeded",
    to: `${queue}-target`,
    result: { replayed: 12, skipped: 0 },
  });
  expect(await stats(queue)).toMatchObject({ dead: 0, totals: { purged: 12 } });
  expect(await stats(`${queue}-target`)).toMatchObject({ pending: 12 });
});

test("tasks and the audit log are exported line by line", async () => {
  const queue = await deadLetters(230);
  const { text, headers } = await running.call(
    "GET",
    `/v1/queues/${queue}/tasks/export?state=dead&error=no%201`,
  );
  expect(headers.get("content-type")).toContain("application/x-ndjson");
  const lines = text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as TaskView);
  expect(lines.every((task) => task.lastError?.includes("no 1"))).toBe(true);
  expect(new Set(lines.map(({ id }) => id)).size).toBe(111);
  expect((await running.call("GET", "/v1/queues/nowhere/tasks/export?state=dead")).status).toBe(404);

  await post(queue, "pause", { reason: "look" });
  await post(queue, "resume", {});
  const log = await running.call("GET", `/v1/audit/export?queue=${queue}`);
  const records = log.text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { action: string });
  expect(records.map(({ action }) => action)).toEqual([
    ...["task.enqueue_batch", "task.export", "queue.pause", "queue.resume"],
  ]);
  const first = await get(`/v1/audit?queue=${queue}&limit=3`);
  expect(first.records).toMatchObject([
    { action: "audit.export", count: 4 },
    { action: "queue.resume" },
    { action: "queue.pause", reason: "look" },
  ]);
  const second = await get(`/v1/audit?queue=${queue}&limit=3&cursor=${first.cursor}`);
  expect(second).toMatchObject({
    records: [{ action: "task.export", count: 111 }, { action: "task.enqueue_batch" }],
    cursor: null,
  });
});
