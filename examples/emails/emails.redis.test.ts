import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { Observer } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";

let redis: RedisServer;
let observer: Observer;
beforeAll(async () => {
  redis = await startRedisServer();
  observer = new Observer({ redis: redis.url });
});
afterAll(async () => {
  await observer?.close();
  await redis?.stop();
});

test("each provider gets its mails once and below its limit, and a 429 costs no attempt", async () => {
  const script = fileURLToPath(new URL("start.mjs", import.meta.url));
  const env = { ...process.env, REDIS_URL: redis.url };
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [script], { env, timeout: 55_000 });
  expect(stderr).toBe("");
  expect(stdout).toContain('refused the mail: "nowhere" is not an address');
  const seconds = (provider: string) =>
    Number(new RegExp(`${provider}: 10 mails in ([\\d.]+) s`).exec(stdout)?.[1]);
  // Ten mails have nine pauses between them, and the hold after the 429 takes a second. On a slow machine it takes
  // longer.
  expect(seconds("slowmail")).toBeGreaterThanOrEqual(1.7);
  expect(seconds("quickmail")).toBeGreaterThanOrEqual(0.4);
  const { tasks } = await observer.list("example-emails", { state: "completed", limit: 100 });
  expect(tasks).toHaveLength(20);
  expect(new Set(tasks.map(({ attempts }) => attempts))).toEqual(new Set([1]));
  const { rate } = (await observer.limits.key("example-emails", "slowmail")).limit ?? {};
  expect(rate).toMatchObject({ limit: 5, periodMs: 1_000 });
});
