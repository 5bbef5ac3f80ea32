import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { freePort, until } from "@holdfast/testing";
import { Janitor, Observer, Queue, Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const dir = mkdtempSync(join(tmpdir(), "holdfast-partitions-"));
const servers: ChildProcess[] = [];
let ports: number[] = [];

const cli = async (port: number, ...args: string[]) =>
  (await run("redis-cli", ["-p", String(port), ...args])).stdout.trim();

beforeAll(async () => {
  // A Cluster node also listens on the port 10,000 above its own, for other nodes. Both ports have to be free.
  while (ports.length < 3) {
    const port = await freePort();
    if (port < 50_000 && !ports.includes(port)) ports.push(port);
  }
  for (const port of ports) {
    const own = ["--cluster-enabled", "yes", "--cluster-config-file", `nodes-${port}.conf`];
    servers.push(
      spawn("redis-server", ["--port", String(port), "--save", "", "--dir", dir, ...own], {
        stdio: "ignore",
      }),
    );
  }
  for (const port of ports)
    await until(
      `Redis on port ${port} answers`,
      async () => (await cli(port, "ping").catch(() => "")) === "PONG",
    );
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

afterAll(async () => {
  for (const server of servers) {
    server.kill("SIGKILL");
    if (server.exitCode === null && server.signalCode === null) await once(server, "exit");
  }
  rmSync(dir, { recursive: true, force: true });
  ports = [];
});

/** Returns, for each node, how many partitions with tasks it has. */
async function partitionsPerNode(): Promise<number[]> {
  const found = await Promise.all(ports.map((port) => cli(port, "keys", "queue:{hot/*}:tasks")));
  return found.map((text) => text.split("\n").filter((line) => line !== "").length);
}

test("a queue is spread over the nodes of a Cluster, gets more partitions while it runs, and loses no task", async () => {
  const redis = { clusterNodes: ports.map((port) => ({ host: "127.0.0.1", port })) };
  const queue = new Queue("hot", { redis, partitions: 6 });
  const observer = new Observer({ redis });
  const janitor = new Janitor({ redis, sweepIntervalMs: 100 });
  let mended = false;
  const worker = new Worker(
    "hot",
    {
      ok: (task) => task.payload,
      once: (task) => {
        if (task.attempt === 1) throw new Error("first attempts fail");
      },
      broken: () => {
        if (!mended) throw new Error("not mended yet");
      },
    },
    { redis, pollMs: 10_000, watchMs: 100, backoff: { baseMs: 10, maxMs: 20 } },
  );
  let newer: Queue | undefined;
  try {
    await janitor.start();
    const results = await queue.enqueueMany(
      ["ok", "once", "broken"].flatMap((type) =>
        Array.from({ length: 600 }, (_, n) => ({
          type,
          payload: { n },
          ...(n % 2 ? { id: `${type}-${n}` } : { partitionKey: `k${n % 40}` }),
          maxRetries: 2,
        })),
      ),
    );
    const ids = results.map((result) => (result.ok ? result.receipt.id : ""));
    expect(results.filter((result) => !result.ok)).toEqual([]);
    const nodes = await partitionsPerNode();
    expect(nodes.reduce((sum, count) => sum + count, 0)).toBe(6);
    expect(nodes.filter((count) => count > 0).length).toBeGreaterThan(1);

    await worker.start();
    await until("1,200 tasks are completed and 600 are dead", async () => {
      const { completed, dead } = await observer.stats("hot");
      return completed === 1_200 && dead === 600;
    });
    mended = true;
    expect(await observer.replayAll("hot")).toEqual({ replayed: 600, skipped: 0 });
    await until(
      "all 1,800 tasks are completed",
      async () => (await observer.stats("hot")).completed === 1_800,
    );

    await observer.partition("hot", 11);
    newer = new Queue("hot", { redis, partitions: 11 });
    for (const n of [1, 301, 599])
      for (const producer of [queue, newer]) {
        const again = { id: `ok-${n}`, maxRetries: 2 };
        expect(await producer.enqueue("ok", { n }, again)).toMatchObject({ duplicate: true });
      }
    const after = await newer.enqueueMany(
      Array.from({ length: 600 }, (_, n) => ({ type: "ok", payload: n, partitionKey: `k${n}` })),
    );
    expect(after.filter((result) => !result.ok)).toEqual([]);
    await until(
      "all 2,400 tasks are completed",
      async () => (await observer.stats("hot")).completed === 2_400,
    );
    expect((await partitionsPerNode()).reduce((sum, count) => sum + count, 0)).toBe(11);
    for (const id of ids) expect((await newer.get(id))?.state).toBe("completed");
    expect((await observer.audit("hot")).violations).toEqual([]);

    // The worker has to receive the wake-ups of every partition. It polls only every 10 s, so only a wake-up starts a
    // task so soon.
    for (let n = 0; n < 11; n++) {
      const started = performance.now();
      const { id } = await newer.enqueue("ok", n, { partitionKey: `wake-${n}` });
      expect((await newer.result(id, { waitMs: 5_000 }))?.resultText).toBe(String(n));
      expect(performance.now() - started).toBeLessThan(5_000);
    }
  } finally {
    await worker.stop({ graceMs: 1_000 });
    await janitor.stop();
    await observer.close();
    await queue.close();
    await newer?.close();
  }
});

test("flows over two queues and a queue with partitions, on several nodes of a Cluster, run in order and end", async () => {
  const redis = { clusterNodes: ports.map((port) => ({ host: "127.0.0.1", port })) };
  const orders = new Queue("orders", { redis });
  const mail = new Queue("mail", { redis });
  const parts = new Queue("parts", { redis, partitions: 6 });
  const janitor = new Janitor({ redis, sweepIntervalMs: 100 });
  const errors: string[] = [];
  const children = async (_: unknown, { children }: { children(): AsyncIterable<{ result: number }> }) => {
    let sum = 0;
    for await (const { result } of children()) sum += result;
    return sum;
  };
  const handlers = { one: () => 1, sum: children };
  const workers = ["orders", "mail", "parts"].map((queue) => new Worker(queue, handlers, { redis }));
  for (const worker of workers) worker.on("error", (error) => errors.push(error.message));
  janitor.on("error", (error) => errors.push(error.message));
  await Promise.all([mail, parts].map((queue) => queue.ready()));
  await Promise.all([janitor, ...workers].map((loop) => loop.start()));
  try {
    const flows = Array.from({ length: 20 }, (_, at) => `flow-${at}`);
    for (const id of flows)
      await orders.flow({
        id,
        nodes: [
          { name: "first", type: "one" },
          ...Array.from({ length: 12 }, (_, at) => ({
            ...{ name: `p${at}`, type: "one", queue: "parts", after: ["first"] },
          })),
          { name: "sum", type: "sum", queue: "mail", after: Array.from({ length: 12 }, (_, at) => `p${at}`) },
          { name: "last", type: "sum", after: ["sum"] },
        ],
        on: { success: { type: "one", queue: "mail" } },
      });
    for (const id of flows) {
      await until("the flow has ended", async () => (await orders.getFlow(id))?.state === "ended", 20_000);
      expect(await orders.getFlow(id)).toMatchObject({ outcome: "success", counts: { completed: 15 } });
      expect((await orders.get(`${id}.last`))?.resultText).toBe("12");
      await until("the callback ran", async () => (await mail.get(`${id}:success`))?.state === "completed");
      expect((await mail.get(`${id}:success`))?.attempts).toBe(1);
    }
    expect(errors.filter((message) => /CROSSSLOT/.test(message))).toEqual([]);
    expect(errors).toEqual([]);
  } finally {
    await Promise.all(workers.map((worker) => worker.stop({ graceMs: 1_000 })));
    await janitor.stop({ graceMs: 1_000 });
    await Promise.all([orders, mail, parts].map((queue) => queue.close()));
  }
}, 60_000);
