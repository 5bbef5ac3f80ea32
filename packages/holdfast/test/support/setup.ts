import { createHash } from "node:crypto";
import { Redis } from "ioredis";
import { nanoid } from "nanoid";
import { expect, inject, onTestFinished } from "vitest";
import { auditQueue } from "../../src/engine/audit.ts";
import { Engine, type Peers } from "../../src/engine/engine.ts";
import { Connection } from "../../src/redis/connection.ts";
import { systemKeys } from "../../src/redis/keys.ts";
import type { Script } from "../../src/redis/script.ts";
import { findViolations } from "./invariants.ts";
import { TestQueue } from "./test-queue.ts";

/** Changes the source of one script. The sources of all others stay as they are. */
export type Mutate = (name: string, source: string) => string;

/** The time at which the clock of a test starts. Nothing depends on its value. */
export const START_MS = 1_800_000_000_000;

const url = () => inject("holdfastRedisUrl");
/** The connections of all test files that this process runs. They end with the process. */
let shared: { redis: Redis; connection: Connection } | undefined;

/** Returns the script with a changed source, under the hash of that source. */
export function mutated<Args>(script: Script<Args>, mutate: Mutate): Script<Args> {
  const source = mutate(script.name, script.source);
  if (source === script.source) return script;
  return { ...script, source, sha1: createHash("sha1").update(source).digest("hex") };
}

/** Returns a connection that changes the source of each script with `mutate` before the call. */
function mutating(connection: Connection, mutate: () => Mutate | undefined): Connection {
  return new Proxy(connection, {
    get(target, property) {
      if (property === "script") {
        return (script: Script<unknown>, ...rest: [never, never]) => {
          const change = mutate();
          return target.script(change ? mutated(script, change) : script, ...rest);
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/**
 * Makes a queue that no other test uses, with an engine whose clock only the test moves, and a Redis client. After
 * each test the queue is audited. The test fails if the audit or the test's own check (`findViolations`) finds a
 * violation.
 */
export async function setup(options: { mutate?: Mutate } = {}): Promise<TestQueue> {
  shared ??= { redis: new Redis(url()), connection: new Connection(url()) };
  const { redis, connection } = shared;
  await connection.check();
  const name = `t-${nanoid(12).replaceAll(/[^A-Za-z0-9]/g, "x")}`;
  const clock = { nowMs: START_MS };
  const engineFor = (instance: string, queue: string, peers: Peers): Engine =>
    new Engine(
      mutating(connection, () => test.mutate),
      queue,
      { instance, clockMs: () => clock.nowMs, peers },
    );
  const test = new TestQueue(name, redis, clock, engineFor);
  test.mutate = options.mutate;
  onTestFinished(async () => {
    test.mutate = undefined;
    try {
      if (!test.corrupted) await expectConserved(test);
    } finally {
      await redis.unlink(...Object.values(test.keys), ...Object.values(systemKeys(test.name)));
    }
  });
  return test;
}

/** The URL of the Redis that all test files share. */
export const redisUrl = url;

/** Expects that neither the audit nor the test's own check finds a violation. */
export async function expectConserved(queue: TestQueue): Promise<void> {
  expect(await findViolations(queue.redis, queue.keys)).toEqual([]);
  expect((await auditQueue(queue.engine)).violations).toEqual([]);
}
