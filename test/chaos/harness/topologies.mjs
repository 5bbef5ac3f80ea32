import { mkdirSync, writeFileSync } from "node:fs";
import { freePort } from "./ports.mjs";
import { Child } from "./processes.mjs";
import { AOF, cli } from "./redis.mjs";
import { until } from "./until.mjs";

export const SENTINEL_NAME = "tasks";
export const DOWN_AFTER_MS = 1_000;

/** Starts a master, its replicas, and three Sentinels. */
export async function startSentinels(ctx, { replicas = 2 } = {}) {
  const master = await ctx.startRedis();
  const servers = [master];
  for (let i = 0; i < replicas; i++) {
    servers.push(
      await ctx.startRedis({
        args: [
          "--appendonly",
          "no",
          "--replicaof",
          "127.0.0.1",
          String(master.port),
          "--repl-diskless-sync-delay",
          "0",
        ],
      }),
    );
  }
  await until(
    "the replicas are in sync",
    async () => (await cli(master.port, "info", "replication")).split("state=online").length === replicas + 1,
    30_000,
  );
  const sentinels = [];
  for (let i = 0; i < 3; i++) {
    const port = await freePort();
    const folder = ctx.path(`sentinel-${port}`);
    mkdirSync(folder);
    const config = `${folder}/sentinel.conf`;
    const watch = (key, value) => `sentinel ${key} ${SENTINEL_NAME} ${value}`;
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${folder}`,
      watch("monitor", `127.0.0.1 ${master.port} 2`),
      watch("down-after-milliseconds", DOWN_AFTER_MS),
      watch("failover-timeout", 5_000),
      watch("parallel-syncs", 1),
    ];
    writeFileSync(config, `${lines.join("\n")}\n`);
    ctx.track(new Child("redis-server", [config, "--sentinel"], { folder, label: "sentinel" }));
    sentinels.push({ host: "127.0.0.1", port });
  }
  for (const { port } of sentinels) {
    await until(
      "the Sentinels know each other and the replicas",
      async () => {
        const text = await cli(port, "sentinel", "master", SENTINEL_NAME).catch(() => "");
        return text.includes("num-other-sentinels\n2") && text.includes(`num-slaves\n${replicas}`);
      },
      30_000,
    );
  }
  const masterPort = async () =>
    Number(
      (await cli(sentinels[0].port, "sentinel", "get-master-addr-by-name", SENTINEL_NAME)).split("\n")[1],
    );
  return { servers, sentinels, masterPort };
}

const MASTERS = 3;

/**
 * Starts a Cluster of three masters, each with `replicas` replicas.
 * @param options.nodeTimeoutMs a node counts as failed if it is unreachable for longer than this
 * @param options.aof one of AOF in redis.mjs
 */
export async function startCluster(ctx, { replicas = 1, nodeTimeoutMs = 2_000, aof = AOF.none } = {}) {
  const count = MASTERS * (1 + replicas);
  const cluster = ["--cluster-enabled", "yes", "--cluster-node-timeout", nodeTimeoutMs];
  const nodes = [];
  for (let i = 0; i < count; i++)
    nodes.push(await ctx.startRedis({ args: [...aof, ...cluster, "--repl-diskless-sync-delay", "0"] }));
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  await cli(
    nodes[0].port,
    ...["--cluster", "create", ...addresses, "--cluster-replicas", replicas, "--cluster-yes"],
  );
  await until(
    "the Cluster is healthy",
    async () => {
      const states = await Promise.all(nodes.map(({ port }) => cli(port, "cluster", "info")));
      return states.every(
        (state) => state.includes("cluster_state:ok") && state.includes(`cluster_known_nodes:${count}`),
      );
    },
    30_000,
  );
  await until(
    "every replica is in sync",
    async () => {
      const roles = await Promise.all(nodes.map(({ port }) => cli(port, "info", "replication")));
      const inSync = roles.filter(
        (role) => role.includes("role:slave") && role.includes("master_link_status:up"),
      );
      return inSync.length === MASTERS * replicas;
    },
    30_000,
  );
  return nodes;
}

/** Returns the masters of a Cluster, with the id and the Cluster slots of each. */
export async function masters(port) {
  const lines = (await cli(port, "cluster", "nodes")).split("\n").map((line) => line.split(" "));
  return lines
    .filter((fields) => fields[2].includes("master") && !fields[2].includes("fail"))
    .map(([id, address, , , , , , , ...slots]) => ({
      id,
      port: Number(address.split("@")[0].split(":")[1]),
      ranges: slots.filter((slot) => !slot.startsWith("[")).map((slot) => slot.split("-").map(Number)),
    }));
}

/** Returns the master that has this Cluster slot. */
export async function masterOf(port, slot) {
  const all = await masters(port);
  return all.find(({ ranges }) => ranges.some(([first, last = first]) => first <= slot && slot <= last));
}

/**
 * Makes a replica take over from the master that has this Cluster slot. The master first hands over all of its
 * writes, so none is lost. @returns how long that took, ms
 */
export async function failOver(port, slot) {
  const from = performance.now();
  const { id } = await masterOf(port, slot);
  const replicas = (await cli(port, "cluster", "replicas", id)).split("\n").map((line) => line.split(" ")[1]);
  const replica = Number(replicas[0].split("@")[0].split(":")[1]);
  await cli(replica, "cluster", "failover");
  await until(
    "the replica is the master",
    async () => (await masterOf(port, slot))?.port === replica,
    10_000,
    10,
  );
  return Math.round(performance.now() - from);
}
