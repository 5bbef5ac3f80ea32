import { setTimeout as sleep } from "node:timers/promises";

const COMMAND_MS = 1_000;
// A call waits for its reply, is repeated, and waits for the second reply. Each of these three steps takes at most
// one time-out.
const BOUND_MS = 3 * COMMAND_MS + 200;

export const row = {
  order: 14,
  name: "half-open",
  fault:
    "replies come 2 s late; a connection answers nothing; a connection is half-closed (command time-out 1 s)",
  expected: `every call ends within its time-out (${BOUND_MS} ms: one each for a reply, the retries and the last reply)`,
  timeoutMs: 60_000,
  async run(ctx) {
    const redis = await ctx.startRedis();
    const proxy = await ctx.proxy(redis.port);
    const view = ctx.client(redis.url);
    const settings = { url: proxy.url, commandTimeoutMs: COMMAND_MS };
    await ctx.janitor(redis.url).ready();
    await ctx.worker(settings).ready();
    const producer = await ctx.producer(settings, { ratePerSecond: 100 }).ready();
    await sleep(500);
    proxy.set("delay", { delayMs: 2_000 });
    await sleep(4_000);
    proxy.set("pass");
    proxy.cut();
    await sleep(1_000);
    proxy.set("hole");
    await sleep(4_000);
    proxy.set("pass");
    proxy.cut();
    await sleep(1_000);
    proxy.halfClose();
    await sleep(1_000);
    await producer.finish();
    const counts = await ctx.settle(view);
    const took = producer.heard("enqueue").filter((line) => line.tookMs !== undefined);
    const slowest = Math.max(...took.map((line) => line.tookMs));
    const sent = producer.heard("enqueue", { phase: "invoke" }).length;
    ctx.expect(took.length === sent, `${sent - took.length} of ${sent} calls never ended`);
    ctx.expect(slowest <= BOUND_MS, `a call took ${slowest} ms`);
    return `${sent} calls, the slowest ${slowest} ms, ${sent - took.length} never answered; ${counts.acknowledged} acknowledged, ${counts.lost} lost, ${counts.recovered} recovered`;
  },
};
