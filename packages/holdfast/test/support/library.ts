import { nanoid } from "nanoid";
import { expect, onTestFinished } from "vitest";
import { auditQueue } from "../../src/engine/audit.ts";
import { Holdfast, type HoldfastOptions, Observer, Queue } from "../../src/index.ts";
import { redisUrl } from "./setup.ts";

/** Calls `close` after the test. If there are several functions, the last one is called first. */
export function afterwards(close: () => Promise<unknown>): void {
  onTestFinished(async () => void (await close()));
}

/** Makes a queue and an observer with their own client. The queue is audited after the test. */
export function library(options: Partial<HoldfastOptions> = {}) {
  const name = `t-${nanoid(12).replaceAll(/[^A-Za-z0-9]/g, "x")}`;
  const redis = options.redis ?? redisUrl();
  const client = new Holdfast({ ...options, redis });
  const queue = new Queue(name, { client });
  const observer = new Observer({ client });
  const engine = client.engine(name);
  afterwards(async () => {
    try {
      expect((await auditQueue(engine)).violations).toEqual([]);
      await client.connection.command("UNLINK", ...Object.values(engine.keys));
      await client.registry.removeQueue(name, async () => true);
    } finally {
      await client.close();
    }
  });
  return { name, redis, client, queue, observer, engine };
}

interface Loop {
  start(): Promise<unknown>;
  stop(options: { graceMs: number }): Promise<unknown>;
}

/** Starts a worker or a janitor, and stops it after the test. */
export async function started<Runs extends Loop>(loop: Runs): Promise<Runs> {
  afterwards(() => loop.stop({ graceMs: 2_000 }));
  await loop.start();
  return loop;
}
