import { setTimeout as sleep } from "node:timers/promises";
import { CONCURRENCY, checkLimits, limitKeys, startKeyedLoad } from "../harness/keyed-load.mjs";

const KILL_EVERY_MS = 5_000;
const WORKERS = 4;
// `FLOW_MINUTES=10 make chaos ROW=key-limits-worker-killed` is the long run in docs/guarantees.md.
const runMs = process.env.FLOW_MINUTES ? Number(process.env.FLOW_MINUTES) * 60_000 : 30_000;
// How long the tasks may take to end after the run, ms. A killed worker occupies places of its keys until its leases
// expire, so tasks pile up during the run. After the run, the limits of the keys decide how fast these tasks run.
const DRAIN_MS = 30_000 + runMs / 3;

export const row = {
  order: 27,
  name: "key-limits-worker-killed",
  fault: `kill -9 of a worker every ${KILL_EVERY_MS / 1_000} s for ${runMs / 1_000} s, under limits of keys`,
  expected: `never more than ${CONCURRENCY} leases of a key; no place of a key stays occupied, no key is stuck; no task is lost`,
  timeoutMs: runMs + DRAIN_MS + 60_000,
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    await limitKeys(ctx, view);
    const start = () => ctx.worker(url, { concurrency: 10 }).ready();
    const workers = await Promise.all(Array.from({ length: WORKERS }, start));
    const producers = await startKeyedLoad(ctx, url);
    const startedAt = performance.now();
    const kills = Math.floor(runMs / KILL_EVERY_MS);
    for (let n = 1; n <= kills; n++) {
      // The next worker needs time to start, which must not delay the next kill.
      await sleep(Math.max(0, startedAt + n * KILL_EVERY_MS - performance.now()));
      await workers.shift().kill();
      workers.push(await start());
    }
    for (const producer of producers) await producer.finish();
    const counts = await ctx.settle(view, { drainMs: DRAIN_MS });
    const { totals } = await view.observer.stats(ctx.queueName);
    ctx.expect(totals.crashed > 0, "no killed worker held a lease, so the row proves nothing");
    const { seen } = checkLimits(ctx, counts.tasks);
    return `${kills} workers killed, ${totals.crashed} leases taken back; ${seen}; ${counts.acknowledged} acknowledged, ${counts.lost} lost`;
  },
};
