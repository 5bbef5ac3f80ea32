import { until } from "../harness/until.mjs";

export const row = {
  order: 3,
  name: "event-loop-blocked",
  fault: "a handler blocks the event loop for 3 s",
  expected: "the heartbeat thread keeps the lease until the time-out of the task; a later ack is stale",
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const first = await ctx.worker(url, { concurrency: 1 }).ready();
    // The heartbeat thread registers the worker. The handler blocks only after that, because this test does not cover
    // slow starts.
    await until(
      "the heartbeat thread has registered the worker",
      async () => (await view.observer.workers()).length === 1,
    );
    const [kept] = await ctx.enqueue(view, [{ type: "block", payload: { ms: 3_000 } }]);
    await until("the task runs", () => first.heard("run").length === 1);
    const second = await ctx.worker(url, { concurrency: 1 }).ready();
    await until("the task is completed", () => first.heard("settle").length === 1);
    ctx.expect(second.heard("run").length === 0, "another worker got the task of the blocked one");
    await second.kill();
    const timeoutMs = 1_500;
    const [late] = await ctx.enqueue(view, [{ type: "block", payload: { ms: 4_000 }, timeoutMs }]);
    await until("the task runs", () => first.heard("run").length === 2);
    await ctx.worker(url, { concurrency: 1 }).ready();
    await until("Redis has answered the late verdict", () => first.heard("settle").length === 2);
    const { tasks, stale } = await ctx.settle(view);
    const one = tasks.get(kept);
    const two = tasks.get(late);
    ctx.expect(
      one.attempts === 1 && one.crashes === 0,
      `the task whose lease was kept had ${one.attempts} attempts`,
    );
    ctx.expect(stale === 1, `${stale} stale verdicts, not 1`);
    ctx.expect(
      two.crashes === 1 && two.state === "completed",
      "the task that ran past its time-out was not taken back",
    );
    const heldMs = one.history[0].endedAt - one.history[0].startedAt;
    const backMs = two.history[1].startedAt - two.history[0].startedAt - timeoutMs;
    return `one task ran for ${heldMs} ms in one attempt; the task with a time-out of ${timeoutMs} ms was leased again ${backMs} ms after its deadline, and its late verdict was stale`;
  },
};
