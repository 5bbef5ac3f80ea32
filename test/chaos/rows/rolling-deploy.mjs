import { setTimeout as sleep } from "node:timers/promises";

const OLD = ["sleep"];
const NEW = ["sleep", "flaky"];
const TASKS = 200;
// A task becomes a dead letter if no worker has a handler for it for this long. The default is 24 hours.
const NO_HANDLER_MS = 2_000;

/** Returns tasks of which every second one needs a worker of the new version. */
const mixed = (count) =>
  Array.from({ length: count }, (_, i) =>
    i % 2
      ? { type: "sleep", payload: { ms: 5 } }
      : { type: "flaky", payload: { ms: 5, failures: i % 8 === 0 ? 1 : 0 } },
  );

export const row = {
  order: 25,
  name: "rolling-deploy",
  fault: "workers of two versions, one without a handler for half of the tasks; old and new ones killed",
  expected: "each task runs on a version that has a handler; none is dead as no_handler; no task is lost",
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const start = (only) =>
      ctx.worker(url, { only, concurrency: 10, noHandlerAfterMs: NO_HANDLER_MS }).ready();
    const old = await Promise.all([start(OLD), start(OLD), start(OLD)]);
    const ids = await ctx.enqueue(view, mixed(TASKS));
    const fresh = [await start(NEW)];
    ids.push(...(await ctx.enqueue(view, mixed(TASKS))));
    // One worker of each version crashes. Its tasks may be taken over only by workers that have a handler for their
    // types.
    await old[0].kill();
    await fresh[0].kill();
    // No worker of the new version runs now. The tasks for that version have to wait and must not die, because the dead
    // worker is still registered.
    await sleep(NO_HANDLER_MS + 500);
    fresh.push(await start(NEW), await start(NEW));
    for (let n = 0; n < 10; n++) {
      ids.push(...(await ctx.enqueue(view, mixed(20))));
      await sleep(20);
    }
    for (const worker of old.slice(1)) {
      worker.signal("SIGTERM");
      await worker.ended;
    }
    ids.push(...(await ctx.enqueue(view, mixed(20))));
    await ctx.settle(view);
    const tasks = await ctx.tasks(view);
    const dead = [...tasks.values()].filter(({ state }) => state === "dead");
    ctx.expect(dead.length === 0, `${dead.length} dead, ${dead[0]?.deadReason}: ${dead[0]?.lastError}`);
    const isOld = new Set(old.map((worker) => worker.heard("process", { what: "ready" })[0]?.workerId));
    const wrong = [...tasks.values()].filter(({ type, workerId }) => type === "flaky" && isOld.has(workerId));
    ctx.expect(wrong.length === 0, `${wrong.length} tasks of the new version completed on an old worker`);
    const { totals } = await view.observer.stats(ctx.queueName);
    const ended = totals.acked + totals.failed + totals.crashed + totals.released;
    // Some grants were neither acked, failed, crashed nor released. They were handed back by an old worker without a
    // handler.
    return `${tasks.size} of ${ids.length} completed; ${totals.attempts - ended} handed back for their type, ${totals.crashed} crashed`;
  },
};
