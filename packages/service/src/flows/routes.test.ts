import { type FlowNode, type FlowOptions, type FlowView, HoldfastError } from "@holdfast/contracts";
import { pino } from "pino";
import { afterEach, describe, expect, test } from "vitest";
import { createHttpServer } from "../http/server.ts";
import type { HttpServer } from "../http/types.ts";
import { createMetrics } from "../metrics.ts";
import { createIntakeMetrics } from "../tasks/metrics.ts";
import type { FlowQueue } from "./intake.ts";
import { registerFlowRoutes } from "./routes.ts";

const servers: HttpServer[] = [];
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
});

const FLOWS = "/v1/queues/emails/flows";
const NDJSON = { "content-type": "application/x-ndjson" };

const node = (name: string, more: object = {}) => JSON.stringify({ name, type: "t", payload: 1, ...more });

interface Fake {
  view?: Partial<FlowView> | null;
  duplicate?: boolean;
  cancel?: "cancelled" | "too_late" | "not_found";
  /** The error with which the fake refuses to add nodes. */
  refuse?: (nodes: readonly FlowNode[]) => HoldfastError | undefined;
}

/** Serves the routes over a fake queue. These tests check only HTTP; the library has tests of its own. */
async function setup(fake: Fake = {}) {
  const metrics = createMetrics({ service: "trial", version: "0" });
  const seen = { flows: [] as object[], opened: [] as FlowOptions[], chunks: [] as FlowNode[][], sealed: 0 };
  const app = await createHttpServer({
    ...{ title: "Trial", description: "Trial.", version: "0", host: "127.0.0.1", allowedHosts: [], metrics },
    logger: pino({ level: "silent" }),
    ready: async () => ({ ok: true, detail: "" }),
  });
  servers.push(app);
  const total = () => seen.chunks.flat().length;
  const view = (): FlowView | null =>
    fake.view === null
      ? null
      : {
          ...{ id: "f", queue: "emails", state: "open", outcome: null, cancelRequested: false },
          counts: {
            ...{ total: total(), waiting: 0, active: 0, completed: 0 },
            ...{ dead: 0, cancelled: 0, expired: 0, skipped: 0 },
          },
          ...{ createdAt: 1, sealBy: 2, endedAt: null, callbacks: [], ...fake.view },
        };
  const queue: FlowQueue = {
    flow: async (flow) => {
      seen.flows.push(flow);
      return { id: flow.id ?? "minted", nodes: flow.nodes.length, duplicate: fake.duplicate ?? false };
    },
    openFlow: async (options) => {
      seen.opened.push(options);
      return {
        id: options.id ?? "minted",
        duplicate: fake.duplicate ?? false,
        add: async (nodes: readonly FlowNode[]) => {
          const error = fake.refuse?.(nodes);
          if (error) throw error;
          seen.chunks.push([...nodes]);
          return { added: nodes.length, known: 0 };
        },
        seal: async () => {
          seen.sealed++;
          return { id: options.id ?? "minted", nodes: total(), duplicate: false };
        },
      };
    },
    getFlow: async () => view(),
    flowNodes: async () => ({ nodes: [], cursor: null }),
    cancelFlow: async () => fake.cancel ?? "cancelled",
  };
  registerFlowRoutes(app, { queue: () => queue, metrics: createIntakeMetrics(metrics) });
  const base = await app.listen({ host: "127.0.0.1", port: 0 });
  const call = async (path: string, body?: string | ReadableStream, headers: Record<string, string> = {}) => {
    const response = await fetch(`${base}${path}`, {
      method: "POST",
      headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
      ...(body === undefined ? {} : { body, duplex: "half" }),
    } as RequestInit);
    return { status: response.status, headers: response.headers, json: (await response.json()) as object };
  };
  return { call, seen, metrics, base };
}

describe("POST a flow", () => {
  test("answers 201 with the address of the flow, and passes on the exact payloads and the trace", async () => {
    const { call, seen } = await setup();
    const body = `{"id":"f","sealBy":5,"on":{"done":{"type":"d","payload":12345678901234567890}},"nodes":[${node("a", { maxRetries: 2 })},${node("b", { after: ["a"], onDead: "hold" })}]}`;
    const traceparent = `00-${"a".repeat(32)}-${"b".repeat(16)}-01`;
    const answer = await call(FLOWS, body, { traceparent });
    expect(answer).toMatchObject({ status: 201, json: { id: "f", nodes: 2, duplicate: false } });
    expect(answer.headers.get("location")).toBe(`${FLOWS}/f`);
    expect(seen.flows).toEqual([
      {
        ...{ id: "f", sealBy: 5 },
        on: { done: { type: "d", payloadText: "12345678901234567890", options: { traceparent } } },
        nodes: [
          expect.objectContaining({ name: "a", payloadText: "1", options: { maxRetries: 2, traceparent } }),
          expect.objectContaining({ name: "b", after: ["a"], onDead: "hold", options: { traceparent } }),
        ],
      },
    ]);
  });

  test("answers 200 if it was stored before", async () => {
    const { call } = await setup({ duplicate: true });
    expect(await call(FLOWS, '{"id":"f","nodes":[]}')).toMatchObject({
      status: 200,
      json: { duplicate: true },
    });
  });

  test("does not seal a flow that is open", async () => {
    const { call, seen } = await setup();
    expect(await call(FLOWS, `{"id":"f","open":true,"nodes":[${node("a")}]}`)).toMatchObject({
      status: 201,
      json: { id: "f", nodes: 1 },
    });
    expect(seen).toMatchObject({ flows: [], opened: [{ id: "f" }], sealed: 0 });
  });

  test.each([
    ["no body", "", 400, undefined],
    ["malformed JSON", "{", 400, undefined],
    ["an array", "[]", 422, undefined],
    ["no nodes", "{}", 422, "/nodes"],
    ["an unknown field", '{"nodes":[],"x":1}', 422, ""],
    ["a wrong id", '{"nodes":[],"id":"a.b"}', 422, "/id"],
    [
      "a wrong option of a node",
      `{"nodes":[${node("a")},${node("b", { maxRetries: -1 })}]}`,
      422,
      "/nodes/1/maxRetries",
    ],
    ["a node without a name", '{"nodes":[{"type":"t","payload":1}]}', 422, "/nodes/0/name"],
    ["a wrong name", `{"nodes":[${node("a.b")}]}`, 422, "/nodes/0/name"],
    ["a node with an id", `{"nodes":[${node("a", { id: "x" })}]}`, 422, "/nodes/0"],
    ["a node without a payload", '{"nodes":[{"name":"a","type":"t"}]}', 422, "/nodes/0"],
    ["a wrong callback", '{"nodes":[],"on":{"done":{"payload":1}}}', 422, "/on/done"],
    ["an unknown moment", '{"nodes":[],"on":{"died":{"type":"t","payload":1}}}', 422, "/on"],
    [
      "a large payload",
      `{"nodes":[${node("a", { payload: "x".repeat(262_143) })}]}`,
      413,
      "/nodes/0/payload",
    ],
  ])("refuses %s and names the field", async (_what, body, status, path) => {
    const { call, seen } = await setup();
    const answer = await call(FLOWS, body);
    expect(answer).toMatchObject({ status, json: { status } });
    expect(answer.headers.get("content-type")).toContain("application/problem+json");
    if (path !== undefined) expect(answer.json).toMatchObject({ errors: [{ path, in: "body" }] });
    expect(seen).toMatchObject({ flows: [], opened: [] });
  });

  test("refuses an Idempotency-Key and says what to send", async () => {
    const { call } = await setup();
    expect(await call(FLOWS, '{"nodes":[]}', { "idempotency-key": "k" })).toMatchObject({
      status: 400,
      json: { detail: expect.stringContaining("give the flow an id") },
    });
  });
});

describe("POST a flow as lines", () => {
  const lines = (...all: string[]) => `${all.join("\n")}\n`;

  test("stores the nodes in blocks while they arrive, and seals the flow at the end", async () => {
    const { call, seen } = await setup();
    let sent = 0;
    const body = new ReadableStream({
      pull(controller) {
        const bytes = (text: string) => controller.enqueue(new TextEncoder().encode(text));
        if (sent === 0) bytes('\n{"id":"f","on":{"done":{"type":"d","payload":1}}');
        else if (sent <= 100)
          bytes(
            sent === 1
              ? "}\n"
              : `${Array.from({ length: 200 }, (_, at) => node(`n${sent}-${at}`)).join("\n")}\n`,
          );
        else controller.close();
        sent++;
      },
    });
    const answer = await call(FLOWS, body, NDJSON);
    expect(answer).toMatchObject({ status: 201, json: { id: "f", nodes: 19_800, duplicate: false } });
    expect(seen.opened).toMatchObject([{ id: "f", on: { done: { type: "d", payloadText: "1" } } }]);
    expect(seen.sealed).toBe(1);
    expect(seen.chunks.length).toBeGreaterThan(2);
    expect(seen.chunks[0]?.[0]).toMatchObject({ name: "n2-0" });
    expect(seen.chunks.flat()).toHaveLength(19_800);
  });

  test("does not seal a flow that is open, and accepts a flow without nodes", async () => {
    const { call, seen } = await setup();
    expect(await call(FLOWS, lines('{"open":true}', node("a")), NDJSON)).toMatchObject({ status: 201 });
    expect(seen.sealed).toBe(0);
    expect(await call(FLOWS, "{}", NDJSON)).toMatchObject({ status: 201 });
    expect(seen).toMatchObject({ sealed: 1, chunks: [[{ name: "a" }]] });
  });

  test("reads a flow that was stored before to its end, and adds nothing", async () => {
    const { call, seen } = await setup({ duplicate: true });
    expect(await call(FLOWS, lines('{"id":"f"}', node("a")), NDJSON)).toMatchObject({ status: 200 });
    expect(seen).toMatchObject({ chunks: [], sealed: 0 });
  });

  test.each([
    ["an empty body", "", 400],
    ["a first line that is wrong", lines('{"x":1}', node("a")), 422],
    ["nodes in the first line", '{"nodes":[]}', 422],
    ["a wrong node in the first block", lines("{}", node("a"), node("b", { after: 1 })), 422],
  ])("%s is refused before anything is stored", async (_what, body, status) => {
    const { call, seen } = await setup();
    expect(await call(FLOWS, body, NDJSON)).toMatchObject({ status });
    expect(seen.opened).toEqual([]);
  });

  test("a wrong node in a later block is named, and the answer says that the flow is open", async () => {
    const { call, seen } = await setup();
    const many = Array.from({ length: 9_000 }, (_, at) => node(`n${at}`));
    const answer = await call(FLOWS, lines('{"id":"f"}', ...many, "{oops"), NDJSON);
    expect(answer).toMatchObject({
      status: 400,
      json: {
        code: "invalid_json",
        detail: expect.stringMatching(
          /^body\/nodes\/9000: not valid JSON.*flow f is open .*send the request again/,
        ),
        errors: [{ path: "/nodes/9000" }],
      },
    });
    expect(seen.sealed).toBe(0);
  });

  test("answers with the time to wait if the queue is full", async () => {
    const refuse = () => new HoldfastError("queue_full", "full", { retryAfterMs: 1_500 });
    const { call, metrics } = await setup({ refuse });
    const answer = await call(FLOWS, lines('{"id":"f"}', node("a")), NDJSON);
    expect(answer).toMatchObject({
      status: 429,
      json: { detail: expect.stringContaining("flow f is open") },
    });
    expect(answer.headers.get("retry-after")).toBe("2");
    expect(await metrics.registry.metrics()).toContain(
      'holdfast_tasks_rejected_total{queue="emails",reason="queue_full"} 1',
    );
  });
});

describe("an open flow", () => {
  test("accepts an array of nodes, and lines", async () => {
    const { call, seen } = await setup();
    expect(await call(`${FLOWS}/f/nodes`, `[${node("a")},${node("b")}]`)).toMatchObject({
      status: 200,
      json: { id: "f", added: 2, known: 0 },
    });
    expect(await call(`${FLOWS}/f/nodes`, `${node("c")}\n`, NDJSON)).toMatchObject({ json: { added: 1 } });
    expect(await call(`${FLOWS}/f/nodes`, "[]")).toMatchObject({ status: 200, json: { added: 0 } });
    expect(seen.opened).toEqual([{ id: "f" }, { id: "f" }, { id: "f" }]);
    expect(seen.sealed).toBe(0);
  });

  test.each([
    ["unknown", null, {}, 404, "not_found"],
    ["sealed", { state: "running" }, {}, 409, "conflict"],
    ["sealed meanwhile", {}, { duplicate: true }, 409, "conflict"],
    ["over", { state: "ended" }, {}, 409, "too_late"],
  ] as const)("a flow that is %s accepts no nodes", async (_what, view, fake, status, code) => {
    const { call, seen } = await setup({ view, ...fake });
    expect(await call(`${FLOWS}/f/nodes`, `[${node("a")}]`)).toMatchObject({ status, json: { code } });
    expect(seen.chunks).toEqual([]);
  });

  test("is sealed once, and a repeat says so", async () => {
    const first = await setup();
    expect(await first.call(`${FLOWS}/f/seal`)).toMatchObject({ status: 200, json: { duplicate: false } });
    const again = await setup({ view: { state: "running" } });
    expect(await again.call(`${FLOWS}/f/seal`)).toMatchObject({ status: 200, json: { duplicate: true } });
    expect(again.seen.sealed).toBe(0);
    const unknown = await setup({ view: null });
    expect(await unknown.call(`${FLOWS}/f/seal`)).toMatchObject({ status: 404, json: { code: "not_found" } });
  });
});

test("a flow is cancelled, unless it is unknown or has ended", async () => {
  for (const [cancel, status] of [
    ["cancelled", 200],
    ["not_found", 404],
    ["too_late", 409],
  ] as const) {
    const { call } = await setup({ cancel });
    expect((await call(`${FLOWS}/f/cancel`)).status).toBe(status);
  }
});

test("GET shows a flow and its nodes, and an unknown flow gets 404", async () => {
  const { base } = await setup();
  const get = async (path: string) => {
    const response = await fetch(base + path);
    return { status: response.status, json: await response.json() };
  };
  expect(await get(`${FLOWS}/f`)).toMatchObject({ status: 200, json: { id: "f", state: "open" } });
  expect(await get(`${FLOWS}/f/nodes?state=waiting&limit=5`)).toEqual({
    status: 200,
    json: { nodes: [], cursor: null },
  });
  expect(await get(`${FLOWS}/f/nodes?limit=101`)).toMatchObject({ status: 400 });
  const unknown = await setup({ view: null });
  const answer = await fetch(`${unknown.base}${FLOWS}/f`);
  expect(await answer.json()).toMatchObject({
    status: 404,
    detail: "queue emails has no flow f (or it was forgotten)",
  });
});
