import { setTimeout as sleep } from "node:timers/promises";
import { LEASE_MS } from "../harness/context.mjs";
import { mono, until } from "../harness/until.mjs";

// How long it may take until a worker learns of a lost lease, ms. A heartbeat is sent once per third of a lease, and
// 200 ms are for a busy machine.
const TOLD_MS = Math.ceil(LEASE_MS / 3) + 200;

export const row = {
  order: 2,
  name: "worker-stopped",
  fault: "SIGSTOP of a worker for 3 s, then SIGCONT",
  expected: "the late ack is stale, one ack is accepted, the handler is notified within one heartbeat",
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const first = await ctx.worker(url).ready();
    await ctx.enqueue(
      view,
      Array.from({ length: 10 }, () => ({ type: "hold", payload: {} })),
    );
    await until("all tasks are leased", () => first.heard("run").length === 10);
    const second = await ctx.worker(url).ready();
    first.signal("SIGSTOP");
    await sleep(3_000);
    const continuedAt = mono();
    first.signal("SIGCONT");
    await until("Redis has answered the first worker", () => first.heard("settle").length === 10);
    const counts = await ctx.settle(view);
    const told = first.heard("abort").map((line) => line.mono - continuedAt);
    ctx.expect(
      told.length === 10 && first.heard("abort", { reason: "lease_lost" }).length === 10,
      `${told.length} handlers were told`,
    );
    ctx.expect(
      Math.max(...told) <= TOLD_MS,
      `a handler was told after ${Math.round(Math.max(...told))} ms, ${TOLD_MS} is the bound`,
    );
    ctx.expect(first.heard("settle", { outcome: "stale" }).length === 10, "not every late verdict was stale");
    ctx.expect(
      second.heard("settle", { outcome: "acked" }).length === 10,
      "not every other verdict was accepted",
    );
    return `10 late acks: ${counts.stale} stale, ${counts.completed} accepted from the second worker; signals after at most ${Math.round(Math.max(...told))} ms`;
  },
};
