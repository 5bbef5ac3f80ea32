import { fileURLToPath } from "node:url";
import {
  freePort,
  type RedisServer,
  type ServiceProcess,
  startRedisServer,
  startService,
  until,
} from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";

let redis: RedisServer;
let app: ServiceProcess;
let base: string;

beforeAll(async () => {
  redis = await startRedisServer();
  const port = String(await freePort());
  base = `http://127.0.0.1:${port}`;
  const script = fileURLToPath(new URL("app.mjs", import.meta.url));
  app = startService(script, { REDIS_URL: redis.url, PORT: port });
  await until("the app answers", async () => (await fetch(base).catch(() => null))?.status === 404, 60_000);
});
afterAll(async () => {
  await app?.kill();
  await redis?.stop();
});

async function post(path: string, body: object, cookie = "") {
  const headers = { "content-type": "application/json", origin: base, cookie };
  return fetch(base + path, { method: "POST", headers, body: JSON.stringify(body) });
}

const get = (path: string, cookie = "") => fetch(`${base}/admin/queues${path}`, { headers: { cookie } });

async function logIn(name: string, password: string): Promise<string> {
  const response = await post("/log-in", { name, password });
  expect(response.status).toBe(200);
  return response.headers.getSetCookie()[0]?.split(";", 1)[0] ?? "";
}

test("a task of the app is run by its worker, and an admin of the app sees it in the dashboard", async () => {
  const accepted = await post("/customers", { mail: "grace@example.com" });
  const { task } = (await accepted.json()) as { task: string };
  const ada = await logIn("ada", "lovelace");
  const seen = async () =>
    (await get(`/v1/queues/mails/tasks/${task}`, ada)).json() as Promise<{ state: string }>;
  await until("the task has completed", async () => (await seen()).state === "completed", 30_000);
  expect((await get("/", ada)).status).toBe(200);
  await until(
    "changes are allowed",
    async () => (await post("/admin/queues/v1/queues/mails/pause", {}, ada)).status === 200,
    30_000,
  );
});

test("the dashboard knows the roles of the app, and nobody else", async () => {
  expect((await get("/")).status).toBe(403);
  const vera = await logIn("vera", "rubin");
  expect((await get("/v1/queues", vera)).status).toBe(200);
  expect((await post("/admin/queues/v1/queues/mails/resume", {}, vera)).status).toBe(403);
  await post("/log-out", {}, vera);
  expect((await get("/v1/queues", vera)).status).toBe(403);
});

test("the app ends on SIGTERM", async () => {
  app.child.kill("SIGTERM");
  expect(await app.exit(60_000)).toEqual({ code: 0, signal: null });
});
