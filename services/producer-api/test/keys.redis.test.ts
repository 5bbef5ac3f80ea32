import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { createLogger, loadConfig } from "@holdfast/service";
import { KeyStore, mintKey, type NewKey } from "@holdfast/service/keys";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type App, startApp } from "../src/app.ts";
import { configSchema } from "../src/config.ts";

let redis: RedisServer;
let app: App;
let client: Holdfast;
let port: number;

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  await client.check();
  port = await freePort();
  const config = loadConfig(configSchema, { PORT: String(port), REDIS_URL: redis.url, LOG_LEVEL: "silent" });
  app = await startApp(config, "test", createLogger(config, "producer-api"), new AbortController().signal);
  await app.opened;
});
afterAll(async () => {
  await app?.stop();
  await client?.close();
  await redis?.stop();
});

async function keyOf(spec: Partial<NewKey> = {}) {
  const { key, text } = mintKey({ label: "test", scopes: ["enqueue"], ...spec });
  await new KeyStore(client).add(key);
  return { id: key.id, text };
}

interface Answer {
  status: number;
  headers: IncomingHttpHeaders;
  json: Record<string, unknown>;
}

function send(method: string, path: string, key?: string, body?: string): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = httpRequest(
      {
        port,
        host: "127.0.0.1",
        method,
        path,
        headers: {
          ...(key === undefined ? {} : { authorization: `Bearer ${key}` }),
          ...(body === undefined
            ? {}
            : { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
        },
      },
      (response) => {
        let text = "";
        response.on("data", (chunk) => {
          text += String(chunk);
        });
        response.on("end", () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            json: JSON.parse(text || "{}") as Record<string, unknown>,
          }),
        );
      },
    );
    sent.on("error", reject);
    sent.end(body);
  });
}

const TASK = '{"type":"t","payload":1}';
const enqueue = (key?: string, queue = "q") => send("POST", `/v1/queues/${queue}/tasks`, key, TASK);
const batch = (key?: string, queue = "q") =>
  send("POST", `/v1/queues/${queue}/tasks/batch`, key, `[${TASK}]`);

test("on loopback everybody may enqueue until the first key exists; then a key is needed", async () => {
  expect((await enqueue()).status).toBe(201);
  // No keys exist yet, so even a key of another service is accepted.
  expect((await enqueue("hf_of_elsewhere")).status).toBe(201);
  const { text } = await keyOf();
  await until("the service requires keys", async () => (await enqueue()).status === 401);
  expect((await enqueue(text)).status).toBe(201);
  expect((await batch(text)).status).toBe(207);
  for (const answer of [await enqueue(), await batch(), await enqueue("hf_of_elsewhere")]) {
    expect(answer.status).toBe(401);
    expect(answer.headers["www-authenticate"]).toBe('Bearer realm="holdfast"');
    expect(answer.json).toMatchObject({ code: "unauthorized", status: 401 });
    expect(answer.headers["content-type"]).toContain("application/problem+json");
  }
  for (const path of ["/livez", "/readyz", "/openapi.json"])
    expect((await send("GET", path)).status).toBe(200);
});

test("a key allows what its scopes say, in the queues that it names, and nothing else", async () => {
  const [writes, reads, both] = await Promise.all([
    keyOf({ label: "writer", queues: ["q", "mail"] }),
    keyOf({ label: "reader", scopes: ["read"] }),
    keyOf({ label: "both", scopes: ["enqueue", "read"], queues: ["mail"] }),
  ]);
  await until("the keys are known", async () => (await enqueue(both.text, "mail")).status === 201);
  const created = await enqueue(writes.text, "mail");
  expect(created.status).toBe(201);
  const task = `/v1/queues/mail/tasks/${String(created.json.id)}`;
  expect((await send("GET", task, reads.text)).status).toBe(200);
  expect((await send("GET", task, both.text)).status).toBe(200);
  const refused = [
    [await send("GET", task, writes.text), 'the scope "read"'],
    [await enqueue(reads.text), 'the scope "enqueue"'],
    [await batch(reads.text), 'the scope "enqueue"'],
    [await send("DELETE", task, reads.text), 'the scope "enqueue"'],
    [await enqueue(both.text, "q"), "other queues"],
    [await batch(writes.text, "other"), "other queues"],
    [await send("GET", task.replace("mail", "q"), both.text), "other queues"],
  ] as const;
  for (const [answer, why] of refused) {
    expect(answer).toMatchObject({ status: 403, json: { code: "forbidden" } });
    expect(String(answer.json.detail)).toContain(why);
  }
  expect((await send("DELETE", task, writes.text)).status).toBe(200);
});

test("a key uses only its own queues in nodes and callbacks, and sees no results of others", async () => {
  const [all, mine] = await Promise.all([
    keyOf({ label: "all", scopes: ["enqueue", "read"] }),
    keyOf({ label: "mine", scopes: ["enqueue", "read"], queues: ["mine"] }),
  ]);
  await until("the service requires keys", async () => (await enqueue()).status === 401);
  await until("the keys are known", async () => (await enqueue(mine.text, "mine")).status === 201);
  expect((await enqueue(all.text, "mail")).status).toBe(201);
  const flows = "/v1/queues/mine/flows";
  const node = (name: string, queue?: string) => ({ name, type: "t", payload: 1, queue });
  const there = { type: "t", payload: 1, queue: "mail" };
  for (const body of [
    { id: "no", nodes: [node("a"), node("b", "mail")] },
    { id: "no", nodes: [], on: { done: there } },
  ]) {
    const answer = await send("POST", flows, mine.text, JSON.stringify(body));
    expect(answer).toMatchObject({ status: 403, json: { code: "forbidden" } });
  }
  expect((await send("GET", `${flows}/no`, mine.text)).status).toBe(404);
  const flow = { id: "over", nodes: [node("a"), node("b", "mail")], on: { done: there } };
  expect((await send("POST", flows, all.text, JSON.stringify(flow))).status).toBe(201);
  const worker = new Worker("mail", { t: () => "secret" }, { redis: redis.url });
  await worker.start();
  const results = async (key: string) => {
    const { json } = await send("GET", `${flows}/over/nodes`, key);
    return (json.nodes as { queue: string; resultText: string | null }[]).map(({ queue, resultText }) => [
      queue,
      resultText,
    ]);
  };
  await until("the node ran", async () => (await results(all.text))[1]?.[1] === '"secret"');
  await worker.stop();
  expect(await results(mine.text)).toEqual([
    ["mine", null],
    ["mail", null],
  ]);
  expect(
    await send("POST", flows, all.text, JSON.stringify({ nodes: [node("a", "nowhere")] })),
  ).toMatchObject({
    status: 404,
    json: {
      code: "queue_not_found",
      detail: expect.stringContaining('node "a": there is no queue "nowhere"'),
    },
  });
});

test("a revoked key is refused within a second, even on a connection that has just used it", async () => {
  const { id, text } = await keyOf();
  await until("the service knows the key", async () => (await enqueue(text)).status === 201);
  await new KeyStore(client).revoke(id);
  await until("the revoked key is refused", async () => (await enqueue(text)).status === 401, 1_000);
  expect((await batch(text)).status).toBe(401);
});

test("the answer to an expired key says that it has expired", async () => {
  const { text } = await keyOf({ expiresAt: Date.now() + 800 });
  await until("the service knows the key", async () => (await enqueue(text)).status === 201, 700);
  await until("the key has expired", async () => (await enqueue(text)).status === 401, 2_000);
  expect((await enqueue(text)).json.detail).toBe("this key has expired");
});

test("while Redis is down, the last known keys count: callers with a key get 503, and others get 401", async () => {
  const { text } = await keyOf({ scopes: ["admin"] });
  await until("the service knows the key", async () => (await enqueue(text)).status === 201);
  await redis.kill();
  const [mine, theirs] = await Promise.all([enqueue(text), enqueue("hf_of_elsewhere")]);
  expect([mine.status, theirs.status]).toEqual([503, 401]);
  await redis.start();
  // Redis has lost its data and with it the keys. The API must not become open because of that.
  await until("the service no longer knows the key", async () => (await enqueue(text)).status === 401);
  expect((await enqueue()).status).toBe(401);
});
