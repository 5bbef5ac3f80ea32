import { startRedisServer } from "@holdfast/testing";
import fc from "fast-check";
import { Redis } from "ioredis";
import { expect, test } from "vitest";
import { Engine } from "../../src/engine/engine.ts";
import { Connection } from "../../src/redis/connection.ts";
import { afterwards } from "../support/library.ts";
import { startLossyProxy } from "../support/lossy-proxy.ts";
import { START_MS } from "../support/setup.ts";
import { ToldStates } from "../support/told-states.ts";
import { commands, type Real } from "./commands.ts";
import { IDEMPOTENCY_MS, MAX_DEAD_AGE_MS, Model, RETENTION_MS } from "./model.ts";

const RUNS = Number(process.env.HOLDFAST_MODEL_RUNS ?? 60);
/** The seed of a run, or the text `seed/path/replayPath` that a failed run prints. */
const [seed, path, ...replayPath] = (process.env.HOLDFAST_MODEL_SEED ?? "").split("/");

/** Returns the environment variables that repeat the failed run. */
function replayOf({
  seed,
  counterexamplePath,
  counterexample,
}: {
  seed: number;
  counterexamplePath: string | null;
  counterexample: unknown[] | null;
}): string {
  const commandPath = /replayPath="([^"]*)"/.exec(String(counterexample?.[0] ?? ""))?.[1] ?? "";
  return `HOLDFAST_MODEL_SEED='${seed}/${counterexamplePath}/${commandPath}' npx vitest run packages/holdfast/test/invariants/model.redis.test.ts`;
}

test("the queue does what its model does, in any order of calls, with lost replies, repeated requests and restarts of Redis", {
  timeout: 60_000 + RUNS * 5_000,
}, async () => {
  const server = await startRedisServer(["--appendonly", "yes", "--appendfsync", "always"]);
  afterwards(() => server.stop());
  const proxy = await startLossyProxy(server.port);
  afterwards(() => proxy.stop());
  const connection = new Connection(`redis://127.0.0.1:${proxy.port}`);
  afterwards(() => connection.close());
  await connection.check();
  const redis = new Redis(server.port, "127.0.0.1", { retryStrategy: () => 20 });
  redis.on("error", () => {});
  afterwards(async () => redis.disconnect());

  const listener = redis.duplicate();
  listener.on("error", () => {});
  afterwards(async () => listener.disconnect());
  let heard: Buffer[] = [];
  listener.on("smessageBuffer", (_: Buffer, message: Buffer) => heard.push(message));

  let run = 0;
  const property = fc.asyncProperty(
    fc.commands(commands, {
      maxCommands: 60,
      size: "max",
      ...(path ? { replayPath: replayPath.join("/") } : {}),
    }),
    async (sequence) => {
      const clock = { nowMs: START_MS };
      const engine = new Engine(connection, `model-${++run}`, { clockMs: () => clock.nowMs });
      await engine.configure({
        retentionMs: RETENTION_MS,
        idempotencyMs: IDEMPOTENCY_MS,
        maxDeadAgeMs: MAX_DEAD_AGE_MS,
      });
      // Every second queue keeps events, and these have to tell a reader the state of each task.
      const told = run % 2 === 0 ? new ToldStates(engine, String(START_MS)) : undefined;
      if (told) await engine.configure({ maxEvents: 1_000_000 });
      heard = [];
      const real: Real = { engine, redis, server, proxy, clock, nonces: 0, listener, heard, told };
      try {
        await fc.asyncModelRun(() => ({ model: new Model(START_MS), real }), sequence);
      } finally {
        await listener.sunsubscribe();
        await redis.unlink(...Object.values(engine.keys));
      }
    },
  );
  const details = await fc.check(property, {
    numRuns: RUNS,
    ...(seed ? { seed: Number(seed) } : {}),
    ...(path ? { path } : {}),
    endOnFailure: path !== undefined,
  });
  if (details.failed) {
    const { message = "" } = (details.errorInstance ?? {}) as Error;
    expect.fail(
      `${message}\n\n${fc.defaultReportMessage(details)}\n\nTo see it again:\n${replayOf(details)}`,
    );
  }
});
