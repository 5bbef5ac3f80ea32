import { setTimeout as sleep } from "node:timers/promises";
import { cli } from "../harness/redis.mjs";
import { fakeClock, whyNoShim } from "../harness/shim.mjs";
import { mono, until } from "../harness/until.mjs";

const JUMP_MS = 120_000;

export const row = {
  order: 19,
  name: "clock-forward",
  fault: "the clock of Redis jumps 120 s forward under load",
  expected: "at most the tasks in flight run twice",
  skip: whyNoShim,
  async run(ctx) {
    const clock = fakeClock(ctx.folder);
    const { url, port } = await ctx.startRedis({ env: clock.env });
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    await ctx.worker(url, { concurrency: 30 }).ready();
    await ctx.worker(url, { concurrency: 30 }).ready();
    const producer = await ctx.producer(url, { ratePerSecond: 200, payload: { ms: 300 } }).ready();
    await sleep(1_500);
    const before = Date.now();
    clock.set(JUMP_MS);
    const jumpAt = mono();
    const [seconds] = (await cli(port, "time")).split("\n");
    ctx.expect(Number(seconds) * 1000 - before > JUMP_MS - 2_000, "the clock of Redis did not jump");
    await sleep(1_500);
    await producer.finish();
    await until(
      "no task waits in the queue",
      async () => (await view.observer.stats(ctx.queueName)).pending === 0,
    );
    const counts = await ctx.settle(view);
    // These attempts were granted before the jump, by the clock of Redis, and were still running at the jump.
    const ended = new Set(
      ctx
        .heard("settle")
        .filter(({ mono }) => mono <= jumpAt)
        .map(({ id }) => id),
    );
    const inFlight = [...counts.tasks.values()].filter(
      ({ id, history }) =>
        history[0] !== undefined && history[0].startedAt < before + JUMP_MS / 2 && !ended.has(id),
    ).length;
    ctx.expect(
      inFlight > 0 && counts.duplicated <= inFlight,
      `${counts.duplicated} ran twice, ${inFlight} were in flight`,
    );
    return `${inFlight} in flight at the jump, ${counts.duplicated} ran twice, ${counts.stale} stale verdicts; ${counts.acknowledged} acknowledged, ${counts.lost} lost`;
  },
};
