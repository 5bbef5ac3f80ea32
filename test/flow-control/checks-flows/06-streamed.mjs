import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import * as scripts from "../../../packages/holdfast/dist/redis/generated/index.js";
import { favour } from "../../chaos/harness/processes.mjs";
import { until } from "../../chaos/harness/until.mjs";
import { Hands } from "../harness/hands.mjs";

// `NODES=1000000 make flow-checks CHECK=6` adds a million nodes. The longest call means something only on a quiet
// machine.
const NODES = Number(process.env.NODES || 200_000);
/** How long each part of the check may take, ms. */
const PART_MS = Math.max(300_000, 2 * NODES);
const CHUNK = 1_000;
const MEGABYTE = 1_048_576;
const RSS_MB = 100;
const SLOW_MS = 10;
/**
 * Redis logs the calls that take longer than this, ms. A lower limit would make the log so large that this check
 * would count its memory as memory of nodes.
 */
const NAMED_MS = 5;
const BYTES = 60;
const BATCH = 250;
const LOGGED = 10_000;
/** How many calls are open at the same time. */
const PIPELINE = 8;

export const number = 6;
export const name = "streamed";
export const check = `${NODES.toLocaleString("en")} nodes are streamed into a flow, and complete`;
export const expected = `the memory of the producer grows by less than ${RSS_MB} MB; no script call takes more than ${SLOW_MS} ms by the clock of Redis; a node takes at most ${BYTES} bytes more in Redis than a task with the same id, while it is pending and once it is completed`;
export const timeoutMs = 4 * PART_MS;

const PERCENTILES = ["50", "99", "99.9", "100"];
/** The first call of a script sends its source, and Redis compiles it, so it gets another name here. */
const nameOf = (sha) => Object.values(scripts).find(({ sha1 }) => sha1 === sha)?.name ?? "first calls";

/**
 * Reads how long the script calls took, by the clock of Redis. @returns the ms of each of PERCENTILES, the longest
 * call, and for each script how many calls took more than NAMED_MS, with the longest
 */
async function callTimes(redis, { connection }) {
  const line = /^latency_percentiles_usec_evalsha:(.*)$/m.exec(await redis.cli("info", "latencystats"))?.[1];
  const ms = PERCENTILES.map(
    (percentile) => Number(new RegExp(`p${percentile}=([\\d.]+)`).exec(line)?.[1]) / 1_000,
  );
  const longest = new Map();
  for (const [, , micros, [command, sha]] of await connection.command("SLOWLOG", "GET", LOGGED)) {
    if (!/^eval/i.test(String(command))) continue;
    const name = nameOf(String(sha));
    const { count, most } = longest.get(name) ?? { count: 0, most: 0 };
    longest.set(name, { count: count + 1, most: Math.max(most, Number(micros) / 1_000) });
  }
  return {
    ms,
    longest: [...longest],
    most: Math.max(ms.at(-1), ...[...longest.values()].map(({ most }) => most)),
  };
}

/**
 * Returns how long Redis was ready to run while another process had its processor, ms; NaN if the system does not
 * tell.
 */
function waitedMs({ child }) {
  try {
    return Number(readFileSync(`/proc/${child.pid}/schedstat`, "utf8").split(" ")[1]) / 1e6;
  } catch {
    return Number.NaN;
  }
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

/**
 * Measures the memory that a task without a flow takes in Redis, bytes: while it is pending, and when it has
 * completed.
 */
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
  const pending = (await memory(redis)) - before;
  await completeAll(view);
  const completed = (await memory(redis)) - before;
  await view.client.close();
  await redis.kill();
  return { pending: pending / NODES, completed: completed / NODES };
}

export async function run(ctx) {
  const alone = await tasksAlone(ctx);
  const slow = ["--slowlog-log-slower-than", NAMED_MS * 1_000, "--slowlog-max-len", LOGGED];
  const args = [...slow, "--latency-tracking-info-percentiles", ...PERCENTILES];
  // With a real-time priority, Redis does not have to wait for a processor. Otherwise the longest call would be one
  // that had to wait.
  const under = spawnSync("chrt", ["-f", "1", "true"]).status === 0 ? ["chrt", "-f", "1"] : [];
  const redis = await ctx.startRedis({ args, under });
  if (under.length === 0) favour(redis.child.pid);
  const view = ctx.client(redis.url);
  await ctx.keepAll(view, { retentionCount: 10_000_000 });
  const before = await memory(redis);
  const settings = { redis: redis.url, id: "big", nodes: NODES, chunk: CHUNK, type: "t" };
  const producer = await ctx.program("flow-producer", settings);
  await until("the flow is sealed", () => producer.heard("sealed").length > 0, PART_MS, 100);
  await until("the producer has ended", () => !producer.running);
  const added = producer.heard("added");
  // The first call also loads code and scripts, so the growth is measured after it.
  const grown = (Math.max(...added.map(({ rss }) => rss)) - added[0].rss) / MEGABYTE;
  ctx.expect(grown < RSS_MB, `the memory of the producer grew by ${grown.toFixed(0)} MB`);
  const pending = ((await memory(redis)) - before) / NODES;
  await completeAll(view);
  await ctx.janitor(redis.url).ready();
  await until(
    "the flow has ended",
    async () => (await view.queue.getFlow("big")).state === "ended",
    PART_MS,
    100,
  );
  const completed = ((await memory(redis)) - before) / NODES;
  const more = { pending: pending - alone.pending, completed: completed - alone.completed };
  for (const [state, bytes] of Object.entries(more))
    ctx.expect(bytes <= BYTES, `a ${state} node takes ${bytes.toFixed(1)} bytes more than a task`);
  const { ms, longest, most } = await callTimes(redis, view.client);
  const [median, p99, p999] = ms.map((value) => value.toFixed(2));
  const waited = waitedMs(redis);
  ctx.expect(
    most <= SLOW_MS,
    `a call took ${most.toFixed(1)} ms (Redis waited ${waited.toFixed(0)} ms for a processor in the whole run)`,
  );
  await ctx.expectAudit(view);
  const bytes = (value) => value.toFixed(1);
  const named = longest.map(
    ([name, { count, most }]) => `${count} of ${name}, at most ${most.toFixed(1)} ms`,
  );
  return [
    `the memory of the producer grew by ${grown.toFixed(0)} MB`,
    `a call took ${median} ms (median), ${p99} (p99), ${p999} (p99.9) and at most ${most.toFixed(1)} ms`,
    `more than ${NAMED_MS} ms took ${named.join(", ") || "none"}`,
    `Redis waited ${waited.toFixed(0)} ms for a processor`,
    `bytes per node: pending ${bytes(pending)} (a task ${bytes(alone.pending)}), completed ${bytes(completed)} (a task ${bytes(alone.completed)}), so ${bytes(more.pending)} and ${bytes(more.completed)} more`,
  ].join("; ");
}
