import { INNOCENTS, poisonRun } from "../harness/poison-run.mjs";

export const row = {
  order: 5,
  name: "poison",
  fault: "a task that kills its worker, among 49 others",
  expected: "the task that kills is a dead letter after exactly 4 grants; all others complete",
  timeoutMs: 60_000,
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const innocents = Array.from({ length: INNOCENTS }, () => ({ type: "sleep", payload: { ms: 120 } }));
    const { crashes, seen } = await poisonRun(ctx, view, {
      innocents,
      poison: { type: "poison", payload: {} },
      start: () => ctx.worker(url),
      drainMs: 50_000,
    });
    ctx.expect(crashes <= 2, `a harmless task crashed ${crashes} times`);
    return seen;
  },
};
