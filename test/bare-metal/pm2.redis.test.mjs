import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { freePort, startRedisServer, until } from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Observer } from "../../packages/holdfast/dist/index.js";
import { openPm2, readyUrl, root, waitReady } from "../../scripts/pm2.mjs";

const QUEUE = "pm2";
const GRACE_MS = 3_000;
const home = mkdtempSync(join(tmpdir(), "hf-pm2-"));
const pm2 = openPm2(home);
const command = createRequire(join(root, "package.json")).resolve("pm2/bin/pm2");
let redis;
let env;
let observer;
let api;

/**
 * Returns a port for METRICS_PORT. The port itself and the next two are free, because PM2 adds the number of the
 * instance to it. The port 200 above is free for the janitor. All of them are below the ports that the system gives to
 * the servers of other tests.
 */
async function freeMetricsPort() {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 11_000);
    const all = [port, port + 1, port + 200];
    const taken = await Promise.all(
      all.map((other) =>
        fetch(`http://127.0.0.1:${other}`, { signal: AbortSignal.timeout(500) }).then(
          () => true,
          () => false,
        ),
      ),
    );
    if (!taken.includes(true)) return port;
  }
}

/** Runs PM2 without blocking this process, which sends the load at the same time. */
const run = (...args) =>
  promisify(execFile)(process.execPath, [command, ...args], {
    cwd: root,
    env: { ...process.env, ...env, PM2_HOME: home },
  });

const running = (name) => pm2.processes().filter((process) => process.name === `holdfast-${name}`);
const isReady = (process) =>
  fetch(readyUrl(process), { signal: AbortSignal.timeout(2_000) }).then(
    (response) => response.ok,
    () => false,
  );

/** Sends batches with ids until it is stopped. If tasks are refused during a restart, it sends them again. */
function startLoad() {
  let stopped = false;
  const load = { accepted: 0, repeated: 0, stop: async () => {} };
  const done = (async () => {
    for (let batch = 0; !stopped; batch++) {
      const tasks = Array.from({ length: 20 }, (_, i) => ({
        id: `t${batch}-${i}`,
        type: "demo.sleep",
        payload: { ms: 5 },
      }));
      for (;;) {
        const response = await fetch(`${api}/batch`, {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify(tasks),
          signal: AbortSignal.timeout(20_000),
        }).catch(() => null);
        const answer = response?.status === 207 ? await response.json().catch(() => null) : null;
        if (answer?.failed === 0) break;
        load.repeated++;
        await delay(50);
      }
      load.accepted += tasks.length;
      await delay(20);
    }
  })();
  load.stop = () => {
    stopped = true;
    return done;
  };
  return load;
}

beforeAll(async () => {
  redis = await startRedisServer();
  const port = await freePort();
  // The dispatcher starts only if there is a file of endpoints. This file contains none.
  const endpoints = join(home, "endpoints.json");
  writeFileSync(endpoints, "{}");
  env = {
    REDIS_URL: redis.url,
    PORT: String(port),
    OBSERVABILITY_PORT: String(await freePort()),
    DISPATCHER_PORT: String(await freePort()),
    ENDPOINTS_FILE: endpoints,
    WORKER_API_PORT: String(await freePort()),
    METRICS_PORT: String(await freeMetricsPort()),
    QUEUES: QUEUE,
    HOLDFAST_WORKERS: "2",
    HOLDFAST_JANITORS: "1",
    LEASE_MS: "2000",
    SHUTDOWN_GRACE_MS: String(GRACE_MS),
  };
  api = `http://127.0.0.1:${port}/v1/queues/${QUEUE}/tasks`;
  observer = new Observer({ redis: redis.url });
});

afterAll(async () => {
  await observer?.close();
  if (pm2.runs()) {
    pm2.run(["delete", "all"], { tolerant: true });
    pm2.run(["kill"], { tolerant: true });
  }
  await redis?.stop();
  rmSync(home, { recursive: true, force: true });
}, 120_000);

test("PM2 starts the system, replaces a killed worker, and reloads everything under load without losing a task", {
  timeout: 300_000,
}, async () => {
  await run("start", "ecosystem.config.cjs");
  expect(await waitReady(pm2, 90_000)).toEqual([]);
  const workers = running("worker");
  expect(
    pm2
      .processes()
      .map(({ name, status }) => `${name} ${status}`)
      .sort(),
  ).toEqual([
    "holdfast-dispatcher online",
    "holdfast-janitor online",
    "holdfast-observability online",
    "holdfast-producer-api online",
    "holdfast-worker online",
    "holdfast-worker online",
    "holdfast-worker-api online",
  ]);
  const ports = workers.map((worker) => new URL(readyUrl(worker)).port);
  expect(new Set(ports).size).toBe(2);
  for (const port of ports) {
    await until(`a worker serves its metrics on ${port}`, () =>
      fetch(`http://127.0.0.1:${port}/metrics`).then(
        async (response) => (await response.text()).includes('holdfast_build_info{service="worker"'),
        // The server may have closed the connection of this request a moment ago, which is no error here.
        () => false,
      ),
    );
  }
  for (const { env: settings } of pm2.processes()) {
    expect(settings.wait_ready).toBe(true);
    expect(settings.kill_timeout).toBeGreaterThan(GRACE_MS + 5_000);
  }

  const load = startLoad();
  await until(
    "100 tasks are completed",
    async () => (await observer.stats(QUEUE)).totals.acked > 100,
    60_000,
  );
  process.kill(workers[0].pid, "SIGKILL");
  await until(
    "PM2 has replaced the killed worker",
    async () => {
      const now = running("worker").filter(({ status }) => status === "online");
      if (now.length < 2 || now.some(({ pid }) => pid === workers[0].pid)) return false;
      return (await Promise.all(now.map(isReady))).every(Boolean);
    },
    60_000,
  );

  const before = new Set(pm2.processes().map(({ pid }) => pid));
  await run("reload", "ecosystem.config.cjs");
  expect(await waitReady(pm2, 90_000)).toEqual([]);
  expect(pm2.processes().filter(({ pid }) => before.has(pid))).toEqual([]);
  const { acked } = (await observer.stats(QUEUE)).totals;
  await until("the new workers work", async () => (await observer.stats(QUEUE)).totals.acked > acked, 60_000);

  await load.stop();
  await until(
    "the queue has drained",
    async () => {
      const { pending, processing, scheduled } = await observer.stats(QUEUE);
      return pending + processing + scheduled === 0;
    },
    60_000,
  );
  // The test compares totals, because the queue keeps only the last 10,000 completed tasks.
  const { totals } = await observer.stats(QUEUE);
  expect({ enqueued: totals.enqueued, acked: totals.acked, dead: totals.deadLettered }).toEqual({
    enqueued: load.accepted,
    acked: load.accepted,
    dead: 0,
  });
});
