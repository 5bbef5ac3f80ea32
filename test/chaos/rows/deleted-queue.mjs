import { mono, until } from "../harness/until.mjs";

const DELETIONS = 5;
const HELD = 20;
// The histories round the duration of a call up or down to whole milliseconds.
const ROUNDING_MS = 2;

export const row = {
  order: 26,
  name: "deleted-queue",
  fault: `a queue is deleted ${DELETIONS} times while producers (library, HTTP) and workers keep using it; then kill -9 of a worker`,
  expected:
    "the queue is listed and swept again at once; no task that is enqueued after the last deletion is lost",
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    const isListed = async () => (await view.observer.queues()).includes(ctx.queueName);
    const api = await ctx.service("producer-api", { REDIS_URL: url });
    await api.turns(200, 15_000);
    await ctx.janitor(url).ready();
    const victim = await ctx.worker(url).ready();
    const producers = [
      await ctx.producer(url, { ratePerSecond: 100, delayedShare: 0.2 }).ready(),
      await ctx.producer(url, { ratePerSecond: 50, http: api.url }).ready(),
    ];
    const isAfter = (time) => (line) => line.mono - line.tookMs > time + ROUNDING_MS;
    const haveEnqueued = (count, time) =>
      until(`each producer has enqueued ${count}`, () =>
        producers.every((one) => one.heard("enqueue", { phase: "ok" }).filter(isAfter(time)).length >= count),
      );
    let deletedAt = 0;
    let refused = 0;
    const listedAfter = [];
    for (let n = 0; n < DELETIONS; n++) {
      await haveEnqueued(10, deletedAt);
      await view.observer.pause(ctx.queueName, "to be deleted");
      await until("the queue is deleted", async () => {
        try {
          await view.observer.deleteQueue(ctx.queueName);
          return true;
        } catch (error) {
          // The deletion is refused while tasks run, and if a producer has enqueued again after the pause.
          if (error.code !== "queue_busy") throw error;
          refused++;
          return false;
        }
      });
      deletedAt = mono();
      await until("the queue is listed again", isListed, 5_000, 5);
      listedAfter.push(Math.round(mono() - deletedAt));
    }
    await haveEnqueued(100, deletedAt);
    for (const producer of producers) await producer.finish();
    await ctx.drain(view);
    const held = await ctx.enqueue(view, Array(HELD).fill({ type: "hold", payload: {} }));
    const runs = new Set();
    await until("the worker that will be killed runs its tasks", () => {
      for (const { id } of victim.heard("run")) runs.add(id);
      return held.every((id) => runs.has(id));
    });
    await victim.kill();
    await ctx.worker(url).ready();
    const isBeforeDeletion = ({ mono, tookMs = 0 }) => mono - tookMs <= deletedAt + ROUNDING_MS;
    const counts = await ctx.settle(view, { mayLose: isBeforeDeletion });
    const { crashed } = (await view.observer.stats(ctx.queueName)).totals;
    ctx.expect(crashed === HELD, `${crashed} of the ${HELD} tasks of the killed worker were taken back`);
    const kept = counts.acknowledged - counts.lostAllowed;
    return `listed again after at most ${Math.max(...listedAfter)} ms (${refused} deletions were refused as busy); ${kept} enqueued since the last deletion, ${counts.lost} lost; ${crashed} tasks of the killed worker taken back`;
  },
};
