import { until } from "@holdfast/testing";
import { FatalError, type QueueStats, type TaskView, Worker } from "holdfast";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { type Running, startRunning } from "./running.ts";

let running: Running;
let workers: Worker[] = [];
let queueNumber = 0;

beforeAll(async () => {
  running = await startRunning();
  await until("the service is ready", async () => (await running.call("GET", "/readyz")).status === 200);
});
afterEach(async () => {
  await Promise.all(workers.map((worker) => worker.stop({ graceMs: 1_000 })));
  workers = [];
});
afterAll(async () => running.stop());

const newQueue = () => `observed-${++queueNumber}`;
const stats = async (queue: string) =>
  (await running.call("GET", `/v1/queues/${queue}`)).json() as unknown as QueueStats;
const task = async (queue: string, id: string) =>
  (await running.call("GET", `/v1/queues/${queue}/tasks/${id}`)).json() as unknown as TaskView;

async function enqueue(
  queue: string,
  count: number,
  type = "test.fatal",
  tags?: string[],
): Promise<string[]> {
  const tasks = Array.from({ length: count }, (_, n) => ({ type, payload: { n }, ...(tags && { tags }) }));
  const response = await running.call("POST", `/v1/queues/${queue}/tasks/batch`, tasks);
  expect(response.status).toBe(207);
  return (response.json().results as { id: string }[]).map(({ id }) => id);
}

async function startWorker(
  queue: string,
  handlers: ConstructorParameters<typeof Worker>[1],
): Promise<Worker> {
  const worker = new Worker(queue, handlers, { redis: running.redis.url, concurrency: 20 });
  workers.push(worker);
  await worker.start();
  return worker;
}

/** Makes dead letters with a handler that fails for good. */
async function deadLetters(queue: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let start = 0; start < count; start += 1_000)
    ids.push(...(await enqueue(queue, Math.min(1_000, count - start))));
  await kill(queue, count);
  return ids;
}

/** Makes dead letters with tags. @param counts tag -> how many dead letters get it */
async function tagged(queue: string, counts: Record<string, number>): Promise<void> {
  for (const [tag, count] of Object.entries(counts)) await enqueue(queue, count, "test.fatal", [tag]);
  await kill(
    queue,
    Object.values(counts).reduce((sum, count) => sum + count),
  );
}

async function kill(queue: string, count: number): Promise<void> {
  const worker = await startWorker(queue, {
    "test.fatal": () => {
      throw new FatalError("no such user 4711");
    },
  });
  await until("all tasks are dead", async () => (await stats(queue)).dead === count, 20_000);
  await worker.stop({ graceMs: 1_000 });
}

test("a payload is returned byte for byte, and the answer says why the task waits", async () => {
  const queue = newQueue();
  const payload = '{"n":12345678901234567890, "list":[ ], "text":"é\\u00e9"}';
  const created = await running.call(
    "POST",
    `/v1/queues/${queue}/tasks`,
    `{"type":"test.none","payload":${payload}}`,
  );
  expect(created.status).toBe(201);
  const id = String(created.json().id);
  expect(await task(queue, id)).toMatchObject({ state: "pending", payloadText: payload });
  const page = await running.call("GET", `/v1/queues/${queue}/tasks?state=pending`);
  expect(page.json()).toMatchObject({ cursor: null, tasks: [{ id, payloadText: payload }] });
  const why = await running.call("GET", `/v1/queues/${queue}/tasks/${id}/why`);
  expect(why.json()).toMatchObject({ state: "pending", reason: "no_workers" });
  await running.call("POST", `/v1/queues/${queue}/pause`, { reason: "deploy" });
  expect((await running.call("GET", `/v1/queues/${queue}/tasks/${id}/why`)).json()).toMatchObject({
    reason: "paused",
  });
  expect(await stats(queue)).toMatchObject({
    ...{ paused: true, pauseReason: "deploy" },
    ...{ pausedBy: "anonymous", pausedAt: expect.any(Number) },
  });
});

test("a dead letter shows its reason, is replayed with a corrected payload, and completes", async () => {
  const queue = newQueue();
  const [id = ""] = await deadLetters(queue, 3);
  const letters = await running.call("GET", `/v1/queues/${queue}/dead-letters?limit=2`);
  expect(letters.json().tasks).toHaveLength(2);
  const { errors } = (await running.call("GET", `/v1/queues/${queue}/errors`)).json();
  expect(errors).toMatchObject([{ type: "test.fatal", title: "FatalError: no such user <n>", dead: 3 }]);

  const patch = { payloadText: '{"n": 98765432109876543210}' };
  const replay = await running.call("POST", `/v1/queues/${queue}/dead-letters/replay`, { ids: [id], patch });
  expect(replay.json()).toMatchObject({ replayed: 1, skipped: 0 });
  expect(await task(queue, id)).toMatchObject({ state: "pending", generation: 1, attempts: 0, ...patch });
  const seen: string[] = [];
  await startWorker(queue, { "test.fatal": (given) => void seen.push(given.payloadText) });
  await until("the task is completed", async () => (await task(queue, id)).state === "completed");
  expect(seen).toEqual([patch.payloadText]);
  expect((await running.call("DELETE", `/v1/queues/${queue}/tasks/${id}`)).json().code).toBe("too_late");

  const again = await running.call("POST", `/v1/queues/${queue}/dead-letters/replay`, {
    ids: [id, "nobody"],
  });
  expect(again.json()).toMatchObject({
    replayed: 0,
    skipped: 2,
    results: [{ outcome: "not_dead" }, { outcome: "not_found" }],
  });
});

test("a tag selects dead letters for a list, a count, a replay and a discard", async () => {
  const queue = newQueue();
  await tagged(queue, { "tenant:acme": 2, "tenant:beta": 3 });
  const path = `/v1/queues/${queue}/dead-letters`;
  const listed = await running.call("GET", `${path}?tag=tenant:acme`);
  expect(listed.json()).toMatchObject({ tasks: [{ tags: ["tenant:acme"] }, { tags: ["tenant:acme"] }] });
  const filter = { tag: "tenant:acme" };
  const dry = await running.call("POST", `${path}/replay`, { filter, dryRun: true });
  expect(dry.json()).toMatchObject({ matched: 2, scanned: 5, total: 5 });
  const replay = await running.call("POST", `${path}/replay`, { filter });
  expect(replay.json()).toMatchObject({ matched: 2, replayed: 2 });
  const discard = await running.call("POST", `${path}/discard`, { filter: { tag: "tenant:beta" } });
  expect(discard.json()).toMatchObject({ matched: 3, discarded: 3 });
  expect(await stats(queue)).toMatchObject({ dead: 0, pending: 2 });
});

test("a query selects tasks for a list, over all queues, and for a count, a replay and a discard", async () => {
  const queue = newQueue();
  await tagged(queue, { "tenant:acme": 2, "tenant:beta": 3 });
  const path = `/v1/queues/${queue}/dead-letters`;
  const search = new URLSearchParams({ query: `tag:TENANT:ac* queue:${queue} -state:pending` });
  for (const url of ["/v1/tasks", `/v1/queues/${queue}/tasks`, path]) {
    const page = (await running.call("GET", `${url}?${search}`)).json();
    expect([url, page]).toMatchObject([url, { cursor: null, scanned: 5, total: 5 }]);
    expect(page.tasks).toMatchObject([{ tags: ["tenant:acme"] }, { tags: ["tenant:acme"] }]);
  }
  const query = "tag==tenant:acme died:<1h";
  const dry = await running.call("POST", `${path}/replay`, { query, dryRun: true });
  expect(dry.json()).toMatchObject({ matched: 2, scanned: 5, total: 5 });
  expect((await running.call("POST", `${path}/replay`, { query })).json()).toMatchObject({ replayed: 2 });
  const discard = await running.call("POST", `${path}/discard`, { query: "-tag:tenant:acme" });
  expect(discard.json()).toMatchObject({ matched: 3, discarded: 3 });
  expect(await stats(queue)).toMatchObject({ dead: 0, pending: 2 });
});

test("a wrong query is refused with its place and a remedy, and an empty one selects nothing", async () => {
  const queue = newQueue();
  await tagged(queue, { "tenant:acme": 1 });
  const path = `/v1/queues/${queue}/dead-letters`;
  const found = { path: "/query", position: 7, found: "tpye", remedy: 'did you mean "type"?' };
  const query = "type:a tpye:b";
  for (const [method, url, body, where] of [
    ["GET", `/v1/tasks?${new URLSearchParams({ query })}`, undefined, "querystring"],
    ["GET", `${path}?${new URLSearchParams({ query })}`, undefined, "querystring"],
    ["POST", `${path}/replay`, { query }, "body"],
    ["POST", `/v1/queues/${queue}/tasks/change`, { query, change: { delayMs: 0 } }, "body"],
  ] as const) {
    const answer = await running.call(method, url, body);
    expect([url, answer.status, answer.json()]).toMatchObject([
      url,
      422,
      { code: "invalid_argument", errors: [{ ...found, in: where }] },
    ]);
  }
  const empty = await running.call("POST", `${path}/discard`, { query: " " });
  expect([empty.status, empty.text]).toEqual([422, expect.stringContaining("is empty")]);
  expect(await stats(queue)).toMatchObject({ dead: 1, pending: 0 });
});

test("an unknown filter is refused in the body and in the query, and nothing is replayed", async () => {
  const queue = newQueue();
  await tagged(queue, { "tenant:acme": 1 });
  const path = `/v1/queues/${queue}/dead-letters`;
  for (const query of ["tags=tenant:acme", "tag=", "tag=a&tag=b", "limit=5&Tag=x"])
    expect([query, (await running.call("GET", `${path}?${query}`)).status]).toEqual([query, 400]);
  for (const [what, method, url, body] of [
    ["a filter of the body", "POST", `${path}/replay`, { filter: { tags: "tenant:acme" } }],
    ["beside all", "POST", `${path}/replay`, { all: true, tag: "tenant:acme" }],
    ["in the query of a replay", "POST", `${path}/replay?tag=tenant:acme`, { all: true }],
    ["in the query of a discard", "POST", `${path}/discard?type=x`, { all: true }],
    ["in the query of errors", "GET", "/v1/errors?tag=tenant:acme", undefined],
    ["of queues", "GET", "/v1/queues?paused=true", undefined],
    ["of workers", "GET", `/v1/workers?queue=${queue}`, undefined],
  ] as const) {
    const { status, text } = await running.call(method, url, body);
    expect([what, status < 500 && status >= 400, text]).toEqual([
      what,
      true,
      expect.stringMatching(/unknown fields/),
    ]);
  }
  expect(await stats(queue)).toMatchObject({ dead: 1, pending: 0 });
});

test("more than 500 dead letters are replayed by an operation, each once", async () => {
  const queue = newQueue();
  await deadLetters(queue, 620);
  const dry = await running.call("POST", `/v1/queues/${queue}/dead-letters/replay`, {
    all: true,
    dryRun: true,
  });
  expect(dry.json()).toMatchObject({ dryRun: true, matched: 620 });
  const replay = await running.call("POST", `/v1/queues/${queue}/dead-letters/replay`, {
    all: true,
    reason: "fixed",
  });
  expect(replay.status).toBe(202);
  const id = String(replay.json().id);
  expect(await running.operation(id)).toMatchObject({
    state: "succeeded",
    done: 620,
    result: { replayed: 620 },
  });
  expect(await stats(queue)).toMatchObject({ dead: 0, pending: 620, totals: { replayed: 620 } });
  const { records } = (await running.call("GET", `/v1/audit?queue=${queue}&limit=2`)).json();
  expect(records).toMatchObject([
    { action: "dead_letters.replay", outcome: "succeeded", count: 620, reason: "fixed", operationId: id },
    { action: "dead_letters.replay", outcome: "accepted", operationId: id },
  ]);
});

test("a discard by a filter removes only the matching tasks", async () => {
  const queue = newQueue();
  await deadLetters(queue, 5);
  const none = await running.call("POST", `/v1/queues/${queue}/dead-letters/discard`, {
    filter: { type: "other" },
  });
  expect(none.json()).toMatchObject({ matched: 0, discarded: 0 });
  const five = await running.call("POST", `/v1/queues/${queue}/dead-letters/discard`, {
    filter: { reason: "fatal" },
  });
  expect(five.json()).toMatchObject({ matched: 5, discarded: 5, skipped: 0 });
  expect((await stats(queue)).dead).toBe(0);
});

test("a queue is emptied by state, capped by its settings, and deleted only when paused", async () => {
  const queue = newQueue();
  await enqueue(queue, 5, "test.none");
  const capped = await running.call("PATCH", `/v1/queues/${queue}`, { maxWaiting: 5 });
  expect(capped.json()).toMatchObject({ maxWaiting: 5 });
  const full = await running.call("POST", `/v1/queues/${queue}/tasks`, { type: "test.none", payload: 1 });
  expect([full.status, full.json().code]).toEqual([429, "queue_full"]);
  const burst = await running.call("POST", `/v1/queues/${queue}/burst`, { tasks: 10 });
  expect(await running.operation(String(burst.json().id))).toMatchObject({ state: "failed", done: 0 });

  const empty = await running.call("POST", `/v1/queues/${queue}/empty`, {
    states: ["pending"],
    confirm: queue,
  });
  expect(empty.json()).toEqual({ queue, removed: 5 });
  expect((await stats(queue)).pending).toBe(0);
  const early = await running.call("DELETE", `/v1/queues/${queue}?confirm=${queue}`);
  expect([early.status, early.json().code]).toEqual([409, "queue_not_paused"]);
  await running.call("POST", `/v1/queues/${queue}/pause`);
  expect((await running.call("DELETE", `/v1/queues/${queue}?confirm=${queue}`)).status).toBe(200);
  expect((await running.call("GET", `/v1/queues/${queue}`)).status).toBe(404);
});

test("a burst is enqueued and counted in the metrics, and a cancel ends its tasks", async () => {
  const queue = newQueue();
  const burst = await running.call("POST", `/v1/queues/${queue}/burst`, { tasks: 1_200 });
  expect(await running.operation(String(burst.json().id))).toMatchObject({ state: "succeeded", done: 1_200 });
  expect(await stats(queue)).toMatchObject({ pending: 1_200, totals: { enqueued: 1_200 } });
  const metric = `holdfast_queue_tasks{queue="${queue}",state="pending"} 1200`;
  await until("the gauge has the new value", async () =>
    (await running.call("GET", "/metrics")).text.includes(metric),
  );
  const page = (await running.call("GET", `/v1/queues/${queue}/tasks?state=pending&limit=1`)).json();
  const [first] = page.tasks as TaskView[];
  const id = first?.id ?? "";
  expect(first).toMatchObject({ type: "demo.flaky" });
  expect((await running.call("DELETE", `/v1/queues/${queue}/tasks/${id}`)).status).toBe(200);
  expect((await task(queue, id)).state).toBe("cancelled");
});

test("the routes return the workers and the series of a queue", async () => {
  const queue = newQueue();
  await startWorker(queue, { "test.ok": () => "done" });
  await until("the worker registered", async () => {
    const { workers: views } = (await running.call("GET", "/v1/workers")).json();
    return (views as { queues: string[] }[]).some(({ queues }) => queues.includes(queue));
  });
  await enqueue(queue, 50, "test.ok");
  await until("a point of the series counts the 50 completed tasks", async () => {
    const { points } = (await running.call("GET", `/v1/queues/${queue}/series`)).json();
    return (points as { completed: number }[]).at(-1)?.completed === 50;
  });
});
