import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { FatalError, Holdfast, Observer, Queue, Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { cliFor } from "./support.ts";

let redis: RedisServer;
let client: Holdfast;
const { cli, json } = cliFor(() => redis.url);

beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
});
afterAll(async () => {
  await client.close();
  await redis.stop();
});

/** @param dead how many dead letters the queue has afterwards */
async function die(name: string, count: number, version: string, dead = count): Promise<void> {
  const queue = new Queue(name, { client });
  const tasks = Array.from({ length: count }, (_, payload) => ({ type: "t", payload }));
  await queue.enqueueMany(tasks);
  const handler = (task: { payload: unknown }) => {
    throw new FatalError(`no ${String(task.payload)} in ${version}`);
  };
  const worker = new Worker(name, { t: handler }, { redis: redis.url, version });
  await worker.start();
  const observer = new Observer({ client });
  await expect
    .poll(async () => (await observer.errors([name])).errors.reduce((sum, { dead }) => sum + dead, 0), {
      timeout: 30_000,
    })
    .toBe(dead);
  await worker.stop();
}

test("errors are listed over all queues, muted, and replayed by their signature", async () => {
  await die("a", 3, "v1");
  await die("b", 1, "v1");
  await die("b", 2, "two", 3);
  const all = await json<{ queue: string; dead: number; signature: string; isNew: boolean }[]>(
    "errors",
    "ls",
    "--sort",
    "dead",
  );
  expect(all.map(({ queue, dead, isNew }) => [queue, dead, isNew])).toEqual([
    ["a", 3, false],
    ["b", 2, true],
    ["b", 1, false],
  ]);
  const signature = all[0]?.signature ?? "";
  expect(await json("errors", "mute", "a", signature, "--failures", "9")).toMatchObject({
    mute: { by: "cli", untilFailures: 12, until: null },
  });
  expect(await json("errors", "ls", "a")).toEqual([]);
  expect(await json("errors", "ls", "a", "--kind", "muted")).toMatchObject([{ signature }]);
  expect((await cli("errors", "ls", "a", "--kind", "muted")).stdout).toMatch(/muted +FatalError: no <n>/);
  await json("errors", "unmute", "a", signature);
  expect(await json("errors", "ls", "a", "--search", "fatalerror")).toMatchObject([{ mute: null }]);
  expect((await cli("errors", "mute", "a", "000000000000")).code).toBe(3);
  expect(await json("dlq", "replay", "a", "--signature", signature)).toMatchObject({ replayed: 3 });
  expect(await json("errors", "ls", "a")).toMatchObject([{ dead: 0, failures: 3 }]);
});
