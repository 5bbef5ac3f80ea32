// This file has more than 500 lines, because all its tests share the app and the fakes at its top.
import { connect } from "node:net";
import { type ChangeResult, HoldfastError, type TaskChange, type TaskView } from "@holdfast/contracts";
import type { EnqueueResult, NewTask, SignalOutcome } from "holdfast";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { createHttpServer } from "../http/server.ts";
import type { HttpServer } from "../http/types.ts";
import { createMetrics } from "../metrics.ts";
import { createIntakeMetrics } from "./metrics.ts";
import { registerTaskRoutes } from "./routes.ts";

const servers: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const TASKS = "/v1/queues/emails/tasks";
const GOOD = '{"type":"t","payload":{"a":12345678901234567890}}';

interface Fake {
  enqueueMany?: (tasks: readonly NewTask[]) => EnqueueResult[];
  wait?: (signal: AbortSignal | undefined) => Promise<TaskView | null>;
  cancel?: "cancelled" | "requested" | "too_late" | "not_found";
  change?: Omit<ChangeResult, "id">;
  signal?: SignalOutcome;
  open?: boolean;
}

const stored = (id: string, duplicate = false): EnqueueResult => ({
  ok: true,
  receipt: { id, state: "pending", duplicate, willRun: true, durability: "memory" },
});

/** Serves the routes over a fake queue. These tests check only HTTP; the engine has tests of its own. */
async function setup(fake: Fake = {}) {
  const metrics = createMetrics({ service: "trial", version: "0" });
  const seen: NewTask[] = [];
  const changes: TaskChange[] = [];
  const signals: unknown[] = [];
  const app = await createHttpServer({
    title: "Trial",
    description: "Trial.",
    version: "0",
    logger: pino({ level: "silent" }),
    metrics,
    host: "127.0.0.1",
    allowedHosts: [],
    ready: async () => ({ ok: true, detail: "" }),
  });
  servers.push(app);
  const store = async (tasks: readonly NewTask[]) => {
    seen.push(...tasks);
    return fake.enqueueMany?.(tasks) ?? tasks.map((task, index) => stored(task.id ?? `id-${index}`));
  };
  registerTaskRoutes(app, {
    queue: () => {
      if (fake.open === false) throw new HoldfastError("redis_unavailable", "down", { retryAfterMs: 2_500 });
      return {
        enqueueColumns: async ({ bytes, types, spans, options }) => {
          const payloadAt = (place: number) => bytes.toString("utf8", spans[2 * place], spans[2 * place + 1]);
          const tasks = types.map((type, i) => ({ type, payloadText: payloadAt(i), ...options?.get(i) }));
          return { ids: null, results: await store(tasks) };
        },
        enqueueText: async (type, payloadText, options) => {
          const [result] = await store([{ ...options, type, payloadText }]);
          if (!result?.ok) throw result?.error;
          return result.receipt;
        },
        get: async () => null,
        wait: async (_id, { signal }) => fake.wait?.(signal) ?? null,
        cancel: async () => fake.cancel ?? "not_found",
        signal: async (_id, event, data, key) => {
          signals.push(key === undefined ? [event, data] : [event, data, key]);
          return fake.signal ?? "not_found";
        },
        change: async (id, change) => {
          changes.push(change);
          return { id, ...(fake.change ?? { outcome: "not_found" }) };
        },
        events: () => {
          throw new Error("not used");
        },
      };
    },
    metrics: createIntakeMetrics(metrics),
  });
  const base = await app.listen({ host: "127.0.0.1", port: 0 });
  const call = async (method: string, path: string, body?: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${base}${path}`, {
      method,
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    const json = text.startsWith("{") ? (JSON.parse(text) as Record<string, unknown>) : {};
    return { status: response.status, headers: response.headers, text, json };
  };
  return { app, base, seen, changes, signals, call, metrics };
}

/** Sends exactly these bytes and returns the answer. */
async function raw(base: string, firstLine: string, headers: string[] = [], body = ""): Promise<string> {
  const { hostname: host, port } = new URL(base);
  const socket = connect({ host, port: Number(port) });
  socket.end([firstLine, `Host: ${host}`, ...headers, "", body].join("\r\n"));
  let text = "";
  for await (const chunk of socket) text += String(chunk);
  return text;
}

describe("POST a task", () => {
  test("answers 201 with the address of the task, and passes the exact payload on", async () => {
    const { call, seen } = await setup();
    const response = await call("POST", TASKS, GOOD);
    expect(response).toMatchObject({ status: 201, json: { id: "id-0", state: "pending" } });
    expect(response.headers.get("location")).toBe(`${TASKS}/id-0`);
    expect(seen[0]?.payloadText).toBe('{"a":12345678901234567890}');
  });

  test("answers 200 and says so if the task was stored before", async () => {
    const { call } = await setup({ enqueueMany: () => [stored("x", true)] });
    const response = await call("POST", TASKS, GOOD, { "idempotency-key": "k" });
    expect(response.status).toBe(200);
    expect(response.headers.get("idempotent-replayed")).toBe("true");
  });

  test.each([
    ["malformed JSON", "{", 400, "invalid_json"],
    ["no body", "", 400, "invalid_json"],
    ["an unknown field", '{"type":"t","payload":1,"x":1}', 422, "invalid_argument"],
    ["a negative delay", '{"type":"t","payload":1,"delayMs":-1}', 422, "invalid_argument"],
    ["a depth over 64", `{"type":"t","payload":${"[".repeat(65)}${"]".repeat(65)}}`, 422, "payload_too_deep"],
    ["a payload over the limit", `{"type":"t","payload":"${"x".repeat(262_143)}"}`, 413, "payload_too_large"],
    ["a body over the limit", `{"type":"t","payload":"${"x".repeat(600_000)}"}`, 413, "payload_too_large"],
  ])("refuses %s", async (_name, body, status, code) => {
    const { call, seen } = await setup();
    const response = await call("POST", TASKS, body);
    expect(response).toMatchObject({ status, json: { status, code } });
    expect(response.headers.get("content-type")).toContain("application/problem+json");
    expect(response.json.requestId).toBe(response.headers.get("x-request-id"));
    expect(seen).toEqual([]);
  });

  test.each(["a%20b", "{x}", "-a", "a".repeat(65), "a..b", "%F0%9F%98%80"])(
    "refuses the queue name %s",
    async (name) => {
      const { call } = await setup();
      expect(await call("POST", `/v1/queues/${name}/tasks`, GOOD)).toMatchObject({
        status: 422,
        json: { code: "invalid_queue_name" },
      });
    },
  );

  test("names the wrong field", async () => {
    const { call } = await setup();
    const { json } = await call("POST", TASKS, '{"type":"t","payload":1,"tags":["ok",7]}');
    expect(json.errors).toContainEqual({ path: "/tags/1", message: "must be string", in: "body" });
  });

  test.each([
    [TASKS, "text/plain", {}, 'not "text/plain": send the header Content-Type: application/json'],
    [TASKS, "application/x-www-form-urlencoded", {}, "send the header Content-Type: application/json"],
    [TASKS, "application/x-ndjson", {}, 'takes application/json, not "application/x-ndjson"'],
    [TASKS, "nonsense", {}, 'not "nonsense": send the header Content-Type: application/json'],
    [`${TASKS}/batch`, "text/csv", {}, "application/json or application/x-ndjson, not"],
    [TASKS, "application/json", { "content-encoding": "gzip" }, "without Content-Encoding"],
  ])("answers 415 to %s with %s %j and says what to send", async (path, type, headers, detail) => {
    const { call } = await setup();
    expect(await call("POST", path, GOOD, { "content-type": type, ...headers })).toMatchObject({
      status: 415,
      json: { code: "unsupported_media_type", detail: expect.stringContaining(detail) },
    });
  });

  test("answers 415 to a body without a Content-Type and says what to send", async () => {
    const { base } = await setup();
    const answer = await raw(base, `POST ${TASKS} HTTP/1.1`, [`Content-Length: ${GOOD.length}`], GOOD);
    expect(answer).toContain("HTTP/1.1 415");
    expect(answer).toContain("the body has no Content-Type: this route takes application/json");
  });

  test.each(["gzip", "gzip, chunked", "identity"])(
    "refuses the transfer encoding %s, which nobody would decode",
    async (coding) => {
      const { base, seen } = await setup();
      const body = `${GOOD.length.toString(16)}\r\n${GOOD}\r\n0\r\n\r\n`;
      const headers = ["Content-Type: application/json", `Transfer-Encoding: ${coding}`];
      const answer = await raw(base, `POST ${TASKS} HTTP/1.1`, headers, body);
      expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
      expect(answer).toMatch(/connection: close/i);
      if (coding === "gzip, chunked") expect(answer).toContain('the transfer encoding \\"gzip, chunked\\"');
      expect(seen).toEqual([]);
    },
  );

  test("accepts chunks, and a byte order mark before a body and before lines", async () => {
    const { base, call, seen } = await setup();
    const chunk = `${GOOD.length.toString(16)}\r\n${GOOD}\r\n0\r\n\r\n`;
    const headers = ["Content-Type: application/json", "Transfer-Encoding: Chunked"];
    expect(await raw(base, `POST ${TASKS} HTTP/1.1`, headers, chunk)).toContain("HTTP/1.1 201");
    const marked = `\ufeff${GOOD}`;
    expect(await call("POST", TASKS, marked)).toMatchObject({ status: 201 });
    expect(await call("POST", `${TASKS}/batch`, `\ufeff[${GOOD}]`)).toMatchObject({ json: { accepted: 1 } });
    const lines = { "content-type": "application/x-ndjson" };
    expect(await call("POST", `${TASKS}/batch`, `${marked}\n${GOOD}\n`, lines)).toMatchObject({
      json: { accepted: 2, failed: 0 },
    });
    expect(seen).toHaveLength(5);
    for (const task of seen) expect(task).toEqual(seen[0]);
  });

  test.each([".", ".."])("refuses the id %j, which no URL can name", async (id) => {
    const { call, seen } = await setup();
    const body = JSON.stringify({ type: "t", payload: 1, id });
    expect(await call("POST", TASKS, body)).toMatchObject({
      status: 422,
      json: { code: "invalid_argument", errors: [{ path: "/id" }] },
    });
    expect(seen).toEqual([]);
  });

  test.each([
    ["task_conflict", 409, null],
    ["queue_full", 429, "3"],
    ["key_full", 429, "3"],
    ["outcome_unknown", 503, "3"],
    ["redis_out_of_memory", 503, "3"],
    ["durability_unavailable", 422, null],
  ] as const)("passes %s on as %i", async (code, status, retryAfter) => {
    const error = new HoldfastError(code, "because", {
      taskId: "id-7",
      ...(retryAfter === null ? {} : { retryAfterMs: 2_100 }),
    });
    const { call, metrics } = await setup({ enqueueMany: () => [{ ok: false, id: "id-7", error }] });
    const response = await call("POST", TASKS, GOOD);
    expect(response).toMatchObject({ status, json: { code, taskId: "id-7", detail: "because" } });
    expect(response.headers.get("retry-after")).toBe(retryAfter);
    expect(await metrics.registry.metrics()).toContain(
      `holdfast_tasks_rejected_total{queue="emails",reason="${code}"} 1`,
    );
  });

  test("accepts no task before Redis has passed the boot checks", async () => {
    const { call, seen } = await setup({ open: false });
    const response = await call("POST", TASKS, GOOD);
    expect(response).toMatchObject({ status: 503, json: { code: "redis_unavailable" } });
    expect(response.headers.get("retry-after")).toBe("3");
    expect(seen).toEqual([]);
  });

  test("hides the text of an unexpected error", async () => {
    const { call } = await setup({
      enqueueMany: () => {
        throw new Error("secret detail");
      },
    });
    const response = await call("POST", TASKS, GOOD);
    expect(response).toMatchObject({ status: 500, json: { code: "internal" } });
    expect(response.text).not.toContain("secret");
  });
});

describe("POST a batch", () => {
  test("answers 207 with one result per task, in order", async () => {
    const { call, metrics } = await setup({
      enqueueMany: (tasks) =>
        tasks.map((_task, index) =>
          index === 1
            ? { ok: false, id: "b", error: new HoldfastError("task_conflict", "other body", { taskId: "b" }) }
            : stored(`id-${index}`, index === 2),
        ),
    });
    const response = await call("POST", `${TASKS}/batch`, `[${GOOD},{"type":"t"},${GOOD},${GOOD}]`);
    expect(response.status).toBe(207);
    expect(response.json).toMatchObject({ accepted: 1, duplicates: 1, failed: 2 });
    expect(
      (response.json.results as { status: number; id?: string }[]).map(({ status, id }) => [status, id]),
    ).toEqual([
      [201, "id-0"],
      [422, undefined],
      [409, "b"],
      [200, "id-2"],
    ]);
    const text = await metrics.registry.metrics();
    expect(text).toContain('holdfast_tasks_enqueued_total{queue="emails",type="t"} 1');
    expect(text).toContain('holdfast_tasks_deduplicated_total{queue="emails",type="t"} 1');
  });

  test("accepts lines as application/x-ndjson", async () => {
    const { call, seen } = await setup();
    const headers = { "content-type": "application/x-ndjson; charset=utf-8" };
    expect(await call("POST", `${TASKS}/batch`, `${GOOD}\n${GOOD}\n`, headers)).toMatchObject({
      status: 207,
      json: { accepted: 2 },
    });
    expect(seen).toHaveLength(2);
  });

  test.each([
    ["malformed JSON", "[1,", 400],
    ["an object", "{}", 422],
    ["nothing", "[]", 422],
    ["1,001 tasks", `[${Array.from({ length: 1_001 }, () => "1").join(",")}]`, 422],
  ])("refuses %s as a whole", async (_name, body, status) => {
    const { call, seen } = await setup();
    expect((await call("POST", `${TASKS}/batch`, body)).status).toBe(status);
    expect(seen).toEqual([]);
  });

  test("refuses an Idempotency-Key, because all tasks would get the same id", async () => {
    const { call } = await setup();
    expect((await call("POST", `${TASKS}/batch`, `[${GOOD}]`, { "idempotency-key": "k" })).status).toBe(400);
  });
});

describe("GET and DELETE a task", () => {
  test("a wait for a task that is not kept is answered 410", async () => {
    const gone = new HoldfastError("task_not_kept", "nothing is kept", { taskId: "a" });
    const { call } = await setup({ wait: () => Promise.reject(gone) });
    expect(await call("GET", `${TASKS}/a?waitMs=100`)).toMatchObject({
      status: 410,
      json: { code: "task_not_kept", detail: "nothing is kept" },
    });
  });

  test("an unknown task gets 404, an invalid id 422, and an invalid wait 400", async () => {
    const { call } = await setup();
    expect(await call("GET", `${TASKS}/nope`)).toMatchObject({
      status: 404,
      json: { code: "task_not_found" },
    });
    expect(await call("GET", `${TASKS}/no%20pe`)).toMatchObject({
      status: 422,
      json: { code: "invalid_task_id" },
    });
    for (const query of [
      "waitMs=-1",
      "waitMs=30001",
      "waitMs=abc",
      "waitMs=1.5",
      "wait=5",
      "waitMs=1&waitMs=2",
    ]) {
      expect(await call("GET", `${TASKS}/x?${query}`)).toMatchObject({
        status: 400,
        json: { code: "invalid_request" },
      });
    }
  });

  test("a long poll ends when its caller disconnects", async () => {
    let aborted = () => {};
    const ended = new Promise<void>((resolve) => {
      aborted = resolve;
    });
    let started = () => {};
    const asked = new Promise<void>((resolve) => {
      started = resolve;
    });
    const { base } = await setup({
      wait: (signal) =>
        new Promise((_resolve, reject) => {
          started();
          signal?.addEventListener("abort", () => {
            aborted();
            reject(signal.reason);
          });
        }),
    });
    const hangUp = new AbortController();
    const request = fetch(`${base}${TASKS}/x?waitMs=30000`, { signal: hangUp.signal }).catch(() => "gone");
    await asked;
    hangUp.abort();
    await ended;
    expect(await request).toBe("gone");
  });

  test("when the server closes, a long poll is answered with the task as it is", async () => {
    let started = () => {};
    const asked = new Promise<void>((resolve) => {
      started = resolve;
    });
    const { app, call } = await setup({
      wait: (signal) =>
        new Promise((_resolve, reject) => {
          started();
          signal?.addEventListener("abort", () => reject(signal.reason));
        }),
    });
    const response = call("GET", `${TASKS}/x?waitMs=30000`);
    await asked;
    await app.close();
    expect((await response).status).toBe(404);
  });

  test.each([
    ["cancelled", 200],
    ["requested", 202],
    ["too_late", 409],
    ["not_found", 404],
  ] as const)("cancel: %s is %i", async (cancel, status) => {
    const { call } = await setup({ cancel });
    expect((await call("DELETE", `${TASKS}/x`)).status).toBe(status);
  });

  test.each([
    [{ outcome: "changed", state: "pending" }, 200, undefined],
    [{ outcome: "unchanged", state: "scheduled" }, 200, undefined],
    [{ outcome: "not_found" }, 404, "task_not_found"],
    [{ outcome: "not_waiting", state: "processing" }, 409, "not_waiting"],
    [{ outcome: "unique_conflict", state: "scheduled", heldBy: "b" }, 409, "unique_conflict"],
    [{ outcome: "key_full" }, 429, "key_full"],
  ] as const)("change: %o is %i", async (change, status, code) => {
    const { call, changes } = await setup({ change });
    const response = await call("PATCH", `${TASKS}/a`, '{"delayMs":0,"payloadText":"1.0"}');
    expect(response).toMatchObject({ status, json: code ? { code } : { id: "a", ...change } });
    if (code === "not_waiting") expect(response.json.detail).toContain("processing");
    expect(changes).toEqual([{ delayMs: 0, payloadText: "1.0" }]);
  });

  test.each([
    ["nothing", "{}", "invalid_argument"],
    ["an unknown field", '{"delay":0}', "invalid_argument"],
    ["a priority that does not exist", '{"priority":"urgent"}', "invalid_argument"],
    ["a negative delay", '{"delayMs":-1}', "invalid_argument"],
    ["a payload that is not JSON", '{"payloadText":"{"}', "invalid_json"],
  ])("change: refuses %s", async (_, body, code) => {
    const { call, changes } = await setup({ change: { outcome: "changed", state: "pending" } });
    const response = await call("PATCH", `${TASKS}/a`, body);
    expect(response.json.code).toBe(code);
    expect(response.status).toBeGreaterThanOrEqual(400);
    expect(changes).toEqual([]);
  });

  test.each([
    ["delivered", 200, undefined],
    ["kept", 200, undefined],
    ["ended", 409, "too_late"],
    ["not_found", 404, "task_not_found"],
  ] as const)("signal: %s is %i", async (outcome, status, code) => {
    const { call, signals } = await setup({ signal: outcome });
    const response = await call("POST", `${TASKS}/a/signal`, '{"event":"approved","data":{"by":"Ada"}}');
    expect(response).toMatchObject({ status, json: code ? { code } : { id: "a", outcome } });
    expect(signals).toEqual([["approved", { by: "Ada" }]]);
  });

  test("signal: passes on the Idempotency-Key, and refuses an empty one", async () => {
    const { call, signals } = await setup({ signal: "kept" });
    const send = (key: string) =>
      call("POST", `${TASKS}/a/signal`, '{"event":"approved"}', { "idempotency-key": key });
    expect(await send("k")).toMatchObject({ status: 200 });
    expect(await send("")).toMatchObject({ status: 400 });
    expect(signals).toEqual([["approved", undefined, "k"]]);
  });

  test.each([
    ["no event", "{}"],
    ["an event that is not a name", '{"event":"a b"}'],
    ["an unknown field", '{"event":"a","payload":1}'],
    ["a body that is no JSON", "{"],
  ])("signal: refuses %s", async (_, body) => {
    const { call, signals } = await setup({ signal: "kept" });
    const { status } = await call("POST", `${TASKS}/a/signal`, body);
    expect([400, 422]).toContain(status);
    expect(signals).toEqual([]);
  });
});

describe("every error is answered with a problem", () => {
  test("an unknown path gets 404; a known path with another method gets 405 with Allow", async () => {
    const { call } = await setup();
    expect(await call("GET", "/nope")).toMatchObject({ status: 404, json: { code: "not_found" } });
    const response = await call("PUT", TASKS, "{}");
    expect(response).toMatchObject({ status: 405, json: { code: "method_not_allowed" } });
    expect(response.headers.get("allow")).toBe("POST");
    expect((await call("PUT", `${TASKS}/x`, "{}")).headers.get("allow")).toBe("DELETE, GET, HEAD, PATCH");
  });

  test("a path that cannot be decoded gets 400", async () => {
    const { call } = await setup();
    const response = await call("GET", "/v1/queues/%E0%A4%A/tasks/x");
    expect(response).toMatchObject({ status: 400, json: { code: "invalid_request" } });
    expect(response.headers.get("content-type")).toContain("application/problem+json");
  });

  test("a foreign Host gets 403", async () => {
    const { app } = await setup();
    const response = await app.inject({ method: "GET", url: "/livez", headers: { host: "evil.example" } });
    expect(response.statusCode).toBe(403);
    expect(response.json()).toMatchObject({ code: "forbidden" });
  });

  test("bytes that are not HTTP get 400 with a body", async () => {
    const { base } = await setup();
    const text = await raw(base, "NONSENSE");
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toContain('"code":"invalid_request"');
  });

  test("the service makes a random id for each request, whatever the client sends", async () => {
    const { call } = await setup();
    const ids = new Set<unknown>();
    for (const given of ["abc-1", "abc-1", "a b", undefined])
      ids.add(
        (await call("GET", "/nope", undefined, given === undefined ? {} : { "x-request-id": given })).json
          .requestId,
      );
    expect(ids.size).toBe(4);
    for (const id of ids)
      expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  });
});

test("the API describes itself, and serves its pages, health and metrics", async () => {
  const { call } = await setup();
  const { json } = await call("GET", "/openapi.json");
  expect(Object.keys(json.paths as object)).toEqual([
    "/v1/queues/{queue}/tasks",
    "/v1/queues/{queue}/tasks/batch",
    "/v1/queues/{queue}/events",
    "/v1/queues/{queue}/tasks/{id}",
    "/v1/queues/{queue}/tasks/{id}/signal",
  ]);
  const docs = await call("GET", "/docs");
  expect(docs.status).toBe(200);
  // The Content-Security-Policy does not allow inline scripts.
  expect(docs.text).not.toMatch(/<script>/);
  expect((await call("GET", "/readyz")).status).toBe(200);
  await call("POST", TASKS, GOOD);
  expect((await call("GET", "/metrics")).text).toContain(
    'holdfast_http_request_duration_seconds_count{method="POST",route="/v1/queues/:queue/tasks",status_class="2xx"} 1',
  );
});
