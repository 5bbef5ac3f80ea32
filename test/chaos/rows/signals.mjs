import { until } from "../harness/until.mjs";

export const row = {
  order: 7,
  name: "signals",
  fault: "SIGTERM and SIGINT under load, grace 500 ms",
  expected:
    "no new acquire; tasks are finished or released within the grace period; a release uses up no attempt; exit 0",
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const seen = [];
    for (const signal of ["SIGTERM", "SIGINT"]) {
      const worker = await ctx.worker(url, { concurrency: 20, graceMs: 500 }).ready();
      const tasks = Array.from({ length: 20 }, (_, i) =>
        i % 2 ? { type: "hold", payload: {} } : { type: "sleep", payload: { ms: 200 } },
      );
      const ids = await ctx.enqueue(view, tasks);
      await until("all tasks run", () => worker.heard("run").length === 20);
      const waiting = await ctx.enqueue(
        view,
        Array.from({ length: 30 }, () => ({ type: "sleep", payload: { ms: 1 } })),
      );
      const at = performance.now();
      worker.signal(signal);
      const { code } = await worker.ended;
      const tookMs = Math.round(performance.now() - at);
      const views = await Promise.all(ids.map((id) => view.queue.get(id)));
      const completed = views.filter((task) => task.state === "completed").length;
      const released = views.filter(
        (task) =>
          task.state === "pending" && task.attempts === 0 && task.crashes === 0 && task.releases === 1,
      ).length;
      const stoppingAt = worker.heard("process", { what: "stopping" })[0].mono;
      const acquired = worker.heard("run").filter((line) => line.mono > stoppingAt).length;
      const untouched = await Promise.all(waiting.map((id) => view.queue.get(id)));
      ctx.expect(code === 0, `${signal}: exit ${code}`);
      ctx.expect(
        completed === 10 && released === 10,
        `${signal}: ${completed} finished, ${released} released, of 10 each`,
      );
      ctx.expect(acquired === 0, `${signal}: ${acquired} acquired afterwards`);
      ctx.expect(
        untouched.every((task) => task.attempts === 0 && task.releases === 0),
        `${signal}: a waiting task was changed`,
      );
      ctx.expect(tookMs < 3_500, `${signal}: ${tookMs} ms`);
      seen.push(`${signal}: ${completed} finished, ${released} released, exit ${code} after ${tookMs} ms`);
      // The handler of these tasks waits for a signal that never comes, so the pending ones are cancelled.
      for (const task of views) if (task.state === "pending") await view.queue.cancel(task.id);
      const heir = await ctx.worker(url).ready();
      await ctx.drain(view);
      await heir.finish();
    }
    await ctx.settle(view);
    return seen.join("; ");
  },
};
