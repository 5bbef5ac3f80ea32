import { setTimeout as wait } from "node:timers/promises";
import { type RedisServer, startRedisServer } from "@holdfast/testing";
import { type HandlerContext, Holdfast, type HoldfastError, Queue, Worker } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Endpoint } from "../src/endpoints-file.ts";
import { conclude, type Report, Reports, reportOf } from "../src/reports.ts";
import { newName } from "./setup.ts";

const TASKS = 150;
let redis: RedisServer;

beforeAll(async () => {
  redis = await startRedisServer();
});
afterAll(() => redis?.stop());

/** Runs tasks, and sends two reports about each of them at the same time, soon after its token is known. */
async function reportTwice(verdicts: [Report["verdict"], Report["verdict"]]) {
  const clients = [new Holdfast({ redis: redis.url }), new Holdfast({ redis: redis.url })] as const;
  const queue = new Queue(newName("reports"), { client: clients[0] });
  const endpoint = { name: "shop", queue: queue.name, laterMs: 20_000 } as Endpoint;
  const reports = clients.map((client) => new Reports([endpoint], client));
  const answers: Promise<string[]>[] = [];
  const report = (id: string, token: string) =>
    Promise.all(
      reports.map((by, n) =>
        by.deliver(endpoint, id, token, { verdict: verdicts[n] } as Report).then(
          () => "taken",
          (error: HoldfastError) => error.code,
        ),
      ),
    );
  const handler = async (task: { id: string }, ctx: HandlerContext) => {
    const token = await ctx.step("answered 202", async () => {
      answers.push(wait(Math.random() * 6).then(() => report(task.id, ctx.token)));
      await wait(Math.random() * 4);
      return ctx.token;
    });
    return conclude(await reportOf(endpoint, token, ctx), endpoint);
  };
  const worker = new Worker(
    queue.name,
    { order: { handler, maxRetries: 0 } },
    { redis: redis.url, concurrency: 10 },
  );
  try {
    await worker.start();
    const enqueued = await queue.enqueueMany(
      Array.from({ length: TASKS }, () => ({ type: "order", payload: null })),
    );
    const ids = enqueued.flatMap((answer) => (answer.ok ? [answer.receipt.id] : []));
    const ended = await Promise.all(ids.map((id) => queue.result(id, { waitMs: 60_000 })));
    return { answers: await Promise.all(answers), states: ended.map((task) => task?.state) };
  } finally {
    await worker.stop();
    await Promise.all(clients.map((client) => client.close()));
  }
}

test("of two equal reports at the same time, at least one is taken", async () => {
  const { answers, states } = await reportTwice(["completed", "completed"]);
  expect(states).toEqual(Array(TASKS).fill("completed"));
  expect(answers).toHaveLength(TASKS);
  expect(answers.filter((pair) => !pair.includes("taken"))).toEqual([]);
});

test("of two contrary reports at the same time, one ends the task and was taken", async () => {
  const { answers, states } = await reportTwice(["completed", "fatal"]);
  expect(new Set(states)).toEqual(new Set(["completed", "dead"]));
  expect(answers.filter((pair) => !pair.includes("taken"))).toEqual([]);
  const refused = answers.filter((pair) => pair.includes("conflict") || pair.includes("task_not_found"));
  expect(refused.length).toBeGreaterThan(TASKS / 2);
});
