/** The number of harmless tasks that run together with the task that kills its worker. */
export const INNOCENTS = 49;

/**
 * Runs a task that kills its worker, together with harmless tasks. Starts a new worker after each death.
 * @param innocents the harmless tasks
 * @param poison the task that kills its worker
 * @param start starts a worker
 * @param drainMs how long the tasks may take to end
 * @returns the most crashes of any harmless task, and a summary for the table
 */
export async function poisonRun(ctx, view, { innocents, poison, start, drainMs }) {
  const ids = await ctx.enqueue(view, [...innocents.slice(0, 20), poison, ...innocents.slice(20)]);
  const poisonId = ids[20];
  let deaths = 0;
  let supervising = true;
  let worker = start();
  const supervisor = (async () => {
    while (supervising) {
      await worker.ended;
      if (!supervising) return;
      deaths++;
      worker = start();
    }
  })();
  const { tasks } = await ctx.settle(view, { drainMs });
  supervising = false;
  await worker.kill();
  await supervisor;
  const dead = tasks.get(poisonId);
  const others = ids.filter((id) => id !== poisonId).map((id) => tasks.get(id));
  const crashes = Math.max(...others.map((task) => task.crashes));
  ctx.expect(
    dead.state === "dead" && dead.deadReason === "crashes_exhausted",
    `the poison task is ${dead.state}`,
  );
  ctx.expect(dead.attempts === 4 && deaths === 4, `${dead.attempts} grants, ${deaths} workers killed`);
  ctx.expect(
    others.every((task) => task.state === "completed"),
    "a harmless task did not complete",
  );
  return {
    crashes,
    seen: `dead after ${dead.attempts} grants, ${deaths} workers killed; ${others.length} of ${INNOCENTS} harmless tasks completed, with at most ${crashes} crashes each`,
  };
}
