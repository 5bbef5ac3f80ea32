import { createLogger, loadConfig } from "@holdfast/service";
import { KeyStore, mintKey, type NewKey } from "@holdfast/service/keys";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type App, startApp } from "../src/app.ts";
import { configSchema } from "../src/config.ts";

let redis: RedisServer;
let app: App;
let client: Holdfast;
let base: string;

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
  await client.check();
  await new KeyStore(client).add(mintKey({ label: "first", scopes: ["admin"] }).key);
  const port = await freePort();
  base = `http://127.0.0.1:${port}/v1/queues/pins/tasks`;
  const config = loadConfig(configSchema, {
    PORT: String(port),
    REDIS_URL: redis.url,
    LOG_LEVEL: "silent",
    CONFLICTS_PER_MINUTE: "4",
    MASKED_POINTERS: "/pin",
  });
  app = await startApp(config, "test", createLogger(config, "producer-api"), new AbortController().signal);
  await app.opened;
});
afterAll(async () => {
  await app?.stop();
  await client?.close();
  await redis?.stop();
});

async function keyOf(scopes: NewKey["scopes"]) {
  const { key, text } = mintKey({ label: "test", scopes });
  await new KeyStore(client).add(key);
  const send = (path: string, body: string, headers: Record<string, string> = {}) =>
    fetch(base + path, {
      method: "POST",
      headers: { authorization: `Bearer ${text}`, "content-type": "application/json", ...headers },
      body,
    });
  await until(
    "the service knows the API key",
    async () => (await send("", "nonsense")).status !== 401,
    5_000,
  );
  return send;
}

const guess = (pin: number) => JSON.stringify({ id: "victim", type: "t", payload: { pin } });

test("a caller who may not see a payload gets only a few guesses, with every way to enqueue", async () => {
  const admin = await keyOf(["admin"]);
  expect((await admin("", guess(7_777))).status).toBe(201);
  for (const scopes of [["enqueue"], ["enqueue", "read"]] as const) {
    const send = await keyOf(scopes);
    const statuses = [
      (await send("", guess(1))).status,
      (await send("", guess(2), { "content-encoding": "identity" })).status,
    ];
    const batch = (await (await send("/batch", `[${guess(3)},${guess(4)},${guess(5)}]`)).json()) as {
      results: { status: number }[];
    };
    statuses.push(...batch.results.map(({ status }) => status));
    expect([scopes, statuses]).toEqual([scopes, [409, 409, 409, 409, 409]]);
    // After too many guesses, even a correct one is not confirmed.
    for (const headers of [{}, { "content-encoding": "identity" }]) {
      const refused = await send("", guess(7_777), headers);
      expect([refused.status, await refused.json()]).toMatchObject([429, { code: "rate_limited" }]);
      expect(Number(refused.headers.get("retry-after"))).toBeGreaterThan(10);
    }
    const lines = await send("/batch", `${guess(7_777)}\n`, { "content-type": "application/x-ndjson" });
    expect(await lines.json()).toMatchObject({ failed: 1, results: [{ status: 429, id: "victim" }] });
    expect((await send("", '{"type":"t","payload":1}')).status).toBe(201);
  }
});

test("a caller who may see every payload is not limited", async () => {
  const admin = await keyOf(["admin"]);
  for (let pin = 0; pin < 10; pin++) expect((await admin("", guess(pin))).status).toBe(409);
});
