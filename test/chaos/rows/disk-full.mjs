import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { AOF } from "../harness/redis.mjs";
import { until } from "../harness/until.mjs";

const DISK = 8 << 20;

function whyNoTmpfs() {
  if (process.platform !== "linux") return "needs Linux, because it mounts a small tmpfs";
  if (process.getuid() !== 0) return "needs root, because it mounts a small tmpfs";
  const probe = "/tmp/holdfast-chaos-mount";
  mkdirSync(probe, { recursive: true });
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", probe], { stdio: "pipe" });
    execFileSync("umount", [probe]);
    return null;
  } catch (error) {
    return `may not mount a tmpfs: ${String(error.stderr ?? error.message).trim()}`;
  } finally {
    rmSync(probe, { recursive: true, force: true });
  }
}

export const row = {
  order: 12,
  name: "disk-full",
  fault: "the disk of the AOF is full (8 MiB tmpfs), then it has space again, then kill -9 of Redis",
  expected: "enqueue answers 503; no acknowledged write is lost; enqueues are accepted again by themselves",
  skip: whyNoTmpfs,
  timeoutMs: 60_000,
  async run(ctx) {
    const disk = ctx.path("disk");
    mkdirSync(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${DISK}`, "tmpfs", disk]);
    ctx.onClose(() => execFileSync("umount", ["-l", disk]));
    writeFileSync(`${disk}/filler`, Buffer.alloc(DISK - (2 << 20), 1));
    const redis = await ctx.startRedis({ args: AOF.everysec, dataFolder: disk });
    const settings = ctx.settings(redis.url);
    const view = ctx.client(redis.url);
    const api = await ctx.service("producer-api", { REDIS_URL: redis.url });
    await api.turns(200, 15_000);
    await ctx.janitor(settings).ready();
    await ctx.worker(settings).ready();
    const text = "x".repeat(2_000);
    const producers = [
      ctx.producer(settings, { ratePerSecond: 250, payload: { ms: 1, text } }),
      ctx.producer(settings, { ratePerSecond: 50, http: api.url, payload: { ms: 1, text } }),
    ];
    for (const producer of producers) await producer.ready();
    await until(
      "HTTP enqueues are refused",
      () => producers[1].heard("enqueue", { status: 503 }).length >= 5,
      20_000,
    );
    await until(
      "enqueues are refused",
      () => producers[0].heard("enqueue", { phase: "fail" }).length >= 5,
      5_000,
    );
    await sleep(1_000);
    const answers = new Set(
      producers[1]
        .heard("enqueue")
        .filter((line) => line.status)
        .map((line) => `${line.status} ${line.code}`),
    );
    rmSync(`${disk}/filler`);
    const freedAt = performance.now();
    const before = producers[1].heard("enqueue", { phase: "ok" }).length;
    await until(
      "enqueues are accepted again",
      () => producers[1].heard("enqueue", { phase: "ok" }).length > before,
      15_000,
    );
    const againMs = Math.round(performance.now() - freedAt);
    for (const producer of producers) await producer.finish();
    await redis.kill();
    await redis.start();
    const counts = await ctx.settle(view);
    ctx.expect(
      [...answers].every((answer) => answer.startsWith("503 ")),
      `answers: ${[...answers].join(", ")}`,
    );
    return `${[...answers].join(", ")}; accepted again ${againMs} ms after there was room; ${counts.acknowledged} acknowledged, ${counts.lost} lost`;
  },
};
