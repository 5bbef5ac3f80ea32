import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, until } from "@holdfast/testing";
import { type ConnectionSettings, Janitor, Observer, Queue, Worker } from "holdfast";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), "holdfast-topologies-"));
const servers: ChildProcess[] = [];

afterAll(() => {
  for (const server of servers) server.kill("SIGKILL");
  rmSync(dir, { recursive: true, force: true });
});

const cli = async (port: number, ...args: string[]) =>
  (await run("redis-cli", ["-p", String(port), ...args])).stdout.trim();

async function serve(port: number, args: string[]): Promise<void> {
  servers.push(
    spawn("redis-server", ["--port", String(port), "--save", "", "--dir", dir, ...args], { stdio: "ignore" }),
  );
  await until(`redis-server on ${port}`, async () => (await cli(port, "ping").catch(() => "")) === "PONG");
}

/** Enqueues 60 tasks of each kind and waits for their ends. The kinds are: completed, retried, dead, and replayed. */
async function lifecycle(redis: ConnectionSettings): Promise<void> {
  const queue = new Queue("topology", { redis });
  const observer = new Observer({ redis });
  const janitor = new Janitor({ redis, sweepIntervalMs: 100 });
  let mended = false;
  const worker = new Worker(
    ["topology", "other"],
    {
      ok: (task) => task.payload,
      once: (task) => {
        if (task.attempt === 1) throw new Error("first attempts fail");
      },
      broken: () => {
        if (!mended) throw new Error("not mended yet");
      },
    },
    { redis, pollMs: 10_000, backoff: { baseMs: 10, maxMs: 20 } },
  );
  try {
    await janitor.start();
    await worker.start();
    const tasks = ["ok", "once", "broken"].flatMap((type) =>
      Array.from({ length: 60 }, (_, n) => ({ type, payload: { n }, maxRetries: 2 })),
    );
    const results = await queue.enqueueMany(tasks);
    expect(results.filter((result) => !result.ok)).toEqual([]);
    await until("120 tasks are completed and 60 are dead", async () => {
      const stats = await observer.stats("topology");
      return stats.completed === 120 && stats.dead === 60;
    });
    mended = true;
    expect(await observer.replayAll("topology")).toEqual({ replayed: 60, skipped: 0 });
    await until(
      "all 180 tasks are completed",
      async () => (await observer.stats("topology")).completed === 180,
    );
    expect((await observer.audit("topology")).violations).toEqual([]);
    // The wake-up comes on a channel in the Cluster slot of the queue. The worker polls only every 10 s, so only a
    // wake-up starts a task so soon.
    const started = performance.now();
    const { id } = await queue.enqueue("ok", "wake up");
    expect((await queue.result(id, { waitMs: 5_000 }))?.resultText).toBe('"wake up"');
    expect(performance.now() - started).toBeLessThan(5_000);
  } finally {
    await worker.stop({ graceMs: 1_000 });
    await janitor.stop();
    await observer.close();
    await queue.close();
  }
}

describe("a Cluster of three", () => {
  let ports: number[] = [];
  beforeAll(async () => {
    // A Cluster node also listens on the port 10,000 above its own, for other nodes. Both ports have to be free.
    ports = [];
    while (ports.length < 3) {
      const port = await freePort();
      if (port < 50_000 && !ports.includes(port)) ports.push(port);
    }
    for (const port of ports)
      await serve(port, [
        "--cluster-enabled",
        "yes",
        "--cluster-config-file",
        `nodes-${port}.conf`,
        "--cluster-node-timeout",
        "2000",
      ]);
    await run("redis-cli", [
      "--cluster",
      "create",
      ...ports.map((port) => `127.0.0.1:${port}`),
      "--cluster-yes",
    ]);
    await until("the Cluster is healthy", async () => {
      const states = await Promise.all(ports.map((port) => cli(port, "cluster", "info")));
      return states.every((state) => state.includes("cluster_state:ok"));
    });
  });

  test("runs tasks from enqueue to end in two queues in different Cluster slots", async () => {
    await lifecycle({ clusterNodes: ports.map((port) => ({ host: "127.0.0.1", port })) });
  });

  test("60 queues with durability fsynced share one connection of each kind per node", async () => {
    for (const port of ports) {
      await cli(port, "config", "set", "appendfsync", "always");
      await cli(port, "config", "set", "appendonly", "yes");
    }
    const redis = { clusterNodes: ports.map((port) => ({ host: "127.0.0.1", port })) };
    const queues = Array.from({ length: 60 }, (_, n) => new Queue(`q${n}`, { redis }));
    const enqueue = () =>
      Promise.all(queues.map((queue, n) => queue.enqueue("t", n, { durability: "fsynced" })));
    expect((await enqueue()).every(({ durability }) => durability === "fsynced")).toBe(true);
    expect(await enqueue()).toHaveLength(60);
    for (const port of ports) {
      const clients = await cli(port, "client", "list");
      for (const name of ["holdfast", "holdfast-confirm"])
        expect([...clients.matchAll(/ name=(\S+) /g)].filter(([, own]) => own === name).length).toBe(1);
    }
    await Promise.all(queues.map((queue) => queue.close()));
  });
});

describe("a Sentinel group", () => {
  let sentinelPort = 0;
  beforeAll(async () => {
    const [master, sentinel] = [await freePort(), await freePort()];
    sentinelPort = sentinel;
    await serve(master, []);
    const config = join(dir, "sentinel.conf");
    writeFileSync(config, `port ${sentinel}\ndir ${dir}\nsentinel monitor tasks 127.0.0.1 ${master} 1\n`);
    servers.push(spawn("redis-server", [config, "--sentinel"], { stdio: "ignore" }));
    await until("the Sentinel answers", async () => (await cli(sentinel, "ping").catch(() => "")) === "PONG");
  });

  test("a client asks the Sentinels where the master is", async () => {
    await lifecycle({ sentinels: [{ host: "127.0.0.1", port: sentinelPort }], sentinelName: "tasks" });
  });
});
