import { spawn } from "node:child_process";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Janitor, Queue, Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createIntake, handlersFor, signatureOf } from "./relay.mjs";

const SECRET = "shared with the sender";
const servers: Server[] = [];
/** The idempotency keys that each target has received, in order. */
const got: Record<string, string[]> = { steady: [], shaky: [], picky: [] };
/** The answers of each target, in order. After these, it answers 200. */
const answers: Record<string, [number, Record<string, string>?][]> = {
  steady: [],
  shaky: [[500], [429, { "retry-after": "1" }]],
  picky: [[422]],
};

let redis: RedisServer;
let queue: Queue;
let worker: Worker;
let janitor: Janitor;
let intake: string;

async function listen(server: Server): Promise<string> {
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

beforeAll(async () => {
  redis = await startRedisServer();
  queue = new Queue("webhooks", { redis: redis.url });
  const urls: Record<string, string> = {};
  for (const target of Object.keys(got)) {
    const server = createServer((request, response) => {
      got[target]?.push(String(request.headers["idempotency-key"]));
      const [status, headers] = answers[target]?.shift() ?? [200];
      request.resume().on("end", () => response.writeHead(status, headers).end());
    });
    urls[target] = await listen(server);
  }
  intake = await listen(createIntake({ queue, secret: SECRET, targets: Object.keys(urls) }));
  worker = new Worker("webhooks", handlersFor(urls), {
    redis: redis.url,
    backoff: { kind: "fixed", baseMs: 10 },
  });
  janitor = new Janitor({ redis: redis.url, queues: ["webhooks"] });
  await Promise.all([worker.start(), janitor.start()]);
});
afterAll(async () => {
  await worker?.stop();
  await janitor?.stop();
  await queue?.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await redis?.stop();
});

const send = async (body: string, headers: Record<string, string>) =>
  (await fetch(intake, { method: "POST", body, headers })).status;

const signed = (body: string, id: string) => ({
  "webhook-id": id,
  "webhook-signature": signatureOf(SECRET, body),
});

test("a webhook that comes twice reaches each target once, or becomes a dead letter", async () => {
  const body = '{"order":7}';
  expect(await send(body, signed(body, "w1"))).toBe(202);
  expect(await send(body, signed(body, "w1"))).toBe(202);
  const task = (target: string) => queue.result(`${target}:w1`, { waitMs: 30_000 });
  expect(await task("steady")).toMatchObject({ state: "completed", attempts: 1 });
  // The answer 500 costs an attempt, and the answer 429 does not.
  expect(await task("shaky")).toMatchObject({ state: "completed", attempts: 2 });
  expect(await task("picky")).toMatchObject({
    state: "dead",
    attempts: 1,
    lastError: expect.stringContaining("picky refused the webhook with 422"),
  });
  expect(got).toEqual({
    steady: ["steady:w1"],
    shaky: ["shaky:w1", "shaky:w1", "shaky:w1"],
    picky: ["picky:w1"],
  });
});

test("a webhook without a right signature, with a wrong id or too large is refused", async () => {
  const body = '{"order":8}';
  expect(await send(body, { "webhook-id": "w2", "webhook-signature": signatureOf("other", body) })).toBe(401);
  expect(await send(body, { "webhook-id": "w2" })).toBe(401);
  expect(await send(body, signed(body, "not an id"))).toBe(400);
  const large = "x".repeat(100_001);
  expect(await send(large, signed(large, "w3"))).toBe(413);
  expect(await queue.get("steady:w2")).toBeNull();
});

test("the program forwards a webhook to the target of its command line, and ends on SIGTERM", async () => {
  const keys: string[] = [];
  const target = createServer((request, response) => {
    keys.push(String(request.headers["idempotency-key"]));
    response.end();
  });
  const url = await listen(target);
  const port = String(await freePort());
  const script = fileURLToPath(new URL("start.mjs", import.meta.url));
  const env = { ...process.env, REDIS_URL: redis.url, SECRET, PORT: port };
  const program = spawn(process.execPath, [script, url], { env, stdio: "inherit" });
  const ended = new Promise((resolve) => program.once("exit", resolve));
  try {
    const post = () =>
      fetch(`http://127.0.0.1:${port}/`, { method: "POST", body: "{}", headers: signed("{}", "w4") });
    await until(
      "the webhook is accepted",
      async () => (await post().catch(() => null))?.status === 202,
      60_000,
    );
    await until("the target has it", () => keys.length === 1, 30_000);
    expect(keys).toEqual(["target-1:w4"]);
  } finally {
    program.kill("SIGTERM");
  }
  expect(await ended).toBe(0);
});
