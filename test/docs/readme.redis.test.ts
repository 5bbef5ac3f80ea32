import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import {
  freePort,
  type RedisServer,
  type ServiceProcess,
  startRedisServer,
  startService,
  until,
} from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { newKeyText, recordOf } from "../../services/init/src/api-key.ts";

// Runs the commands in the README, docs/http.md and docs/flows.md. Free ports replace the fixed ones.
const root = resolve(import.meta.dirname, "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const httpPage = readFileSync(join(root, "docs/http.md"), "utf8");
const flowsPage = readFileSync(join(root, "docs/flows.md"), "utf8");
const run = promisify(execFile);
let redis: RedisServer;
const ports = { producer: 0, observability: 0 };
let keys = { folder: "", text: "" };
const running: ServiceProcess[] = [];

beforeAll(async () => {
  redis = await startRedisServer();
  keys = await keyFile();
  ports.producer = await freePort();
  ports.observability = await freePort();
  const start = async (name: string, env: Record<string, string> = {}) => {
    const main = join(root, "services", name, "dist/main.js");
    running.push(
      startService(main, { REDIS_URL: redis.url, API_KEYS_FILE: join(keys.folder, "keys.json"), ...env }),
    );
  };
  await start("producer-api", { PORT: String(ports.producer) });
  await start("observability", { OBSERVABILITY_PORT: String(ports.observability) });
  await start("worker", { QUEUES: "default,demo", METRICS_PORT: String(await freePort()) });
  await start("janitor", { METRICS_PORT: String(await freePort()) });
  const ready = async (port: number) =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      (response) => response.ok,
      () => false,
    );
  await until("producer-api is ready", () => ready(ports.producer), 60_000);
  await until("observability is ready", () => ready(ports.observability), 60_000);
}, 130_000);

afterAll(async () => {
  await Promise.all(running.map((service) => service.kill()));
  await redis?.stop();
  await rm(keys.folder, { recursive: true, force: true });
});

/** Makes a keys file with the hash of an admin key, as `make up` does. */
async function keyFile() {
  const folder = await mkdtemp(join(tmpdir(), "holdfast-keys-"));
  const text = newKeyText();
  await writeFile(
    join(folder, "keys.json"),
    JSON.stringify({ keys: [recordOf(text, { label: "admin", scopes: ["admin"] }, Date.now())] }),
  );
  return { folder, text };
}

function between(page: string, begin: string, end: string): string {
  const from = page.indexOf(begin);
  const to = page.indexOf(end, from);
  if (from < 0 || to < 0) throw new Error(`the page has no ${begin} … ${end}`);
  return page.slice(from, to);
}

/** Runs the `curl` blocks of a page, one after another. Returns the JSON bodies of each block. */
async function typeCurl(page: string): Promise<Record<string, unknown>[][]> {
  const blocks = between(page, "<!-- curl", "<!-- /curl -->").matchAll(/```sh\n([\s\S]*?)```/g);
  const seen: Record<string, unknown>[][] = [];
  for (const [, block = ""] of blocks) seen.push(await type(block));
  return seen;
}

/** Runs a block in bash. Fails on an HTTP error. Returns the JSON bodies in order. */
async function type(block: string): Promise<Record<string, unknown>[]> {
  const script = block
    .replaceAll("127.0.0.1:3000", `127.0.0.1:${ports.producer}`)
    .replaceAll("127.0.0.1:3001", `127.0.0.1:${ports.observability}`);
  const [, auth] = /make -s key\)\n(auth=.*)\n```/.exec(readme) ?? [];
  const prelude =
    `set -euo pipefail\n${auth}\n` +
    'curl() { command curl --silent --fail-with-body --write-out "\\n" "$@"; }\n';
  const { stdout } = await run("bash", ["-c", prelude + script], {
    timeout: 20_000,
    env: { ...process.env, HOLDFAST_API_KEY: keys.text },
  }).catch((error: { message: string; stdout: string }) => {
    // The output of curl shows why the command failed, so it is part of the message.
    throw new Error(`${error.message}\n${error.stdout}`);
  });
  return stdout
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line));
}

test("the curl examples in the README work", async () => {
  const [enqueue, replay, ...rest] = await typeCurl(readme);
  expect(rest).toEqual([]);
  expect(enqueue).toMatchObject([
    { id: "hello-0", state: "pending" },
    { state: "completed", payloadText: '{"n":12345678901234567890}' },
  ]);
  expect(replay).toMatchObject([{ dryRun: false, replayed: 0 }]);
});

test("the curl examples in docs/http.md work, one after another", async () => {
  const [
    enqueue,
    get,
    batch,
    lines,
    flow,
    events,
    cancel,
    change,
    stats,
    dead,
    replay,
    errors,
    pause,
    settings,
    limits,
    partitions,
    ...rest
  ] = await typeCurl(httpPage);
  expect(rest).toEqual([]);
  expect(enqueue).toEqual([{ id: "hello-1", state: "pending", durability: "memory" }]);
  expect(get).toMatchObject([{ state: "completed", payloadText: '{"n":12345678901234567890}', attempts: 1 }]);
  expect(batch).toMatchObject([{ accepted: 2, failed: 0 }]);
  expect(lines).toMatchObject([
    { accepted: 2, failed: 0, results: [{ status: 201 }, { state: "scheduled" }] },
  ]);
  expect(flow).toMatchObject([
    { id: "two-steps", nodes: 2, duplicate: false },
    { id: "two-steps", counts: { total: 2 } },
  ]);
  const [configured, ...others] = events ?? [];
  expect(configured).toMatchObject({ maxEvents: 100_000 });
  // Tasks of earlier examples may still end in this time, so only events of this task are compared.
  expect(others.filter(({ id }) => id === "seen-1")).toMatchObject([
    { state: "pending" },
    { type: "enqueued", id: "seen-1" },
    { type: "completed", id: "seen-1", resultText: "1" },
  ]);
  expect(cancel).toMatchObject([{ id: "later-1" }, { id: "later-1", outcome: "cancelled" }]);
  expect(change).toMatchObject([
    { id: "later-2" },
    { id: "later-2", outcome: "changed", state: "scheduled" },
    { dryRun: false, skipped: 0, operationId: expect.stringMatching(/^op_/) },
  ]);
  expect(stats).toMatchObject([
    { queues: [{ queue: "default" }, { queue: "demo" }] },
    { queue: "default", cancelled: 1 },
    { reason: "terminal" },
    { workers: [{ queues: ["default", "demo"], state: "running" }] },
    { tasks: expect.arrayContaining([expect.objectContaining({ id: "hello-1" })]), cursor: null },
  ]);
  expect(dead).toMatchObject([
    { accepted: 2 },
    { state: "dead", deadReason: "retries_exhausted" },
    { state: "dead" },
    { tasks: [{ type: "demo.flaky" }, { type: "demo.flaky" }] },
    { errors: [{ dead: 2, type: "demo.flaky" }] },
  ]);
  expect(replay).toMatchObject([
    { replayed: 1, results: [{ id: "bad-1", outcome: "replayed" }] },
    { dryRun: true, matched: 1, replayed: 0 },
    { dryRun: false, replayed: 1 },
    { dryRun: false },
  ]);
  expect(errors).toMatchObject([
    { errors: expect.any(Array) },
    { dryRun: true, replayed: 0 },
    { mute: { until: expect.any(Number), untilFailures: null } },
  ]);
  expect(pause).toEqual([
    { queue: "default", paused: true },
    { queue: "default", paused: false },
  ]);
  expect(settings).toMatchObject([{ maxWaiting: 1_000_000, retentionCount: 10_000 }]);
  const key = { concurrency: 1, ordered: true, maxWaiting: 1_000 };
  const shared = { name: "database", limit: { concurrency: 20 }, queues: ["default", "reports"] };
  expect(limits?.slice(0, 4)).toMatchObject([
    { limits: { queue: { concurrency: 50 }, key } },
    { limits: { queue: { concurrency: 50 }, key } },
    shared,
    { limits: [shared] },
  ]);
  expect(partitions).toMatchObject([{ queue: "orders", partitions: 4 }, { state: "pending" }]);

  // The task with the new payload completes. The other task fails again, and the next example discards it.
  const task = await fetch(`http://127.0.0.1:${ports.producer}/v1/queues/default/tasks/bad-1?waitMs=10000`, {
    headers: { authorization: `Bearer ${keys.text}` },
  });
  expect(await task.json()).toMatchObject({
    state: "completed",
    generation: 1,
    payloadText: '{"failRate":0}',
  });
});

test("the curl examples in docs/flows.md work, one after another", async () => {
  const [whole, lines, open, looked, ...rest] = await typeCurl(flowsPage);
  expect(rest).toEqual([]);
  expect(whole).toMatchObject([
    { id: "order-7", nodes: 3, duplicate: false },
    { state: "completed", flow: { id: "order-7", name: "ship" } },
    { id: "order-7", counts: { total: 3 } },
    { nodes: [{ name: "check", resultText: '{ "n": 12345678901234567890 }' }, { name: "pay" }], cursor: "2" },
  ]);
  expect(lines).toEqual([{ id: "nightly-1", nodes: 2, duplicate: false }]);
  expect(open).toEqual([
    { id: "import-1", nodes: 0, duplicate: false },
    { id: "import-1", added: 2, known: 0 },
    { id: "import-1", nodes: 2, duplicate: false },
  ]);
  const [why, flows = {}, cancelled] = looked ?? [];
  expect(why).toMatchObject({
    ...{ state: "waiting", reason: "after" },
    detail: "it waits for 1 of the 1 nodes before it in flow import-1: a (scheduled)",
  });
  expect((flows.flows as { id: string }[]).map(({ id }) => id).sort()).toEqual([
    ...["import-1", "nightly-1", "order-7", "two-steps"],
  ]);
  expect(cancelled).toEqual({ id: "import-1", outcome: "cancelled" });
});

test("the library examples in the README run", async () => {
  // The second block continues with the handlers of the first one.
  const [first = "", second = ""] = [...readme.matchAll(/```js\n([\s\S]*?)```/g)].map(([, text]) => text);
  const code = `${first}${second}console.log(run.outcome);\n`;
  const own = code.replaceAll("redis://127.0.0.1:6379", redis.url);
  expect(own).not.toBe(code);
  const folder = await mkdtemp(join(tmpdir(), "holdfast-readme-"));
  try {
    await mkdir(join(folder, "node_modules"));
    await symlink(join(root, "packages/holdfast"), join(folder, "node_modules/holdfast"));
    await writeFile(join(folder, "example.mjs"), own);
    const { stdout, stderr } = await run(process.execPath, ["example.mjs"], { cwd: folder, timeout: 25_000 });
    expect(stderr).toBe("");
    expect(stdout).toBe('completed {"sentTo":"a@example.com","attempt":1}\ndead\n');
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
