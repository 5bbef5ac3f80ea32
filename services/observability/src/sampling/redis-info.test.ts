import { createMetrics } from "@holdfast/service";
import { expect, test } from "vitest";
import { silent } from "../../test/fakes.ts";
import { RedisInfo } from "./redis-info.ts";

function setup(info: () => Promise<string>) {
  const metrics = createMetrics({ service: "observability", version: "0.0.0" });
  const redisInfo = new RedisInfo({ info, metrics, logger: silent });
  const lines = async () =>
    (await metrics.registry.metrics())
      .split("\n")
      .filter((line) => /^holdfast_redis_(memory|clients|evict|commands)/.test(line));
  return { redisInfo, lines };
}

const INFO = [
  "# Memory",
  "used_memory:1000",
  "maxmemory:4000",
  "total_system_memory:9000",
  "maxmemory_policy:noeviction",
  "connected_clients:7",
  "total_commands_processed:123",
  "evicted_keys:0",
  "",
].join("\r\n");

test("memory, clients, commands and the eviction policy come from INFO", async () => {
  const { redisInfo, lines } = setup(async () => INFO);
  await redisInfo.runOnce();
  await redisInfo.runOnce();
  expect(await lines()).toEqual([
    "holdfast_redis_memory_used_bytes 1000",
    "holdfast_redis_memory_limit_bytes 4000",
    "holdfast_redis_clients 7",
    "holdfast_redis_evicts 0",
    "holdfast_redis_commands_total 123",
    "holdfast_redis_evicted_keys_total 0",
  ]);
});

test("without maxmemory the limit is the memory of the machine, and an evicting policy is reported", async () => {
  const { redisInfo, lines } = setup(async () =>
    INFO.replace("maxmemory:4000", "maxmemory:0").replace("noeviction", "allkeys-lru"),
  );
  await redisInfo.runOnce();
  expect(await lines()).toContain("holdfast_redis_memory_limit_bytes 9000");
  expect(await lines()).toContain("holdfast_redis_evicts 1");
});

test("while Redis does not answer, its metrics have no values", async () => {
  let answers = true;
  const { redisInfo, lines } = setup(async () => {
    if (!answers) throw new Error("gone");
    return INFO;
  });
  const claims = async () => (await lines()).filter((line) => /memory|clients|evicts /.test(line));
  expect(await claims()).toEqual([]);
  await redisInfo.runOnce();
  expect(await claims()).toHaveLength(4);
  answers = false;
  await redisInfo.runOnce();
  expect(await claims()).toEqual([]);
});
