import { until } from "../../chaos/harness/until.mjs";

export const number = 15;
export const name = "purged-while-stalled";
export const check = "retention purges the record of a task whose worker stalled (bullmq#3929)";
export const expected =
  "with a stopped worker, a killed worker, and a task that was cancelled meanwhile: after the purge the place of the key is free again, a late verdict changes no count, and the next task of the key runs";
export const waits = true;

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { queue, observer } = view;
  await queue.ready();
  // Ended tasks and their ids are purged at once.
  await observer.configure(ctx.queueName, { retentionCount: 0, retentionMs: 0, idempotencyMs: 0 });
  await observer.limits.set(ctx.queueName, { key: { concurrency: 1 } });
  await ctx.janitor(redis.url).ready();
  const running = async (key) => (await observer.limits.key(ctx.queueName, key)).running;
  const purged = (id) =>
    until(`${id} is purged`, async () => (await observer.task(ctx.queueName, id)) === null);
  const seen = [];
  for (const how of ["stopped", "killed", "cancelled"]) {
    // This worker holds the only place of the key, and settles its task too late.
    const stalled = await ctx.worker(redis.url, { concurrency: 1 }).ready();
    const { id } = await queue.enqueue("deaf", {}, { key: how, id: `${how}-1` });
    await until("the task runs", () => stalled.heard("run", { phase: "invoke" }).length === 1);
    await queue.enqueue("sleep", { ms: 1 }, { key: how, id: `${how}-2` });
    ctx.expect(
      (await running(how)) === 1,
      `${how}: ${await running(how)} running while the worker holds the place`,
    );
    stalled.signal(how === "killed" ? "SIGKILL" : "SIGSTOP");
    if (how === "cancelled") await observer.cancel(ctx.queueName, id);
    const helper = await ctx.worker(redis.url, { concurrency: 1, leaseMs: 30_000 }).ready();
    await purged(id);
    await purged(`${how}-2`);
    ctx.expect((await running(how)) === 0, `${how}: ${await running(how)} running after the purge`);
    if (how !== "killed") {
      stalled.signal("SIGCONT");
      await until(
        "the late worker knows that it lost the lease",
        () => stalled.heard("abort").length > 0,
        5_000,
      ).catch(() => {});
    }
    ctx.expect((await running(how)) === 0, `${how}: ${await running(how)} running after the late verdict`);
    const { id: last } = await queue.enqueue("sleep", { ms: 1 }, { key: how, id: `${how}-3` });
    await purged(last);
    const accounts = (await redis.cli("hkeys", view.engine.keys.state))
      .split("\n")
      .filter((field) => /^@./.test(field));
    ctx.expect(accounts.length === 0, `${how}: ${accounts.join(", ")} is left in the hash state`);
    await ctx.expectAudit(view, how);
    for (const worker of [stalled, helper]) await worker.kill();
    seen.push(`${how}: ${await running(how)} running, ${accounts.length} accounts`);
  }
  return seen.join("; ");
}
