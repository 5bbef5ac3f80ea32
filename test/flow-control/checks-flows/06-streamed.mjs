import * as scripts from "../../../packages/holdfast/dist/redis/generated/index.js";
import { favour } from "../../chaos/harness/processes.mjs";
import { until } from "../../chaos/harness/until.mjs";
import { Hands } from "../harness/hands.mjs";

const NODES = Number(process.env.NODES || 200_000);
const CHUNK = 1_000;
const MEGABYTE = 1_048_576;
const RSS_MB = 100;
const SLOW_MS = 10;
const BYTES = 60;
const BATCH = 250;
/** How many calls are under way at the same time. */
const PIPELINE = 8;

export const number = 6;
export const name = "streamed";
export const check = `${NODES.toLocaleString("en")} nodes are streamed into a flow, and complete`;
export const expected = `the memory of the producer grows by less than ${RSS_MB} MB; a script call takes at most ${SLOW_MS} ms of processor time; a completed node takes at most ${BYTES} bytes more in Redis than a task with the same id`;
export const timeoutMs = 600_000;

/** Returns the processor time of Redis so far, ms, and the number of script calls. */
async function work(redis) {
  const info = await redis.info();
  const stats = await redis.cli("info", "commandstats");
  return {
    cpuMs: 1_000 * (Number(info.used_cpu_user) + Number(info.used_cpu_sys)),
    calls: Number(/^cmdstat_evalsha:calls=(\d+)/m.exec(stats)?.[1] ?? 0),
  };
}

const memory = async (redis) => Number((await redis.info()).used_memory);

/** Completes all waiting tasks. */
async function completeAll({ engine }) {
  const hands = Array.from({ length: PIPELINE }, (_, n) => new Hands(engine, { workerId: `hands${n}` }));
  await Promise.all(
    hands.map(async (each) => {
      for (let held = await each.acquire(BATCH); held.length > 0; ) held = await each.ack(held, BATCH);
    }),
  );
}

/** Measures the bytes in Redis of a task without a flow, while it waits and once it is completed. */
async function tasksAlone(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view, { retentionCount: 10_000_000 });
  const before = await memory(redis);
  for (let from = 0; from < NODES; from += CHUNK)
    await ctx.put(
      view,
      Array.from({ length: CHUNK }, (_, n) => ({ type: "t", payload: null, id: `big.n${from + n}` })),
    );
  const waiting = (await memory(redis)) - before;
  await completeAll(view);
  const completed = (await memory(redis)) - before;
  await view.client.close();
  await redis.kill();
  return { waiting: waiting / NODES, completed: completed / NODES };
}

export async function run(ctx) {
  const alone = await tasksAlone(ctx);
  const logged = 10_000;
  const args = ["--slowlog-log-slower-than", SLOW_MS * 1_000, "--slowlog-max-len", logged];
  const redis = await ctx.startRedis({ args });
  favour(redis.child.pid);
  const view = ctx.client(redis.url);
  await ctx.keepAll(view, { retentionCount: 10_000_000 });
  const before = await memory(redis);
  const settings = { redis: redis.url, id: "big", nodes: NODES, chunk: CHUNK, type: "t" };
  const producer = await ctx.program("flow-producer", settings);
  await until("the flow is sealed", () => producer.heard("sealed").length > 0, 500_000, 100);
  await until("the producer has ended", () => !producer.running);
  const added = producer.heard("added");
  // The first call also loads code and scripts, so the growth is measured from its end.
  const grown = (Math.max(...added.map(({ rss }) => rss)) - added[0].rss) / MEGABYTE;
  ctx.expect(grown < RSS_MB, `the memory of the producer grew by ${grown.toFixed(0)} MB`);
  const waiting = ((await memory(redis)) - before) / NODES;
  const adding = await work(redis);
  await completeAll(view);
  await ctx.janitor(redis.url).ready();
  await until(
    "the flow has ended",
    async () => (await view.queue.getFlow("big")).state === "ended",
    300_000,
    100,
  );
  const completed = ((await memory(redis)) - before) / NODES;
  const more = completed - alone.completed;
  ctx.expect(more <= BYTES, `a completed node takes ${more.toFixed(1)} bytes more than a task`);
  const slow = (await view.client.connection.command("SLOWLOG", "GET", logged)).filter(([, , , [command]]) =>
    /^eval/i.test(String(command)),
  );
  const nameOf = (sha) => Object.values(scripts).find(({ sha1 }) => sha1 === sha)?.name ?? sha;
  const shown = slow.map(([, , micros, [, sha]]) => `${nameOf(String(sha))} ${Number(micros) / 1_000} ms`);
  // The check bounds the mean processor time, because the time by the clock also grows while other programs run.
  const all = await work(redis);
  const means = [adding.cpuMs / adding.calls, (all.cpuMs - adding.cpuMs) / (all.calls - adding.calls)];
  ctx.expect(
    Math.max(...means) <= SLOW_MS,
    `a call takes ${Math.max(...means).toFixed(1)} ms of processor time`,
  );
  await ctx.expectAudit(view);
  const bytes = (value) => value.toFixed(1);
  return `the memory of the producer grew by ${grown.toFixed(0)} MB; a call took ${means[0].toFixed(2)} ms of processor time while nodes were added, and ${means[1].toFixed(2)} ms later; ${slow.length} of ${all.calls} calls took more than ${SLOW_MS} ms by the clock (${shown.slice(0, 3).join(", ")}); bytes per node: waiting ${bytes(waiting)} (a task ${bytes(alone.waiting)}), completed ${bytes(completed)} (a task ${bytes(alone.completed)}), so ${bytes(waiting - alone.waiting)} and ${bytes(more)} more`;
}
