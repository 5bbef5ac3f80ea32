const INNOCENTS = 49;

export const row = {
  order: 31,
  name: "batch-worker-killed",
  fault: "a task of a batch of 50 that kills its worker",
  expected:
    "one crash for each task of a batch that is killed; alone from the second on; dead after 4 grants; the others finish",
  timeoutMs: 90_000,
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const of = (kills) => ({ type: "batched", payload: { kills } });
    const innocents = Array.from({ length: INNOCENTS }, () => of(false));
    const ids = await ctx.enqueue(view, [...innocents.slice(0, 20), of(true), ...innocents.slice(20)]);
    const poison = ids[20];
    let deaths = 0;
    let supervising = true;
    const start = () => ctx.worker(url, { only: ["batched"], concurrency: 50 });
    let worker = start();
    const supervisor = (async () => {
      while (supervising) {
        await worker.ended;
        if (!supervising) return;
        deaths++;
        worker = start();
      }
    })();
    const { tasks } = await ctx.settle(view, { drainMs: 80_000 });
    supervising = false;
    await worker.kill();
    await supervisor;
    const dead = tasks.get(poison);
    const others = ids.filter((id) => id !== poison).map((id) => tasks.get(id));
    const crashes = Math.max(...others.map((task) => task.crashes));
    ctx.expect(
      dead.state === "dead" && dead.deadReason === "crashes_exhausted",
      `the poison is ${dead.state}`,
    );
    ctx.expect(dead.attempts === 4 && deaths === 4, `${dead.attempts} grants, ${deaths} workers killed`);
    ctx.expect(
      others.every((task) => task.state === "completed"),
      "a neighbour is not completed",
    );
    ctx.expect(crashes === 2, `a neighbour crashed ${crashes} times`);
    return `dead after ${dead.attempts} grants, ${deaths} workers killed; ${others.length} of ${INNOCENTS} neighbours completed, at most ${crashes} crashes each`;
  },
};
