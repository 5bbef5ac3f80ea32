import { HoldfastError } from "holdfast";
import { expect, test, vi } from "vitest";
import { fakeOperations, statsOf, taskOf } from "./fakes.ts";
import { setup } from "./setup.ts";

test("queues are listed with their counts, and one is shown", async () => {
  const { call } = await setup({ observer: { snapshot: async () => [statsOf("a", { pending: 3 })] } });
  expect((await call("GET", "/v1/queues")).json()).toMatchObject({
    queues: [{ queue: "a", pending: 3 }],
    rates: {},
  });
  expect((await call("GET", "/v1/queues/a")).json()).toMatchObject({ queue: "a", totals: { enqueued: 0 } });
});

test("an unknown queue, task, operation or path is answered with a problem that has a code", async () => {
  const { call } = await setup();
  for (const [url, code] of [
    ["/v1/queues/unknown", "queue_not_found"],
    ["/v1/queues/unknown/series", "queue_not_found"],
    ["/v1/queues/q/tasks/x", "task_not_found"],
    ["/v1/queues/q/tasks/x/why", "task_not_found"],
    ["/v1/operations/op_none", "not_found"],
    ["/v1/nothing", "not_found"],
  ] as const) {
    const response = await call("GET", url);
    expect([url, response.status, response.json().code]).toEqual([url, 404, code]);
    expect(response.headers["content-type"]).toContain("application/problem+json");
  }
});

test.each([
  ["GET", "/v1/queues/a..b", undefined, 422, "invalid_queue_name"],
  ["GET", "/v1/queues/%7Ba%7D", undefined, 422, "invalid_queue_name"],
  ["GET", "/v1/tasks?state=dead", undefined, 400, "invalid_request"],
  ["GET", "/v1/queues/q/tasks?state=lost", undefined, 400, "invalid_request"],
  ["GET", "/v1/queues/q/tasks?state=dead&limit=101", undefined, 400, "invalid_request"],
  ["GET", "/v1/queues/q/dead-letters?state=pending", undefined, 400, "invalid_request"],
  ["GET", "/v1/queues/q/series?windowMs=1", undefined, 400, "invalid_request"],
  ["PATCH", "/v1/queues/q", {}, 422, "invalid_argument"],
  ["PATCH", "/v1/queues/q", { maxWaiting: -1 }, 422, "invalid_argument"],
  ["PATCH", "/v1/queues/q", { maxWaiting: "5" }, 422, "invalid_argument"],
  ["PATCH", "/v1/queues/q", { depth: 5 }, 422, "invalid_argument"],
  ["POST", "/v1/queues/q/pause", { why: "x" }, 422, "invalid_argument"],
  ["POST", "/v1/queues/q/empty", { states: ["processing"], confirm: "q" }, 422, "invalid_argument"],
  ["POST", "/v1/queues/q/empty", { states: ["dead"], confirm: "other" }, 422, "invalid_argument"],
  ["DELETE", "/v1/queues/q", undefined, 400, "invalid_request"],
  ["DELETE", "/v1/queues/q?confirm=other", undefined, 400, "invalid_request"],
  ["POST", "/v1/queues/q/dead-letters/replay", {}, 422, "invalid_argument"],
  ["POST", "/v1/queues/q/dead-letters/replay", { ids: ["a"], all: true }, 422, "invalid_argument"],
  ["POST", "/v1/queues/q/dead-letters/replay", { all: false }, 422, "invalid_argument"],
  ["POST", "/v1/queues/q/dead-letters/replay", { all: true, query: "type:a" }, 422, "invalid_argument"],
  ["POST", "/v1/queues/q/dead-letters/replay", { filter: {} }, 422, "invalid_argument"],
  ["POST", "/v1/queues/q/dead-letters/replay", { filter: { reason: "bored" } }, 422, "invalid_argument"],
  [
    "POST",
    "/v1/queues/q/dead-letters/replay",
    { all: true, patch: { payloadText: "1" } },
    422,
    "invalid_argument",
  ],
  [
    "POST",
    "/v1/queues/q/dead-letters/replay",
    { ids: ["a"], patch: { payloadText: "{" } },
    400,
    "invalid_json",
  ],
  ["POST", "/v1/queues/q/dead-letters/replay", { ids: ["a"], to: "x..y" }, 422, "invalid_argument"],
  ["POST", "/v1/queues/q/dead-letters/replay", '{"ids":[', 400, "invalid_json"],
  ["POST", "/v1/queues/q/burst", { tasks: 10_001 }, 422, "invalid_argument"],
  ["POST", "/v1/queues/q/burst", { failRate: 2 }, 422, "invalid_argument"],
  ["POST", "/v1/queues/q/tasks", { type: "t" }, 422, "invalid_argument"],
  ["GET", "/v1/audit?limit=0", undefined, 400, "invalid_request"],
] as const)("%s %s with %j is %i %s and changes nothing", async (method, url, body, status, code) => {
  const touched = vi.fn(async () => {
    throw new Error("must not be called");
  });
  const { call } = await setup({
    observer: {
      configure: touched,
      pause: touched,
      empty: touched,
      deleteQueue: touched,
      replay: touched,
      list: touched,
    },
    producer: { enqueueText: touched, enqueueColumns: touched },
  });
  const response = await call(method, url, body);
  expect([response.status, response.json().code]).toEqual([status, code]);
  expect(touched).not.toHaveBeenCalled();
});

test("the list of tasks passes filters and cursor to the library, with the limit as a number", async () => {
  const list = vi.fn(async () => ({ tasks: [taskOf("t1")], cursor: "next", scanned: 9, total: 12 }));
  const { call } = await setup({ observer: { list } });
  const page = await call(
    "GET",
    "/v1/queues/q/tasks?state=pending&limit=10&cursor=abc&type=demo.echo&q=needle",
  );
  expect(page.json()).toMatchObject({
    cursor: "next",
    scanned: 9,
    tasks: [{ payloadText: '{"n":12345678901234567890}' }],
  });
  expect(list).toHaveBeenLastCalledWith("q", {
    state: "pending",
    limit: 10,
    cursor: "abc",
    type: "demo.echo",
    q: "needle",
    signal: expect.any(AbortSignal),
  });
  await call("GET", "/v1/queues/q/dead-letters");
  expect(list).toHaveBeenLastCalledWith("q", {
    state: "dead",
    limit: 50,
    signal: expect.any(AbortSignal),
  });
});

test("without a state the list searches one queue, and /v1/tasks all queues that the key may see", async () => {
  const search = vi.fn(async () => ({ tasks: [taskOf("t1")], cursor: null, scanned: 1, total: 2 }));
  const { call } = await setup({ observer: { search, queues: async () => ["a", "b"] } });
  const options = { limit: 50, query: "type:email.*", signal: expect.any(AbortSignal) };
  const one = await call("GET", "/v1/queues/q/tasks?query=type:email.*");
  expect(one.json()).toMatchObject({ cursor: null, scanned: 1, total: 2, tasks: [{ id: "t1" }] });
  expect(search).toHaveBeenLastCalledWith(["q"], options);
  await call("GET", "/v1/tasks?query=type:email.*");
  expect(search).toHaveBeenLastCalledWith(["a", "b"], options);
});

test("an error of the library keeps its code and status", async () => {
  const { call } = await setup({
    observer: {
      list: async () =>
        Promise.reject(new HoldfastError("invalid_cursor", "this cursor belongs to another list")),
      snapshot: async () => Promise.reject(new HoldfastError("redis_unavailable", "no Redis")),
    },
  });
  expect(await call("GET", "/v1/queues/q/dead-letters?cursor=x")).toMatchObject({ status: 400 });
  const down = await call("GET", "/v1/queues");
  expect(down.status).toBe(503);
  expect(down.headers["retry-after"]).toBe("1");
});

test("a pause accepts a reason or no body, and resume and settings answer the new state", async () => {
  const pause = vi.fn(async () => undefined);
  const { call, audit } = await setup({ observer: { pause } });
  expect((await call("POST", "/v1/queues/q/pause", { reason: "deploy" })).json()).toEqual({
    queue: "q",
    paused: true,
  });
  expect((await call("POST", "/v1/queues/q/pause")).status).toBe(200);
  expect(pause.mock.calls).toEqual([
    ["q", "deploy", "anonymous"],
    ["q", undefined, "anonymous"],
  ]);
  expect((await call("POST", "/v1/queues/q/resume")).json()).toEqual({ queue: "q", paused: false });
  expect((await call("PATCH", "/v1/queues/q", { maxWaiting: 5 })).json()).toMatchObject({
    maxWaiting: 5,
    retentionCount: 10_000,
  });
  expect((await call("PUT", "/v1/queues/q/partitions", { partitions: 8 })).json()).toEqual({
    queue: "q",
    partitions: 8,
  });
  expect(await call("PUT", "/v1/queues/q/partitions", { partitions: 257 })).toMatchObject({ status: 422 });
  expect((await audit()).map(({ action }: { action: string }) => action)).toEqual([
    "queue.partition",
    "queue.configure",
    "queue.resume",
    "queue.pause",
    "queue.pause",
  ]);
});

test("limits and keys are read, set and held, and each change is recorded", async () => {
  const { call, audit } = await setup({});
  const limits = { key: { concurrency: 2 }, queue: { rate: { limit: 10, periodMs: 1_000 } } };
  expect((await call("PUT", "/v1/queues/q/limits", limits)).json()).toMatchObject({ queue: "q", limits });
  expect((await call("GET", "/v1/queues/q/limits")).json()).toMatchObject({ queue: "q", blockedBy: null });
  expect((await call("GET", "/v1/queues/q/keys?limit=5")).json()).toEqual({
    queue: "q",
    keys: [],
    cursor: null,
  });
  expect((await call("GET", "/v1/queues/q/keys/a%20%2Fb")).json()).toMatchObject({ key: "a /b", waiting: 0 });
  const own = await call("PUT", "/v1/queues/q/keys/acme/limit", { concurrency: 9, forMs: 60_000 });
  expect(own.json()).toMatchObject({ key: "acme", limit: { concurrency: 9 } });
  expect((await call("PUT", "/v1/queues/q/keys/acme/limit", null)).json()).toMatchObject({ limit: null });
  expect((await call("POST", "/v1/queues/q/hold", { holdMs: 500, key: "acme", reason: "429" })).status).toBe(
    200,
  );
  for (const [path, body] of [
    ["limits", { customer: {} }],
    ["limits", { key: { concurrency: 0 } }],
    ["limits", { queue: { rate: { limit: 1 } } }],
    ["limits", { queue: { rate: { limit: 1, periodMs: 0 } } }],
    ["limits", { types: { "bad type": { concurrency: 1 } } }],
    ["limits", { types: { mail: { weight: 2 } } }],
    ["keys/a/limit", { concurrency: 1.5 }],
  ] as const)
    expect(await call("PUT", `/v1/queues/q/${path}`, body)).toMatchObject({ status: 422 });
  expect(await call("POST", "/v1/queues/q/hold", { holdMs: -1 })).toMatchObject({ status: 422 });
  expect((await audit()).map(({ action }: { action: string }) => action)).toEqual([
    "queue.hold",
    "queue.key_limit",
    "queue.key_limit",
    "queue.limits",
  ]);
});

test("the heaviest keys are listed in the requested order", async () => {
  const { call } = await setup({});
  const heaviest = await call("GET", "/v1/queues/q/heaviest-keys?by=running&limit=5");
  expect(heaviest.json()).toMatchObject({ keys: [{ key: "acme", waiting: 7 }], lookedAt: 1, isWhole: true });
  for (const query of ["by=age", "limit=0", "sort=waiting"])
    expect((await call("GET", `/v1/queues/q/heaviest-keys?${query}`)).status).toBe(400);
});

test("a trial passes all limits and the slots to the library, and is not recorded", async () => {
  const { call, audit } = await setup({});
  const limits = { key: { concurrency: 2 } };
  const trial = await call("POST", "/v1/queues/q/limits/try", { limits, slots: 5 });
  expect(trial.json()).toMatchObject({ queue: "q", limits, slots: 5, recorded: { p95Ms: 2_000 } });
  for (const body of [
    {},
    { limits: { key: { concurrency: 0 } } },
    { limits, slots: 0 },
    { limits, apply: true },
  ])
    expect(await call("POST", "/v1/queues/q/limits/try", body)).toMatchObject({ status: 422 });
  expect(await audit()).toEqual([]);
});

test("a queue is emptied of the named states, by an operation if there are many tasks", async () => {
  let dead = 3;
  const empty = vi.fn(async () => ({ removed: dead }));
  const operations = fakeOperations();
  const { call } = await setup({
    operations,
    observer: { empty, stats: async () => statsOf("q", { dead }) },
  });
  const few = await call("POST", "/v1/queues/q/empty", { states: ["dead", "expired"], confirm: "q" });
  expect(few.json()).toEqual({ queue: "q", removed: 3 });
  expect(empty).toHaveBeenCalledWith("q", ["dead", "expired"]);
  dead = 10_001;
  const many = await call("POST", "/v1/queues/q/empty", { states: ["dead"], confirm: "q" });
  expect(many.status).toBe(202);
  expect(many.json()).toMatchObject({ kind: "empty", state: "running", total: 10_001 });
  expect(operations.specs).toMatchObject([{ kind: "empty", queue: "q", states: ["dead"] }]);
  expect(empty).toHaveBeenCalledOnce();
});

test("a refused delete of a queue is a conflict and is audited as refused", async () => {
  const { call, audit } = await setup({
    observer: {
      deleteQueue: async () => Promise.reject(new HoldfastError("queue_not_paused", "pause it first")),
    },
  });
  expect(await call("DELETE", "/v1/queues/q?confirm=q")).toMatchObject({ status: 409 });
  expect(await audit()).toMatchObject([
    { action: "queue.delete", outcome: "refused", code: "queue_not_paused" },
  ]);
});

test("an enqueue keeps the bytes of the payload, and its audit record does not contain them", async () => {
  const receipt = {
    id: "t0",
    state: "pending",
    duplicate: false,
    willRun: true,
    durability: "memory",
  } as const;
  const enqueueText = vi.fn(async () => receipt);
  const { call, audit } = await setup({ producer: { enqueueText, cancel: async () => "too_late" } });
  const created = await call(
    "POST",
    "/v1/queues/q/tasks",
    '{"type":"demo.echo","payload": {"n":12345678901234567890, "z":1.0}}',
  );
  expect([created.status, created.json()]).toEqual([
    201,
    { id: "t0", state: "pending", durability: "memory" },
  ]);
  expect(enqueueText).toHaveBeenCalledWith("demo.echo", '{"n":12345678901234567890, "z":1.0}', undefined);
  const batch = await call("POST", "/v1/queues/q/tasks/batch", [
    { type: "demo.echo", payload: 1 },
    { type: "demo.echo", payload: 2 },
    { type: "bad type", payload: 3 },
  ]);
  expect(batch.json()).toMatchObject({ accepted: 2, failed: 1 });
  expect((await call("DELETE", "/v1/queues/q/tasks/t0")).status).toBe(409);
  const records = await audit();
  expect(records).toMatchObject([
    { action: "task.cancel", outcome: "refused", code: "too_late", count: 0 },
    { action: "task.enqueue_batch", outcome: "succeeded", count: 2 },
    { action: "task.enqueue", outcome: "succeeded", count: 1 },
  ]);
  expect(JSON.stringify(records)).not.toContain("12345678901234567890");
});

test("a session says where traces are", async () => {
  const traceUrl = "https://tempo.example/trace/{traceId}";
  const { call } = await setup({ traceUrl });
  expect((await call("GET", "/v1/session")).json()).toMatchObject({ traceUrl });
});

test.each(["production", "staging"])("a burst is refused where ENVIRONMENT is %s", async (environment) => {
  const operations = fakeOperations();
  const { call, audit } = await setup({ operations, environment });
  const burst = await call("POST", "/v1/queues/q/burst", { tasks: 5 });
  expect(burst.status).toBe(403);
  expect(burst.json()).toMatchObject({
    ...{ code: "forbidden", detail: expect.stringContaining(`ENVIRONMENT is "${environment}"`) },
  });
  expect(operations.specs).toEqual([]);
  expect(await audit()).toMatchObject([{ action: "queue.burst", outcome: "refused", count: 0 }]);
  expect((await call("GET", "/v1/session")).json()).toMatchObject({ environment, demoLoad: false });
});

test.each([undefined, "", "development"])(
  "a burst is allowed where ENVIRONMENT is %j",
  async (environment) => {
    const { call } = await setup({ environment });
    expect((await call("GET", "/v1/session")).json()).toMatchObject({ demoLoad: true });
    expect((await call("POST", "/v1/queues/q/burst", { tasks: 5 })).status).toBe(202);
  },
);

test("a burst becomes an operation with the requested number of tasks", async () => {
  const operations = fakeOperations();
  const { call } = await setup({ operations });
  const burst = await call("POST", "/v1/queues/q/burst", { tasks: 1_200, failRate: 0.5 });
  expect(burst.status).toBe(202);
  expect(burst.json()).toMatchObject({ kind: "burst", state: "running", total: 1_200 });
  await call("POST", "/v1/queues/q/burst");
  expect(operations.specs.map(({ burst }) => burst)).toEqual([
    { tasks: 10_000, failRate: 0.2, type: "demo.flaky" },
    { tasks: 1_200, failRate: 0.5, type: "demo.flaky" },
  ]);
});

test("nothing is changed before Redis has passed the boot checks, and reads still work", async () => {
  const { call } = await setup({
    assertOpen: () => {
      throw new HoldfastError("redis_unavailable", "waiting for Redis");
    },
  });
  for (const [method, url, body] of [
    ["POST", "/v1/queues/q/pause", undefined],
    ["POST", "/v1/queues/q/tasks", { type: "t", payload: 1 }],
    ["DELETE", "/v1/queues/q?confirm=q", undefined],
    ["POST", "/v1/queues/q/dead-letters/replay", { all: true }],
  ] as const) {
    expect([url, (await call(method, url, body)).status]).toEqual([url, 503]);
  }
  expect((await call("GET", "/v1/queues/q")).status).toBe(200);
});

test("a page of another origin can change nothing, but our own page and allowed origins can", async () => {
  const pause = vi.fn(async () => undefined);
  const { server } = await setup({ observer: { pause }, allowedOrigins: ["http://localhost:5173"] });
  const from = async (origin: string) =>
    (
      await server.inject({
        method: "POST",
        url: "/v1/queues/q/pause",
        headers: { host: "127.0.0.1:3001", origin },
      })
    ).statusCode;
  expect(await from("http://evil.example")).toBe(403);
  expect(pause).not.toHaveBeenCalled();
  expect(await from("http://127.0.0.1:3001")).toBe(200);
  expect(await from("http://localhost:5173")).toBe(200);
});

test("a task is shown with its steps", async () => {
  const step = { name: "charge", kind: "step", outcome: "done", at: 1, bytes: 2, calledId: null } as const;
  const steps = { count: 1, bytes: 2, steps: [step], signals: [{ event: "go", at: 2, bytes: 0 }] };
  const { call } = await setup({ observer: { task: async (_, id) => taskOf(id), steps: async () => steps } });
  expect((await call("GET", "/v1/queues/q/tasks/a")).json()).toMatchObject({ id: "a", steps });
});

test("stale verdicts are shown, at most a hundred", async () => {
  const verdict = {
    ...{ id: "t1", queue: "q", type: "t", token: "1-a", currentFence: null, attempt: 1, workerId: "w" },
    ...{ at: 1_700_000_000_000, lateMs: 1_500, overlapMs: 1_200 },
  };
  const staleVerdicts = vi.fn(async () => [verdict]);
  const { call } = await setup({ observer: { staleVerdicts } });
  expect((await call("GET", "/v1/queues/q/stale-verdicts?limit=7")).json()).toEqual({
    queue: "q",
    verdicts: [verdict],
  });
  expect(staleVerdicts).toHaveBeenCalledWith("q", 7);
  expect((await call("GET", "/v1/queues/q/stale-verdicts?limit=101")).status).toBe(400);
});

test("the OpenAPI document describes every route with a summary", async () => {
  const { call } = await setup();
  const document = (await call("GET", "/openapi.json")).json();
  const operations = Object.entries<Record<string, { summary?: string }>>(document.paths).flatMap(
    ([path, methods]) =>
      Object.entries(methods).map(([method, operation]) => ({
        route: `${method} ${path}`,
        summary: operation.summary,
      })),
  );
  expect(operations.filter(({ summary }) => !summary)).toEqual([]);
  expect(operations.map(({ route }) => route).sort()).toEqual(
    [
      "delete /v1/alerts/rules/{name}",
      "delete /v1/alerts/targets/{name}",
      "delete /v1/limits/{name}",
      "delete /v1/queues/{queue}",
      "delete /v1/queues/{queue}/errors/{signature}/mute",
      "delete /v1/queues/{queue}/tasks/{id}",
      "delete /v1/schedules/{id}",
      "delete /v1/session",
      "get /v1/alerts",
      "get /v1/alerts/notifications",
      "get /v1/audit",
      "get /v1/audit/export",
      "get /v1/errors",
      "get /v1/limits",
      "get /v1/operations",
      "get /v1/operations/{id}",
      "get /v1/operations/{id}/failures",
      "get /v1/queues",
      "get /v1/queues/{queue}",
      "get /v1/queues/{queue}/dead-letters",
      "get /v1/queues/{queue}/errors",
      "get /v1/queues/{queue}/series",
      "get /v1/queues/{queue}/types",
      "get /v1/queues/{queue}/limits",
      "get /v1/queues/{queue}/keys",
      "get /v1/queues/{queue}/events",
      "get /v1/queues/{queue}/heaviest-keys",
      "get /v1/queues/{queue}/keys/{key}",
      "get /v1/queues/{queue}/stale-verdicts",
      "get /v1/queues/{queue}/flows",
      "get /v1/queues/{queue}/flows/{flow}",
      "get /v1/queues/{queue}/flows/{flow}/graph",
      "get /v1/queues/{queue}/flows/{flow}/nodes",
      "post /v1/queues/{queue}/flows",
      "post /v1/queues/{queue}/flows/{flow}/cancel",
      "post /v1/queues/{queue}/flows/{flow}/nodes",
      "post /v1/queues/{queue}/flows/{flow}/replay",
      "post /v1/queues/{queue}/flows/{flow}/seal",
      "get /v1/queues/{queue}/tasks",
      "get /v1/queues/{queue}/tasks/export",
      "get /v1/queues/{queue}/tasks/{id}",
      "get /v1/queues/{queue}/tasks/{id}/why",
      "get /v1/redis",
      "get /v1/schedules",
      "get /v1/schedules/{id}",
      "get /v1/session",
      "get /v1/tasks",
      "get /v1/workers",
      "put /v1/queues/{queue}/errors/{signature}/mute",
      "patch /v1/queues/{queue}",
      "patch /v1/queues/{queue}/tasks/{id}",
      "post /v1/alerts/rules/{name}/mute",
      "post /v1/alerts/rules/{name}/unmute",
      "post /v1/alerts/targets/{name}/test",
      "post /v1/operations/{id}/cancel",
      "post /v1/operations/{id}/pause",
      "post /v1/operations/{id}/resume",
      "post /v1/operations/{id}/undo",
      "post /v1/queues/{queue}/burst",
      "post /v1/queues/{queue}/dead-letters/discard",
      "post /v1/queues/{queue}/dead-letters/replay",
      "post /v1/queues/{queue}/empty",
      "post /v1/queues/{queue}/pause",
      "post /v1/queues/{queue}/hold",
      "post /v1/queues/{queue}/limits/try",
      "post /v1/queues/{queue}/resume",
      "post /v1/queues/{queue}/tasks",
      "post /v1/queues/{queue}/tasks/batch",
      "post /v1/queues/{queue}/tasks/change",
      "post /v1/queues/{queue}/tasks/{id}/signal",
      "post /v1/schedules/preview",
      "post /v1/workers/{id}/drain",
      "post /v1/workers/{id}/resume",
      "post /v1/schedules/{id}/pause",
      "post /v1/schedules/{id}/resume",
      "post /v1/schedules/{id}/run",
      "post /v1/session",
      "put /v1/alerts/rules/{name}",
      "put /v1/alerts/targets/{name}",
      "put /v1/limits/{name}",
      "put /v1/queues/{queue}/partitions",
      "put /v1/queues/{queue}/limits",
      "put /v1/queues/{queue}/keys/{key}/limit",
      "put /v1/schedules/{id}",
    ].sort(),
  );
});
