import { request } from "node:http";
import { createLogger, loadConfig } from "@holdfast/service";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type App, startApp } from "../src/app.ts";
import { configSchema } from "../src/config.ts";

let redis: RedisServer;
let app: App;
let port: number;
let queues = 0;

beforeAll(async () => {
  redis = await startRedisServer();
  port = await freePort();
  const config = loadConfig(configSchema, { PORT: String(port), REDIS_URL: redis.url, LOG_LEVEL: "silent" });
  app = await startApp(config, "test", createLogger(config, "producer-api"), new AbortController().signal);
  await app.opened;
});

afterAll(async () => {
  await app?.stop();
  await redis?.stop();
});

/** The fields that the tests read from answers. */
interface Answer {
  state?: string;
  detail?: string;
  counts?: { total: number };
}

function client() {
  const queue = `flows-${++queues}`;
  const url = `http://127.0.0.1:${port}/v1/queues/${queue}/flows`;
  const send = async (method: string, path = "", body?: unknown, type = "application/json") => {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const response = await fetch(url + path, {
      method,
      ...(body === undefined ? {} : { body: text, headers: { "content-type": type } }),
    });
    return { status: response.status, json: (await response.json()) as Answer };
  };
  const ended = (id: string) =>
    until("the flow has ended", async () => (await send("GET", `/${id}`)).json.state === "ended");
  return { queue, url, send, ended };
}

const NDJSON = "application/x-ndjson";
const node = (name: string, more: object = {}) => ({ name, type: "t", payload: 1, ...more });
const lines = (values: object[]) => values.map((value) => `${JSON.stringify(value)}\n`).join("");

test("a flow is created, run and shown, with the results of its nodes", async () => {
  const { queue, send, ended } = client();
  const nodes = [node("a"), node("b", { after: ["a"] }), node("c", { after: ["a", "b"] })];
  const flow = { id: "f", on: { done: { type: "t", payload: null } }, nodes };
  expect(await send("POST", "", flow)).toEqual({
    status: 201,
    json: { id: "f", nodes: 3, duplicate: false },
  });
  expect(await send("POST", "", flow)).toEqual({ status: 200, json: { id: "f", nodes: 3, duplicate: true } });
  expect((await send("GET", "/f/nodes?state=waiting")).json).toMatchObject({
    nodes: [
      { name: "b", id: "f.b", waitsFor: 1, after: ["a"] },
      { name: "c", id: "f.c", waitsFor: 2, after: ["a", "b"] },
    ],
    cursor: null,
  });
  const worker = new Worker(queue, { t: (task) => ({ of: task.id }) }, { redis: redis.url });
  await worker.start();
  try {
    await ended("f");
    expect((await send("GET", "/f")).json).toMatchObject({
      outcome: "success",
      counts: { total: 3, completed: 3 },
      callbacks: [{ moment: "done", taskId: "f:done", enqueued: true }],
    });
    expect((await send("GET", "/f/nodes?limit=2")).json).toMatchObject({
      nodes: [{ resultText: '{"of":"f.a"}' }, { resultText: '{"of":"f.b"}' }],
      cursor: "2",
    });
    expect((await send("GET", "/f/nodes?cursor=2")).json).toMatchObject({
      nodes: [{ name: "c" }],
      cursor: null,
    });
    expect(await send("POST", "/f/cancel")).toMatchObject({ status: 409, json: { code: "too_late" } });
  } finally {
    await worker.stop();
  }
});

test("a wrong flow is refused with the name of the node, and nothing is stored", async () => {
  const { send } = client();
  for (const [nodes, detail] of [
    [
      [node("a", { after: ["b"] }), node("b", { after: ["a"] })],
      "the nodes wait for one another: a -> b -> a",
    ],
    [[node("a", { after: ["x"] })], 'node "a" is after "x", and the flow has no node of that name'],
    [[node("a"), node("a")], 'node "a" is given twice'],
  ] as const) {
    const answer = await send("POST", "", { id: "f", nodes });
    expect(answer).toMatchObject({ status: 422, json: { code: "invalid_argument" } });
    expect(answer.json.detail).toContain(detail);
    expect((await send("GET", "/f")).status).toBe(404);
  }
});

test("an open flow accepts nodes until it is sealed, and is cancelled by one request", async () => {
  const { send, ended } = client();
  expect(await send("POST", "", { id: "f", open: true })).toMatchObject({ status: 201 });
  expect(await send("POST", "/f/nodes", [node("a")])).toMatchObject({
    status: 200,
    json: { added: 1, known: 0 },
  });
  const more = lines([node("a"), node("b", { after: ["a"] })]);
  expect(await send("POST", "/f/nodes", more, NDJSON)).toMatchObject({ json: { added: 1, known: 1 } });
  expect((await send("GET", "/f")).json).toMatchObject({ state: "open", counts: { total: 2 } });
  expect(await send("POST", "/f/seal")).toEqual({
    status: 200,
    json: { id: "f", nodes: 2, duplicate: false },
  });
  expect(await send("POST", "/f/seal")).toMatchObject({ status: 200, json: { duplicate: true } });
  expect(await send("POST", "/f/nodes", [node("c")])).toMatchObject({
    status: 409,
    json: { code: "conflict" },
  });
  expect(await send("POST", "/f/cancel")).toEqual({ status: 200, json: { id: "f", outcome: "cancelled" } });
  expect(await send("POST", "/none/nodes", [node("c")])).toMatchObject({ status: 404 });
  expect(await send("POST", "/none/cancel")).toMatchObject({ status: 404 });
  expect(await send("POST", "/none/seal")).toMatchObject({ status: 404 });
  // No worker or janitor runs here to count the ends of nodes. Storing another flow makes the queue count them.
  await send("POST", "", { nodes: [] });
  await ended("f");
});

test("a large flow is streamed as lines, and after an interruption the repeated request continues", async () => {
  const { url, send } = client();
  const all = Array.from({ length: 20_000 }, (_, at) =>
    node(`n${at}`, at > 0 ? { after: [`n${at - 1}`] } : {}),
  );
  const broken = request(url, { method: "POST", headers: { "content-type": NDJSON } });
  broken.on("error", () => {});
  broken.write(lines([{ id: "f" }, ...all.slice(0, 12_000)]));
  await until("some nodes are stored", async () => ((await send("GET", "/f")).json.counts?.total ?? 0) > 0);
  const closed = new Promise((resolve) => broken.once("close", resolve));
  broken.destroy();
  await closed;
  expect((await send("GET", "/f")).json).toMatchObject({ state: "open" });
  expect(await send("POST", "", lines([{ id: "f" }, ...all]), NDJSON)).toEqual({
    status: 201,
    json: { id: "f", nodes: 20_000, duplicate: false },
  });
  expect((await send("GET", "/f")).json).toMatchObject({
    state: "running",
    counts: { total: 20_000, waiting: 19_999, active: 1 },
  });
}, 60_000);
