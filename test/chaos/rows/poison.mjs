const INNOCENTS = 49;

export const row = {
  order: 5,
  name: "poison",
  fault: "a task that kills its worker, among 49 others",
  expected: "dead after exactly 4 grants; all neighbours finish",
  timeoutMs: 60_000,
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const innocents = Array.from({ length: INNOCENTS }, () => ({ type: "sleep", payload: { ms: 120 } }));
    const ids = await ctx.enqueue(view, [
      ...innocents.slice(0, 20),
      { type: "poison", payload: {} },
      ...innocents.slice(20),
    ]);
    const poison = ids[20];
    let deaths = 0;
    let supervising = true;
    let worker = ctx.worker(url);
    const supervisor = (async () => {
      while (supervising) {
        await worker.ended;
        if (!supervising) return;
        deaths++;
        worker = ctx.worker(url);
      }
    })();
    const { tasks } = await ctx.settle(view, { drainMs: 50_000 });
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
    ctx.expect(crashes <= 2, `a neighbour crashed ${crashes} times`);
    return `dead after ${dead.attempts} grants, ${deaths} workers killed; ${others.length} of ${INNOCENTS} neighbours completed, at most ${crashes} crashes each`;
  },
};
