import { HoldfastError } from "@holdfast/contracts";
import { pino } from "pino";
import { expect, test } from "vitest";
import { StartupError } from "./lifecycle.ts";
import { waitForRedis } from "./redis-gate.ts";

function setup(results: (HoldfastError | "ok")[]) {
  const lines: string[] = [];
  const logger = pino(
    { level: "info" },
    { write: (line) => lines.push((JSON.parse(line) as { msg: string }).msg) },
  );
  const abort = new AbortController();
  const client = {
    check: async () => {
      const result = results.shift() ?? "ok";
      if (result !== "ok") throw result;
      return { redisVersion: "7.4.0", warnings: ["append-only file is off"] };
    },
  };
  const settings = { url: "redis://user:hunter2@cache:7000" };
  return {
    lines,
    abort,
    options: { client, settings, logger, signal: abort.signal, waitMs: 1, maxWaitMs: 2 },
  };
}

const down = () => new HoldfastError("redis_unavailable", "connect ECONNREFUSED");

test("if Redis is down at the start, the service tries again until Redis answers, and logs how to fix it", async () => {
  const { lines, options } = setup([down(), down(), "ok"]);
  await waitForRedis(options);
  const complaint = "cannot reach Redis at cache:7000: start it or set REDIS_URL";
  expect(lines).toEqual([complaint, complaint, "append-only file is off", "connected to Redis"]);
});

test.each([
  ["redis_unsupported", "Redis 6.2 is too old"],
  ["redis_refused", "Redis refuses this user"],
] as const)("an error that waiting cannot fix (%s) ends the start with one line", async (code, text) => {
  const { options } = setup([new HoldfastError(code, text)]);
  const failure = waitForRedis(options);
  await expect(failure).rejects.toBeInstanceOf(StartupError);
  await expect(failure).rejects.toThrow(text);
});

test("a signal ends the wait", async () => {
  const { abort, options } = setup(Array.from({ length: 1_000 }, down));
  const waiting = waitForRedis({ ...options, waitMs: 60_000, maxWaitMs: 60_000 });
  abort.abort();
  await expect(waiting).rejects.toThrow();
});
