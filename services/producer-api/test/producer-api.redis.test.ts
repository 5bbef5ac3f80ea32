// This file has more than 500 lines, because all its tests share one running service.
import { createLogger, loadConfig } from "@holdfast/service";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Observer, Worker } from "holdfast";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type App, startApp } from "../src/app.ts";
import { configSchema } from "../src/config.ts";

let redis: RedisServer;
let app: App;
let base: string;
let queues = 0;

beforeAll(async () => {
  redis = await startRedisServer();
  const port = await freePort();
  const config = loadConfig(configSchema, { PORT: String(port), REDIS_URL: redis.url, LOG_LEVEL: "silent" });
  app = await startApp(config, "test", createLogger(config, "producer-api"), new AbortController().signal);
  await app.opened;
  base = `http://127.0.0.1:${port}`;
});

afterAll(async () => {
  await app?.stop();
  await redis?.stop();
});

/** Returns functions that send requests to a new queue, which only this test uses. */
function setup() {
  const queue = `trial-${++queues}`;
  const call = async (method: string, path: string, body?: unknown, headers: Record<string, string> = {}) => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(`${base}/v1/queues/${queue}/tasks${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body: text }),
    });
    const json = (await response.json()) as Record<string, unknown>;
    return { status: response.status, headers: response.headers, json };
  };
  return { queue, call };
}

describe("enqueue and get", () => {
  test("keep the payload to the byte", async () => {
    const { call, queue } = setup();
    for (const payload of [
      "12345678901234567890",
      '{ "b": 1.0, "a": [1e3,  "\\u00e9é😀"] }',
      "null",
      '"\\ud800"',
    ]) {
      const posted = await call("POST", "", `{"type":"demo.echo","payload":${payload}}`);
      expect(posted).toMatchObject({ status: 201, json: { state: "pending" } });
      const location = posted.headers.get("location");
      expect(location).toBe(`/v1/queues/${queue}/tasks/${posted.json.id}`);
      const got = await call("GET", `/${posted.json.id}`);
      expect(got).toMatchObject({
        status: 200,
        json: { payloadText: payload, attempts: 0, resultText: null },
      });
    }
  });

  test("answer with the task that holds a unique key, refuse the new one, or replace the old one", async () => {
    const { call, queue } = setup();
    const task = (unique: object, payload = 1) => ({
      type: "t",
      payload,
      unique: { key: "k/1 ü", ...unique },
    });
    const { json: first } = await call("POST", "", task({}));
    const again = await call("POST", "", task({}));
    expect(again).toMatchObject({ status: 200, json: { ...first, willRun: true, deduplicated: true } });
    expect(again.headers.get("location")).toBe(`/v1/queues/${queue}/tasks/${first.id}`);
    expect(again.headers.get("idempotent-replayed")).toBeNull();
    const refused = { code: "unique_conflict", heldBy: first.id };
    expect(await call("POST", "", task({ onConflict: "reject" }))).toMatchObject({
      status: 409,
      json: refused,
    });
    const replaced = await call("POST", "", task({ onConflict: "replace" }, 2));
    expect(replaced).toMatchObject({
      status: 200,
      json: { id: first.id, deduplicated: true, replaced: true },
    });
    const batch = await call("POST", "/batch", [
      task({}),
      task({ onConflict: "reject" }),
      task({ key: "other" }),
    ]);
    expect(batch.json).toMatchObject({
      ...{ accepted: 1, duplicates: 1, failed: 1 },
      results: [
        { status: 200, id: first.id, deduplicated: true },
        { status: 409, ...refused },
        { status: 201 },
      ],
    });
    const { json: seen } = await call("GET", `/${first.id}`);
    expect(seen).toMatchObject({
      payloadText: "2",
      unique: { key: "k/1 ü", holder: first.id, replaced: { count: 1 } },
    });
    const windowless = await call("POST", "", task({ scope: "window" }));
    expect(windowless).toMatchObject({ status: 422, json: { code: "invalid_argument" } });
    expect(windowless.json.detail).toContain("windowMs");
  });

  test("store how long a task is kept, and refuse an empty `keep`", async () => {
    const { call } = setup();
    const keep = { completedMs: 0, deadMs: 1, count: 10_000 };
    const { json } = await call("POST", "", { type: "t", payload: 1, keep });
    expect((await call("GET", `/${json.id}`)).json).toMatchObject({ keep, keptUntil: null });
    for (const wrong of [
      {},
      { completedMs: -1 },
      { completedMs: 0.5 },
      { deadMs: 0 },
      { count: 10_001 },
      { age: 1 },
      5,
    ]) {
      const refused = await call("POST", "", { type: "t", payload: 1, keep: wrong });
      expect([wrong, refused.status, refused.json.detail]).toEqual([
        wrong,
        422,
        expect.stringMatching(/^body\/keep/),
      ]);
    }
  });

  test("keep every option", async () => {
    const { call } = setup();
    const options = {
      id: "order:1",
      priority: "high",
      delayMs: 60_000,
      maxRetries: 0,
      backoff: { kind: "fixed", baseMs: 5, maxMs: 10, jitter: "none" },
      timeoutMs: 1_000,
      expiresAt: Date.now() + 3_600_000,
      tags: ["a", "b"],
    };
    expect(await call("POST", "", { type: "t", payload: {}, ...options })).toMatchObject({
      status: 201,
      json: { id: "order:1", state: "scheduled" },
    });
    const { id, priority, maxRetries, backoff, timeoutMs, expiresAt, tags } = options;
    expect((await call("GET", "/order:1")).json).toMatchObject({
      id,
      priority,
      maxRetries,
      backoff,
      timeoutMs,
      expiresAt,
      tags,
      state: "scheduled",
    });
  });

  test("an unknown task is 404", async () => {
    const { call } = setup();
    expect(await call("GET", "/nope")).toMatchObject({ status: 404, json: { code: "task_not_found" } });
  });

  test("a long poll of a task that does not end is answered after its time, with the task as it is then", async () => {
    const { call } = setup();
    const { json } = await call("POST", "", { type: "t", payload: 1 });
    const start = performance.now();
    expect((await call("GET", `/${json.id}?waitMs=300`)).json.state).toBe("pending");
    expect(performance.now() - start).toBeGreaterThanOrEqual(290);
  });

  test("a long poll is answered as soon as the task ends", async () => {
    const { call } = setup();
    const { json } = await call("POST", "", { type: "t", payload: 1 });
    const waiting = call("GET", `/${json.id}?waitMs=30000`);
    await call("DELETE", `/${json.id}`);
    expect((await waiting).json.state).toBe("cancelled");
  });

  test("a durability that this Redis cannot provide is refused before anything is written", async () => {
    const { call } = setup();
    expect(
      await call("POST", "", { type: "t", payload: 1, id: "x", durability: "replicated" }),
    ).toMatchObject({
      status: 422,
      json: { code: "durability_unavailable" },
    });
    expect((await call("GET", "/x")).status).toBe(404);
    expect(await call("POST", "", { type: "t", payload: 1 })).toMatchObject({
      status: 201,
      json: { durability: "memory" },
    });
    expect(await call("POST", "", { type: "t", payload: 1, durability: "disk" })).toMatchObject({
      status: 422,
      json: { code: "invalid_argument" },
    });
  });
});

describe("an enqueue that is repeated", () => {
  const body = '{"type":"t","id":"x","payload":1}';

  test("with the same bytes stores nothing and says so, and with other bytes is a conflict", async () => {
    const { call } = setup();
    expect((await call("POST", "", body)).status).toBe(201);
    const again = await call("POST", "", ` ${body}\n`);
    expect(again).toMatchObject({ status: 200, json: { id: "x", state: "pending" } });
    expect(again.headers.get("idempotent-replayed")).toBe("true");
    for (const other of ['{"type":"t","id":"x","payload":2}', '{"type":"t","id":"x","payload":1.0}']) {
      expect(await call("POST", "", other)).toMatchObject({
        status: 409,
        json: { code: "task_conflict", taskId: "x" },
      });
    }
    expect((await call("GET", "/x")).json.payloadText).toBe("1");
  });

  test("is answered 201 for a new task, 200 for one that waits or runs, and 208 for one that will not run", async () => {
    const { call } = setup();
    const again = '{"type":"t","id":"x","payload":1,"ifEnded":"duplicate"}';
    expect(await call("POST", "", again)).toMatchObject({ status: 201, json: { state: "pending" } });
    expect(await call("POST", "", again)).toMatchObject({
      status: 200,
      json: { state: "pending", willRun: true },
    });
    await call("DELETE", "/x");
    const known = await call("POST", "", again);
    expect(known).toMatchObject({ status: 208, json: { id: "x", state: "cancelled", willRun: false } });
    expect(known.headers.get("idempotent-replayed")).toBe("true");
    // In a batch, the same task gets the same answer.
    expect((await call("POST", "/batch", `[${again}]`)).json).toMatchObject({
      ...{ accepted: 0, duplicates: 1, failed: 0 },
      results: [{ status: 208, id: "x", state: "cancelled", willRun: false }],
    });
    // Without `ifEnded: "duplicate"`, a new task with any body may take the id of an ended one.
    expect(await call("POST", "", '{"type":"t","id":"x","payload":2}')).toMatchObject({
      status: 201,
      json: { state: "pending" },
    });
    expect((await call("GET", "/x")).json).toMatchObject({
      state: "pending",
      payloadText: "2",
      generation: 1,
    });
    expect(await call("POST", "", '{"type":"t","payload":2,"ifEnded":"duplicate"}')).toMatchObject({
      status: 422,
      json: { code: "invalid_argument", errors: [{ path: "/ifEnded" }] },
    });
  });

  test("a repeated Idempotency-Key is answered 200 while Redis remembers it, however its task ended", async () => {
    const { call } = setup();
    const headers = { "idempotency-key": "k" };
    const first = await call("POST", "", '{"type":"t","payload":1}', headers);
    await call("DELETE", `/${first.json.id}`);
    expect(await call("POST", "", '{"type":"t","payload":1}', headers)).toMatchObject({
      ...{ status: 200, json: { id: first.json.id, state: "cancelled", willRun: false } },
    });
    expect((await call("POST", "", '{"type":"t","payload":2}', headers)).status).toBe(409);
    const contrary = await call("POST", "", '{"type":"t","payload":1,"ifEnded":"again"}', headers);
    expect(contrary).toMatchObject({ status: 400, json: { code: "invalid_request" } });
  });

  test("a repeat with another runAt is the same task", async () => {
    const { call } = setup();
    const body = () => JSON.stringify({ type: "t", id: "x", payload: 1, runAt: Date.now() + 60_000 });
    expect((await call("POST", "", body())).status).toBe(201);
    const before = body();
    while (body() === before);
    expect(await call("POST", "", body())).toMatchObject({ status: 200, json: { state: "scheduled" } });
    const later = JSON.stringify({ type: "t", id: "x", payload: 1, runAt: Date.now() + 3_600_000 });
    expect((await call("POST", "", later)).status).toBe(409);
  });

  test("an Idempotency-Key works like an id, per queue", async () => {
    const { call } = setup();
    const headers = { "idempotency-key": "order 4711" };
    const first = await call("POST", "", '{"type":"t","payload":1}', headers);
    expect(first.status).toBe(201);
    expect(await call("POST", "", '{"type":"t","payload":1}', headers)).toMatchObject({
      status: 200,
      json: { id: first.json.id },
    });
    expect((await call("POST", "", '{"type":"t","payload":2}', headers)).status).toBe(409);
    const elsewhere = setup();
    expect((await elsewhere.call("POST", "", '{"type":"t","payload":2}', headers)).status).toBe(201);
  });

  test("twenty requests at once store one task", async () => {
    const { call } = setup();
    const statuses = await Promise.all(
      Array.from({ length: 20 }, async () => (await call("POST", "", body)).status),
    );
    expect(statuses.filter((status) => status === 201)).toHaveLength(1);
    expect(statuses.filter((status) => status === 200)).toHaveLength(19);
  });
});

describe("a batch", () => {
  test("has a result per task, in order, and stores the valid tasks", async () => {
    const { call } = setup();
    await call("POST", "", { type: "t", id: "taken", payload: 1 });
    const { status, json } = await call("POST", "/batch", [
      { type: "t", payload: 1, id: "a" },
      { type: "t", payload: 2, unknown: true },
      { type: "t", payload: 3, id: "taken" },
      { type: "t", payload: 1, id: "a" },
      { type: "t", payload: 5 },
    ]);
    expect(status).toBe(207);
    expect(json).toMatchObject({ accepted: 2, duplicates: 1, failed: 2 });
    const results = json.results as { status: number; id: string; code: string }[];
    expect(results.map((result) => result.status)).toEqual([201, 422, 409, 200, 201]);
    expect(results[2]).toMatchObject({ id: "taken", code: "task_conflict" });
    expect((await call("GET", `/${results[4]?.id}`)).json.payloadText).toBe("5");
  });

  test("of tasks without options gets the same answer from the fast lane and Fastify, and is kept to the byte", async () => {
    const { call, queue } = setup();
    const payloads = Array.from(
      { length: 300 },
      (_, index) => `{ "n": ${index}.0, "text": "\\u00e9é😀 and more" }`,
    );
    const body = `[${payloads.map((payload, i) => `{"type":"t${i % 2}", "payload":${payload}}`).join(",\n")}]`;
    const answers = [
      await call("POST", "/batch", body),
      // A request with a Content-Encoding header, even `identity`, is served by Fastify and not by the fast lane
      // (fast-lane.ts).
      await call("POST", "/batch", body, { "content-encoding": "identity" }),
    ];
    const ids = new Set<string>();
    for (const { status, headers, json } of answers) {
      expect(status).toBe(207);
      expect(headers.get("content-type")).toBe("application/json; charset=utf-8");
      const results = json.results as { id: string }[];
      for (const { id } of results) ids.add(id);
      expect(json).toEqual({
        accepted: 300,
        duplicates: 0,
        failed: 0,
        results: results.map(({ id }) => ({ status: 201, id, state: "pending", durability: "memory" })),
      });
      for (const at of [0, 1, 299]) {
        const { json } = await call("GET", `/${results[at]?.id}`);
        expect(json).toMatchObject({ type: `t${at % 2}`, payloadText: payloads[at] });
      }
    }
    expect(ids.size).toBe(600);
    const text = await (await fetch(`${base}/metrics`)).text();
    expect(text).toContain(`holdfast_tasks_enqueued_total{queue="${queue}",type="t0"} 300`);
    expect(text).toContain(`holdfast_tasks_enqueued_total{queue="${queue}",type="t1"} 300`);
    const bytes = 2 * payloads.reduce((sum, payload) => sum + Buffer.byteLength(payload), 0);
    expect(text).toContain(`holdfast_payload_bytes_sum{queue="${queue}"} ${bytes}`);
    expect(text).toContain(`holdfast_payload_bytes_count{queue="${queue}"} 600`);
  });

  test("of tasks without options says for each task above the cap when to try again", async () => {
    const { call, queue } = setup();
    await call("POST", "", { type: "t", payload: 1 });
    const observer = new Observer({ redis: redis.url });
    await observer.configure(queue, { maxWaiting: 3 });
    await observer.close();
    const tasks = [1, 2, 3, 4].map((payload) => ({ type: "t", payload }));
    const { status, headers, json } = await call("POST", "/batch", tasks);
    expect(status).toBe(207);
    expect(Number(headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
    expect(json).toMatchObject({ accepted: 2, duplicates: 0, failed: 2 });
    const results = json.results as { status: number; code?: string }[];
    expect(results.map(({ status, code }) => [status, code])).toEqual([
      [201, undefined],
      [201, undefined],
      [429, "queue_full"],
      [429, "queue_full"],
    ]);
    const text = await (await fetch(`${base}/metrics`)).text();
    expect(text).toContain(`holdfast_tasks_rejected_total{queue="${queue}",reason="queue_full"} 2`);
    expect(text).toContain(`holdfast_tasks_enqueued_total{queue="${queue}",type="t"} 3`);
  });

  test("takes 1,000 tasks as lines and stores each of them", async () => {
    const { call, queue } = setup();
    const lines = Array.from({ length: 1_000 }, (_, index) => `{"type":"t","payload":${index}}`).join("\n");
    const { json } = await call("POST", "/batch", lines, { "content-type": "application/x-ndjson" });
    expect(json).toMatchObject({ accepted: 1_000, failed: 0 });
    expect(new Set((json.results as { id: string }[]).map(({ id }) => id)).size).toBe(1_000);
    const observer = new Observer({ redis: redis.url });
    expect((await observer.stats(queue)).pending).toBe(1_000);
    await observer.close();
  });
});

test("cancel ends a waiting task; repeated, it answers the same", async () => {
  const { call } = setup();
  const { json } = await call("POST", "", { type: "t", payload: 1 });
  const cancelled = { status: 200, json: { id: json.id, outcome: "cancelled" } };
  expect(await call("DELETE", `/${json.id}`)).toMatchObject(cancelled);
  expect((await call("GET", `/${json.id}`)).json.state).toBe("cancelled");
  expect(await call("DELETE", `/${json.id}`)).toMatchObject(cancelled);
  expect(await call("DELETE", "/nope")).toMatchObject({ status: 404, json: { code: "task_not_found" } });
});

test("a cancel of a running task is a request, and a cancel of a completed one is too late", async () => {
  const { call, queue } = setup();
  let finish = () => {};
  const finished = new Promise<void>((resolve) => {
    finish = resolve;
  });
  const worker = new Worker(queue, { t: () => finished, quick: () => 1 }, { redis: redis.url });
  await worker.start();
  try {
    const running = (await call("POST", "", { type: "t", payload: 1 })).json.id;
    const quick = (await call("POST", "", { type: "quick", payload: 1 })).json.id;
    expect((await call("GET", `/${quick}?waitMs=10000`)).json).toMatchObject({
      state: "completed",
      resultText: "1",
    });
    expect(await call("DELETE", `/${quick}`)).toMatchObject({
      status: 409,
      json: { code: "too_late", taskId: quick },
    });
    await until("the task runs", async () => (await call("GET", `/${running}`)).json.state === "processing");
    expect(await call("DELETE", `/${running}`)).toMatchObject({
      status: 202,
      json: { outcome: "requested" },
    });
    expect((await call("GET", `/${running}`)).json.cancelRequested).toBe(true);
  } finally {
    finish();
    await worker.stop({ graceMs: 5_000 });
  }
});

test("a full queue answers 429 with the time to wait", async () => {
  const { call, queue } = setup();
  const observer = new Observer({ redis: redis.url });
  await call("POST", "", { type: "t", payload: 1 });
  await observer.configure(queue, { maxWaiting: 1 });
  await observer.close();
  const refused = await call("POST", "", { type: "t", payload: 2 });
  expect(refused).toMatchObject({ status: 429, json: { code: "queue_full" } });
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
});

test("a full key is answered 429, for one task and for each task of a batch, and the id is not kept", async () => {
  const { call, queue } = setup();
  const observer = new Observer({ redis: redis.url });
  await observer.limits.set(queue, { key: { concurrency: 1, whenFull: "drop-new" } });
  await observer.close();
  const task = (key: string, id: string) => ({ type: "t", payload: 1, key, id });
  expect((await call("POST", "", task("acme", "first"))).status).toBe(201);
  const refused = await call("POST", "", task("acme", "second"));
  expect(refused).toMatchObject({ status: 429, json: { code: "key_full", taskId: "second", status: 429 } });
  expect(refused.headers.get("content-type")).toContain("application/problem+json");
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect((await call("GET", "/second")).status).toBe(404);
  const tasks = [task("acme", "third"), task("zoo", "fourth"), task("zoo", "fifth"), task("acme", "first")];
  const lines = tasks.map((line) => JSON.stringify(line)).join("\n");
  for (const [body, headers] of [
    [tasks, {}],
    [lines, { "content-type": "application/x-ndjson" }],
  ] as const) {
    const batch = await call("POST", "/batch", body, headers);
    const results = batch.json.results as { status: number; code?: string }[];
    const zoo = body === tasks ? 201 : 200;
    expect([batch.status, results.map(({ status, code }) => [status, code])]).toEqual([
      207,
      [
        [429, "key_full"],
        [zoo, undefined],
        [429, "key_full"],
        [200, undefined],
      ],
    ]);
  }
  const metrics = await (await fetch(`${base}/metrics`)).text();
  expect(metrics).toContain(`holdfast_tasks_rejected_total{queue="${queue}",reason="key_full"} 5`);
});

test("while Redis is at maxmemory, the answer is 503 and nothing is stored", async () => {
  const { call } = setup();
  expect((await call("POST", "", { type: "t", payload: 0 })).status).toBe(201);
  await redis.command("CONFIG SET maxmemory 1mb");
  try {
    const refused = await call("POST", "", { type: "t", id: "x", payload: 1 });
    expect(refused).toMatchObject({ status: 503, json: { code: "redis_out_of_memory" } });
    expect(refused.headers.get("retry-after")).not.toBeNull();
  } finally {
    await redis.command("CONFIG SET maxmemory 0");
  }
  expect((await call("GET", "/x")).status).toBe(404);
});

test("metrics count accepted and refused tasks", async () => {
  const { call, queue } = setup();
  await call("POST", "", { type: "t", id: "x", payload: 1 });
  await call("POST", "", { type: "t", id: "x", payload: 1 });
  await call("POST", "", { type: "t", id: "x", payload: 2 });
  const text = await (await fetch(`${base}/metrics`)).text();
  expect(text).toContain(`holdfast_tasks_enqueued_total{queue="${queue}",type="t"} 1`);
  expect(text).toContain(`holdfast_tasks_deduplicated_total{queue="${queue}",type="t"} 1`);
  expect(text).toContain(`holdfast_tasks_rejected_total{queue="${queue}",reason="task_conflict"} 1`);
  expect(text).toContain("holdfast_redis_up 1");
  expect(text).toMatch(/holdfast_redis_script_seconds_count\{script="enqueue"\} \d+/);
});

// This test has to be the last one of the file, because it stops the Redis that all tests use.
test("while Redis is down, the API answers 503 and is not ready; it serves again once Redis is back", async () => {
  const { call } = setup();
  await redis.kill();
  const refused = await call("POST", "", { type: "t", payload: 1 });
  expect(refused.status).toBe(503);
  expect(["redis_unavailable", "outcome_unknown"]).toContain(refused.json.code);
  expect(refused.headers.get("retry-after")).not.toBeNull();
  expect((await fetch(`${base}/readyz`)).status).toBe(503);
  expect((await fetch(`${base}/livez`)).status).toBe(200);
  expect(await (await fetch(`${base}/metrics`)).text()).toContain("holdfast_redis_up 0");
  await redis.start();
  await until("the service is ready again", async () => (await fetch(`${base}/readyz`)).status === 200);
  expect((await call("POST", "", { type: "t", payload: 1 })).status).toBe(201);
}, 30_000);
