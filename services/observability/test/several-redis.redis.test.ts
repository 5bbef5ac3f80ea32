import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RedisListReply } from "@holdfast/contracts/api";
import { KeyStore, mintKey } from "@holdfast/service/keys";
import { freePort, type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Queue } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { WebSocket } from "ws";
import { type Running, startRunning } from "./running.ts";

let eu: RedisServer;
let running: Running;
let folder: string;
const queues: Queue[] = [];

beforeAll(async () => {
  eu = await startRedisServer();
  folder = await mkdtemp(join(tmpdir(), "holdfast-several-"));
  // Nothing listens at the address of the Redis "away".
  const urls = join(folder, "urls");
  await writeFile(urls, `eu=${eu.url}\naway=redis://127.0.0.1:${await freePort()}\n`);
  running = await startRunning({
    env: { REDIS_NAME: "home", REDIS_URLS_FILE: urls, BASE_PATH: "/sub", ENVIRONMENT: "development" },
  });
  await until("both answer", async () => {
    const { redis } = await list();
    return redis.filter(({ isUp }) => isUp).length === 2;
  });
  await until("changes are allowed", async () => (await call("GET", "/redis/eu/readyz")).status === 200);
  for (const [redis, name] of [
    [running.redis, "at-home"],
    [eu, "in-europe"],
  ] as const) {
    const queue = new Queue(name, { redis: redis.url });
    queues.push(queue);
    await queue.enqueue("t", 1, { id: "one" });
  }
}, 60_000);
afterAll(async () => {
  for (const queue of queues) await queue.close();
  await running?.stop();
  await eu?.stop();
  await rm(folder, { recursive: true, force: true });
});

const call: Running["call"] = (...args) => running.call(...args);
const list = async (path = "") => (await call("GET", `${path}/v1/redis`)).json() as unknown as RedisListReply;
const namesAt = async (path: string) => {
  const { queues } = (await call("GET", `${path}/v1/queues`)).json() as { queues: { queue: string }[] };
  return queues.map(({ queue }) => queue);
};

/** Opens the live stream, and returns the queues of its first frame. */
async function streamed(path: string): Promise<string[]> {
  const socket = new WebSocket(`${running.url.replace("http", "ws")}${path}/v1/stream`, {
    headers: { origin: running.url },
  });
  try {
    return await new Promise<string[]>((resolve, reject) => {
      socket.on("error", reject);
      socket.on("message", (data) => {
        const { queues } = JSON.parse(String(data)) as { queues: { queue: string }[] };
        if (queues.length > 0) resolve(queues.map(({ queue }) => queue));
      });
    });
  } finally {
    socket.close();
  }
}

test("each Redis has an API and a live stream of its own, also behind a proxy that keeps the base path", async () => {
  for (const base of ["", "/sub"]) {
    expect(await namesAt(base)).toEqual(["at-home"]);
    expect(await namesAt(`${base}/redis/eu`)).toEqual(["in-europe"]);
    expect(await streamed(base)).toEqual(["at-home"]);
    expect(await streamed(`${base}/redis/eu`)).toEqual(["in-europe"]);
  }
  expect((await call("GET", "/redis/eu/v1/queues/at-home")).status).toBe(404);
  expect((await call("GET", "/redis/eu/v1/queues/in-europe/tasks/one")).json()).toMatchObject({ type: "t" });
});

test("the API of each Redis lists all of them with their health, and says which one it belongs to", async () => {
  const redis = [
    { name: "home", path: "", isUp: true, onFire: 1 },
    { name: "eu", path: "redis/eu/", isUp: true, onFire: 1 },
    { name: "away", path: "redis/away/", isUp: false, onFire: 0 },
  ];
  await until(
    "the queues were sampled",
    async () => (await list()).redis.filter(({ onFire }) => onFire).length === 2,
  );
  expect(await list()).toEqual({ name: "home", redis });
  expect(await list("/redis/eu")).toEqual({ name: "eu", redis });
  expect((await call("GET", "/v1/session")).json().redis).toBe("home");
  expect((await call("GET", "/redis/away/v1/session")).json().redis).toBe("away");
});

test("a change reaches only its own Redis, with its audit log and its metrics", async () => {
  expect((await call("POST", "/redis/eu/v1/queues/in-europe/pause", { reason: "why" })).status).toBe(200);
  const audit = async (path: string) =>
    ((await call("GET", `${path}/v1/audit`)).json() as { records: { action: string }[] }).records;
  expect((await audit("/redis/eu")).map(({ action }) => action)).toEqual(["queue.pause"]);
  expect(await audit("")).toEqual([]);
  expect((await call("GET", "/redis/eu/metrics")).text).toContain('queue="in-europe"');
  expect((await call("GET", "/metrics")).text).not.toContain('queue="in-europe"');
  await call("POST", "/redis/eu/v1/queues/in-europe/resume", {});
});

test("the address of what was made has the path of the request, so that a client can follow it", async () => {
  for (const [path, queue] of [
    ["", "at-home"],
    ["/sub", "at-home"],
    ["/redis/eu", "in-europe"],
    ["/sub/redis/eu", "in-europe"],
  ] as const) {
    const made = await call("POST", `${path}/v1/queues/${queue}/tasks`, { type: "t", payload: 1 });
    const { id } = made.json();
    const location = made.headers.get("location") ?? "";
    expect(location).toBe(`${path}/v1/queues/${queue}/tasks/${id}`);
    expect((await call("GET", location)).json()).toMatchObject({ id, queue });
  }
});

test("if a Redis cannot be reached, only the requests to that Redis fail", async () => {
  expect((await call("GET", "/readyz")).status).toBe(200);
  expect((await call("GET", "/redis/away/readyz")).status).toBe(503);
  expect((await call("GET", "/redis/away/livez")).status).toBe(200);
  const refused = await call("POST", "/redis/away/v1/queues/q/pause", {});
  expect([refused.status, refused.headers.get("content-type")]).toEqual([
    ...[503, expect.stringContaining("application/problem+json")],
  ]);
  expect(running.fatal).toEqual([]);
});

test("a path without the slash at its end is redirected, and an unknown name leads to no Redis", async () => {
  const answer = await fetch(`${running.url}/redis/eu`, { redirect: "manual" });
  expect([answer.status, answer.headers.get("location")]).toEqual([308, "eu/"]);
  expect((await call("GET", "/redis/eu/queues/in-europe")).text).toContain('<base href="../">');
  expect((await call("GET", "/redis/nowhere/v1/queues")).text).not.toContain("at-home");
});

test("when one Redis goes away, the others go on, and it is shown again when it is back", async () => {
  await eu.kill();
  await until("it is seen", async () => (await list()).redis[1]?.isUp === false, 30_000);
  expect(await namesAt("")).toEqual(["at-home"]);
  expect((await call("POST", "/v1/queues/at-home/pause", {})).status).toBe(200);
  expect(await streamed("")).toEqual(["at-home"]);
  expect((await list("/redis/eu")).name).toBe("eu");
  await eu.start();
  await until("it is back", async () => (await list()).redis[1]?.isUp === true, 30_000);
  expect((await call("GET", "/redis/eu/readyz")).status).toBe(200);
  expect(running.fatal).toEqual([]);
});

test("one key is valid for all of them, with the same role", async () => {
  const client = new Holdfast({ redis: running.redis.url });
  const { key, text } = mintKey({ label: "vera", scopes: ["read"] });
  await new KeyStore(client).add(key);
  await client.close();
  await until("keys are required", async () => (await call("GET", "/redis/eu/v1/redis")).status === 401);
  const logIn = await call("POST", "/redis/eu/v1/session", { key: text }, { origin: running.url });
  expect(logIn.status).toBe(200);
  const cookie = (logIn.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  for (const path of ["", "/redis/eu", "/redis/away"]) {
    const session = await call("GET", `${path}/v1/session`, undefined, { cookie });
    expect([path, session.json().label, session.json().role]).toEqual([path, "vera", "viewer"]);
    const refused = await call("POST", `${path}/v1/queues/q/pause`, {}, { cookie, origin: running.url });
    expect([path, refused.status]).toEqual([path, 403]);
  }
});
