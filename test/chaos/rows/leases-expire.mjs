import { favour } from "../harness/processes.mjs";
import { percentile, until } from "../harness/until.mjs";

const TASKS = 10_000;
const WORKERS = 2;
const BOUND_MS = 20;

export const row = {
  order: 24,
  name: "leases-expire",
  fault: `${TASKS} leases expire at once (both workers killed)`,
  expected: `p99 of PING below ${BOUND_MS} ms; the tasks return in batches to the front of the line, without backoff`,
  timeoutMs: 60_000,
  async run(ctx) {
    const redis = await ctx.startRedis();
    const { url, port } = redis;
    const view = ctx.client(url);
    // The queue keeps all tasks, because a purged task would look like a lost one.
    await view.observer.configure(ctx.queueName, { retentionCount: 10 * TASKS });
    favour(redis.child.pid);
    const workers = await Promise.all(
      Array.from({ length: WORKERS }, () =>
        ctx.worker(url, { concurrency: TASKS / WORKERS, leaseMs: 3_000 }).ready(),
      ),
    );
    for (let at = 0; at < TASKS; at += 1_000)
      await ctx.enqueue(
        view,
        Array.from({ length: 1_000 }, () => ({ type: "hold", payload: {} })),
      );
    await until(
      "all tasks are leased",
      async () => (await view.observer.stats(ctx.queueName)).processing === TASKS,
      20_000,
    );
    const waiting = await ctx.enqueue(
      view,
      Array.from({ length: 10 }, () => ({ type: "sleep", payload: {} })),
    );
    await Promise.all(workers.map((worker) => worker.kill()));
    await until(
      "the leases have expired",
      async () => {
        const { tasks } = await view.observer.list(ctx.queueName, { state: "processing", limit: 100 });
        return tasks.every((task) => task.leaseExpiresAt < Date.now());
      },
      10_000,
    );
    await new Promise((resolve) => setTimeout(resolve, 3_000));
    const pinger = await ctx.pinger(port).ready();
    const janitor = await ctx.janitor(url, { auditIntervalMs: 0 }).ready();
    const startedAt = performance.now();
    await until(
      "all tasks are pending again",
      async () => (await view.observer.stats(ctx.queueName)).pending === TASKS + 10,
      20_000,
    );
    const backMs = Math.round(performance.now() - startedAt);
    await pinger.finish();
    const { tasks: next } = await view.observer.list(ctx.queueName, { state: "pending", limit: 100 });
    const pings = pinger.heard("ping").map((line) => line.tookMs);
    const p99 = percentile(pings, 0.99);
    ctx.expect(
      next.every((task) => task.crashes === 1),
      "a task that had not begun is in front of a task that had begun",
    );
    await ctx.worker(url, { concurrency: 500 }).ready();
    const counts = await ctx.settle(view, { drainMs: 40_000 });
    ctx.expect(p99 < BOUND_MS, `p99 of PING ${p99} ms`);
    const again = [...counts.tasks.values()].filter(
      ({ attempts, crashes }) => attempts === 2 && crashes === 1,
    );
    const whole = counts.completed === TASKS + waiting.length;
    ctx.expect(
      again.length === TASKS && whole,
      `${again.length} were granted again, ${counts.completed} completed`,
    );
    ctx.expect(janitor.running, "the janitor ended");
    return `${TASKS} pending again within ${backMs} ms; PING p50 ${percentile(pings, 0.5)}, p99 ${p99}, max ${percentile(pings, 1)} ms (${pings.length} pings)`;
  },
};
