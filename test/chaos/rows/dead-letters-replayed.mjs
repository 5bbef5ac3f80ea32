import { favour } from "../harness/processes.mjs";
import { percentile, until } from "../harness/until.mjs";

const TASKS = 100_000;
const BOUND_MS = 20;

export const row = {
  order: 23,
  name: "dead-letters-replayed",
  fault: `${TASKS} dead letters are replayed; the replay is killed half-way and started again`,
  expected: `replayed in batches; p99 of PING below ${BOUND_MS} ms; each id is moved once`,
  timeoutMs: 90_000,
  async run(ctx) {
    const redis = await ctx.startRedis();
    const { url, port } = redis;
    favour(redis.child.pid);
    const view = ctx.client(url);
    const queue = ctx.queueName;
    for (let at = 0; at < TASKS; at += 5_000) {
      const results = await view.queue.enqueueMany(
        Array.from({ length: 5_000 }, () => ({ type: "fatal", payload: {} })),
      );
      ctx.expect(
        results.every((result) => result.ok),
        "an enqueue was refused",
      );
    }
    const killers = [ctx.actor("killer", { redis: url }), ctx.actor("killer", { redis: url })];
    await until(
      "all tasks are dead",
      async () => (await view.observer.stats(queue)).dead === TASKS,
      60_000,
      100,
    );
    for (const killer of killers) await killer.finish();
    const pinger = await ctx.pinger(port).ready();
    const first = ctx.actor("replayer", { redis: url });
    await until(
      "half of them are replayed",
      async () => (await view.observer.stats(queue)).pending >= TASKS / 2,
      30_000,
      10,
    );
    await first.kill();
    const atKill = await view.observer.stats(queue);
    const second = ctx.actor("replayer", { redis: url });
    await until("the second run has ended", () => !second.running, 30_000);
    await pinger.finish();
    const told = second.heard("replay", { phase: "ok" })[0];
    const stats = await view.observer.stats(queue);
    const audit = await view.observer.audit(queue);
    const { tasks: sample } = await view.observer.list(queue, { state: "pending", limit: 100 });
    const p99 = percentile(
      pinger.heard("ping").map((line) => line.tookMs),
      0.99,
    );
    const max = percentile(
      pinger.heard("ping").map((line) => line.tookMs),
      1,
    );
    ctx.expect(stats.pending === TASKS && stats.dead === 0, `${stats.pending} pending, ${stats.dead} dead`);
    ctx.expect(stats.totals.replayed === TASKS, `${stats.totals.replayed} replays are counted`);
    ctx.expect(audit.violations.length === 0, `the audit found ${audit.violations[0]?.detail}`);
    ctx.expect(
      sample.length === 100 && sample.every((task) => task.generation === 1 && task.history.length === 1),
      "a task is not in generation 1",
    );
    ctx.expect(p99 < BOUND_MS, `p99 of PING ${p99} ms`);
    return `killed at ${atKill.pending}, the second run moved ${told?.replayed}; ${stats.totals.replayed} replayed in all, ${stats.dead} left; PING p99 ${p99}, max ${max} ms`;
  },
};
