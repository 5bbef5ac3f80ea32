// Handlers with durable steps. The test and its child processes load this file. Each step writes its name to the log when it runs.
const noted = (ctx, name, value) => async () => {
  await ctx.log(name);
  return value;
};

export const handlers = {
  order: async (_task, ctx) => {
    const { step, sleep, waitFor, log } = ctx;
    const payment = await step("charge", noted(ctx, "charge", { id: 7, at: new Date(0) }));
    await sleep(1_100);
    const parts = await Promise.all([1, 2, 3].map((n) => step("part", noted(ctx, `part ${n}`, n))));
    const answer = await waitFor(["approved", "refused"], { timeoutMs: "1d" });
    const long = await step("long", noted(ctx, "long", "x".repeat(3_000)));
    await log("end");
    return { payment, parts, answer, long: long.length, attempt: ctx.attempt };
  },
  fails: async (_task, ctx) => {
    await ctx.step("first", noted(ctx, "first"));
    if (ctx.attempt === 1) throw new Error("once");
    return (await ctx.step("second", noted(ctx, "second", null))) === null;
  },
  calls: async (_task, ctx) => {
    const first = await ctx.call("child", { n: 1 });
    const both = await Promise.all([
      ctx.call("child", { n: 2 }),
      ctx.call("child", { n: 3 }, { priority: "high" }),
    ]);
    return { first, both, nothing: await ctx.call("child", { n: 0 }, { name: "nothing" }) };
  },
  child: ({ payload }) => (payload.n === 0 ? undefined : { doubled: payload.n * 2 }),
  retries: async (_task, ctx) => {
    let calls = 0;
    return ctx.step(
      "flaky",
      () => {
        calls += 1;
        if (calls < 2) throw new Error("no");
        return calls;
      },
      { retries: 1 },
    );
  },
  large: async (_task, ctx) => {
    await ctx.step("too much", () => "x".repeat(262_143));
  },
  timesOut: async (_task, ctx) => [
    await ctx.waitFor("never", { timeoutMs: 5 }),
    await ctx.waitFor("never", { timeoutMs: 5 }),
  ],
  inside: (_task, ctx) => ctx.step("outer", () => ctx.sleep("2s")),
};
