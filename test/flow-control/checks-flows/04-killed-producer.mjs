import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../chaos/harness/until.mjs";
import { redisNow } from "../harness/context.mjs";
import { momentsOf, untilEnded } from "../harness/large-flow.mjs";

const CHUNK = 200;
const SEAL_MS = 4_000;
const LATE_MS = 1_000;

export const number = 4;
export const name = "killed-producer";
export const check = `kill -9 of a producer in the middle of its additions, ${SEAL_MS / 1_000} s before the flow has to be sealed`;
export const expected = `no callback is enqueued while the flow is open, although every node has completed; at most ${LATE_MS} ms after sealBy the flow ends as cancelled`;
export const waits = true;

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view);
  await ctx.janitor(redis.url).ready();
  await ctx.startSlots(redis.url, 2);
  const on = Object.fromEntries(
    ["dead", "cancelled", "success", "done"].map((moment) => [moment, { type: "sum" }]),
  );
  const sealBy = Math.round(await redisNow(redis)) + SEAL_MS;
  const many = { nodes: 100_000, chunk: CHUNK, pauseMs: 30, payload: { ms: 0, value: 1 } };
  const producer = await ctx.program("flow-producer", { redis: redis.url, id: "cut", sealBy, on, ...many });
  await until("some nodes are added", () => producer.heard("added").length >= 10);
  await producer.kill();
  const told = producer.heard("added").length * CHUNK;
  await until("all stored nodes have completed", async () => {
    const { counts } = await view.queue.getFlow("cut");
    return counts.completed === counts.total;
  });
  await sleep(500);
  const open = await view.queue.getFlow("cut");
  ctx.expect(open.state === "open", `before sealBy the flow is ${open.state}`);
  ctx.expect(
    momentsOf(open).length === 0,
    `the callbacks ${momentsOf(open)} were enqueued while the flow was open`,
  );
  // The call that was open when the producer was killed may have been stored.
  const { total } = open.counts;
  ctx.expect(
    total === told || total === told + CHUNK,
    `${total} nodes are stored, but the producer has reported ${told}`,
  );
  const ended = await untilEnded(view, "cut");
  const lateMs = ended.endedAt - sealBy;
  ctx.expect(ended.outcome === "cancelled", `the outcome is ${ended.outcome}`);
  ctx.expect(lateMs >= 0 && lateMs <= LATE_MS, `the flow ended ${lateMs} ms after sealBy`);
  const moments = momentsOf(ended).join(" ");
  ctx.expect(moments === "cancelled done", `the callbacks ${moments} were enqueued`);
  await ctx.drain(view);
  await ctx.expectAudit(view);
  return `${total} nodes were stored and completed, and no callback was enqueued; the flow was cancelled ${lateMs} ms after sealBy, with the callbacks ${moments}`;
}
