import { INNOCENTS, poisonRun } from "../harness/poison-run.mjs";

export const row = {
  order: 31,
  name: "batch-worker-killed",
  fault: "one task in a batch of 50 kills its worker",
  expected:
    "the death of a batch is one crash for each of its tasks; after two crashes a task runs alone; the task that kills is a dead letter after 4 grants; the others complete",
  timeoutMs: 90_000,
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const of = (kills) => ({ type: "batched", payload: { kills } });
    const innocents = Array.from({ length: INNOCENTS }, () => of(false));
    const { crashes, seen } = await poisonRun(ctx, view, {
      innocents,
      poison: of(true),
      start: () => ctx.worker(url, { only: ["batched"], concurrency: 50 }),
      drainMs: 80_000,
    });
    ctx.expect(crashes === 2, `a harmless task crashed ${crashes} times`);
    return seen;
  },
};
