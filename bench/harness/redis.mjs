import { execFileSync, spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Redis } from "ioredis";

const START_MS = 10_000;
// A node of a Cluster also listens on its port plus 10,000.
const CLUSTER_PORT_MAX = 55_535;
const CLUSTER_NODES = 3;

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/**
 * Starts a redis-server in a temporary folder.
 * @param options.aof with an append-only file, fsync every second
 * @param options.cluster as a node of a Cluster that has no slots yet
 */
export async function startRedis({ aof = false, cluster = false } = {}) {
  let port = await freePort();
  while (cluster && port > CLUSTER_PORT_MAX) port = await freePort();
  const folder = await mkdtemp(join(tmpdir(), "compare-redis-"));
  const args = [
    "--port",
    port,
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    "--save",
    "",
    "--loglevel",
    "warning",
  ];
  args.push(
    "--appendonly",
    aof ? "yes" : "no",
    "--appendfsync",
    "everysec",
    "--auto-aof-rewrite-percentage",
    "0",
  );
  if (cluster) args.push("--cluster-enabled", "yes");
  const child = spawn("redis-server", args.map(String), { stdio: "ignore" });
  const ended = new Promise((resolve) => {
    child.once("exit", resolve);
    child.once("error", resolve);
  });
  const url = `redis://127.0.0.1:${port}`;
  const client = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: null, retryStrategy: () => 50 });
  client.on("error", () => {});
  const deadline = AbortSignal.timeout(START_MS);
  await Promise.race([
    client
      .connect()
      .catch(() => {})
      .then(() => client.ping()),
    ended.then(() => Promise.reject(new Error("redis-server did not start: is it installed?"))),
    new Promise((_, reject) =>
      deadline.addEventListener("abort", () =>
        reject(new Error(`redis-server did not answer within ${START_MS} ms`)),
      ),
    ),
  ]);
  return {
    url,
    port,
    client,
    pid: child.pid,
    async stop() {
      client.disconnect();
      child.kill("SIGTERM");
      await ended;
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Starts a Cluster of three nodes without replicas. */
export async function startCluster() {
  const nodes = [];
  for (let at = 0; at < CLUSTER_NODES; at++) nodes.push(await startRedis({ cluster: true }));
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  execFileSync("redis-cli", ["--cluster", "create", ...addresses, "--cluster-yes"], { stdio: "ignore" });
  const isWhole = async ({ client }) => (await client.cluster("INFO")).includes("cluster_state:ok");
  for (const end = Date.now() + START_MS; !(await Promise.all(nodes.map(isWhole))).every(Boolean); )
    if (Date.now() > end)
      throw new Error(`the Redis Cluster did not report cluster_state:ok within ${START_MS} ms`);
    else await new Promise((resolve) => setTimeout(resolve, 50));
  return nodes;
}

export function redisVersion() {
  return /v=([\d.]+)/.exec(execFileSync("redis-server", ["--version"], { encoding: "utf8" }))?.[1] ?? "?";
}
