import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Queue as BullQueue, Worker as BullWorker } from "bullmq";
import { Holdfast, Observer, Queue } from "holdfast";
import { Redis } from "ioredis";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { type Job, taskIdOf, taskOfJob } from "../src/import/bullmq-job.ts";
import { BullMqSource } from "../src/import/bullmq-source.ts";
import type { ImportReport } from "../src/import/report.ts";
import { cliFor, start } from "./support.ts";

let server: RedisServer;
let redis: Redis;
let client: Holdfast;
let observer: Observer;
const { json } = cliFor(() => server.url);
const mapping = { types: new Map<string, string>(), highUpTo: -1, lowFrom: 1 };

beforeAll(async () => {
  server = await startRedisServer();
  redis = new Redis(server.url);
  client = new Holdfast({ redis: server.url });
  observer = new Observer({ client });
});
afterAll(async () => {
  await client.close();
  redis.disconnect();
  await server.stop();
});

/** Adds jobs to a BullMQ queue, and returns them as the import reads them. */
async function bull(name: string, jobs: number) {
  const connection = { url: server.url, maxRetriesPerRequest: null };
  const queue = new BullQueue(name, { connection });
  const taker = new BullWorker(name, null, { connection });
  const source = new BullMqSource({ url: server.url }, "bull", name);
  onTestFinished(async () => {
    await Promise.all([queue.close(), taker.close(), source.close()]);
  });
  await queue.addBulk(Array.from({ length: jobs }, (_, i) => ({ name: "t", data: { i } })));
  return { queue, taker, source };
}

const args = (name: string) => ["import", "bullmq", "--from", server.url, "--queue", name];

test("a job is not removed if a worker took it, or if it was changed, after it was read", async () => {
  const { queue, taker, source } = await bull("taken", 4);
  await source.open();
  const read = await source.page("waiting", 0, 10);
  expect(read.map(({ id }) => id)).toEqual(["1", "2", "3", "4"]);
  const active = await taker.getNextJob("token");
  expect(active?.id).toBe("1");
  await (await queue.getJob("2"))?.updateData({ other: true });
  await (await queue.getJob("3"))?.remove();
  expect(await source.remove("waiting", read)).toEqual([false, false, true, true]);
  expect(await queue.getJobCounts()).toMatchObject({ active: 1, waiting: 1 });
  expect((await queue.getJob("1"))?.data).toEqual({ i: 0 });
  expect((await queue.getJob("2"))?.data).toEqual({ other: true });
  // The call is made twice, as after a lost reply.
  expect(await source.remove("waiting", read)).toEqual([false, false, true, true]);
  await active?.moveToCompleted("done", "token", false);
});

test("the jobs of a queue that an earlier version paused are moved, in their order", async () => {
  const { queue } = await bull("paused", 3);
  await queue.pause();
  // BullMQ 5 and earlier keep the waiting jobs of a paused queue in this key.
  await redis.rename("bull:paused:wait", "bull:paused:paused");
  const { states } = await json<ImportReport>(...args("paused"), "--remove");
  expect(states[1]).toMatchObject({ state: "paused", read: 3, moved: 3, removed: 3 });
  const { tasks } = await observer.list("paused", { state: "pending", limit: 10 });
  expect(tasks.map(({ id }) => id)).toEqual(["1", "2", "3"].map((id) => taskIdOf("paused", id)));
  expect(await redis.exists("bull:paused:paused")).toBe(0);
});

test("a deduplication id is free again once its job was removed", async () => {
  const { queue, source } = await bull("unique", 0);
  await queue.add("t", 1, { deduplication: { id: "one" } });
  await source.remove("waiting", await source.page("waiting", 0, 10));
  expect(await redis.exists("bull:unique:de:one")).toBe(0);
  expect((await queue.add("t", 2, { deduplication: { id: "one" } })).id).toBe("2");
});

test("if a run is killed before failed jobs become dead letters, the next run completes it", async () => {
  const name = "half";
  const { queue, taker } = await bull(name, 3);
  for (let i = 0; i < 3; i++) await (await taker.getNextJob(`t${i}`))?.moveToFailed(new Error("no"), `t${i}`);
  await queue.pause();
  const source = new BullMqSource({ url: server.url }, "bull", name);
  const jobs: Job[] = await source.page("failed", 0, 10);
  await source.close();
  const producer = new Queue(name, { client });
  for (const job of jobs.slice(0, 2)) {
    const mapped = taskOfJob(job, { queue: name, ...mapping });
    if (mapped.kind !== "task") throw new Error(mapped.why);
    await producer.enqueueMany([mapped.task]);
  }
  expect(await observer.stats(name)).toMatchObject({ scheduled: 2, dead: 0 });
  const { states } = await json<ImportReport>(...args(name));
  expect(states.at(-1)).toMatchObject({ state: "failed", moved: 1, alreadyThere: 2 });
  expect(await observer.stats(name)).toMatchObject({ scheduled: 0, dead: 3 });
});

test("a replayed dead letter does not become a dead letter again", async () => {
  const name = "replayed";
  const { queue, taker } = await bull(name, 1);
  await (await taker.getNextJob("t"))?.moveToFailed(new Error("no"), "t");
  await queue.pause();
  await json(...args(name));
  await observer.replay(name, [taskIdOf(name, "1")]);
  await json(...args(name));
  expect(await observer.stats(name)).toMatchObject({ pending: 1, dead: 0 });
});

test("an interrupted import ends after its page, prints its report, and can be repeated", async () => {
  const name = "interrupted";
  const { queue } = await bull(name, 0);
  await queue.pause();
  for (let i = 0; i < 10; i++)
    await queue.addBulk(Array.from({ length: 1_000 }, () => ({ name: "t", data: { i } })));
  const running = start(args(name), { REDIS_URL: server.url });
  await until("the import has begun", async () => (await observer.queues()).includes(name), 60_000);
  running.child.kill("SIGINT");
  const { code, stderr, stdout } = await running.ended;
  expect(code).toBe(1);
  expect(stderr).toContain("holdfast: interrupted: the same command continues where this one stopped");
  const { pending } = await observer.stats(name);
  expect(pending).toBeLessThan(10_000);
  expect(stdout).toMatch(
    new RegExp(`^waiting +${pending.toLocaleString("en-US")} +${pending.toLocaleString("en-US")} `, "m"),
  );
  await json(...args(name));
  expect(await observer.stats(name)).toMatchObject({ pending: 10_000 });
});
