import { attemptsByKey, mostAtOnce } from "../harness/limits-checker.mjs";
import { oldVersion, whyNoOldVersion } from "../harness/old-version.mjs";
import { until } from "../harness/until.mjs";

const OF_QUEUE = 4;
const OF_KEY = 2;
const KEYS = ["a", "b", "c"];
const HELD = 10;

/** Returns tasks of every key, and as many tasks without a key. */
const mixed = (count) =>
  Array.from({ length: count }, (_, i) => ({
    type: "sleep",
    payload: { ms: 20 },
    ...(i % 2 ? { key: KEYS[((i - 1) / 2) % KEYS.length] } : {}),
  }));

export const row = {
  order: 30,
  name: "key-limits-old-version",
  fault:
    "limits are set while workers of a version without limits run tasks; then a worker of each version is killed",
  expected: "old workers are refused from then on, take no task and exceed no limit; no task is lost",
  skip: whyNoOldVersion,
  async run(ctx) {
    const library = `${oldVersion()}/packages/holdfast/dist/index.js`;
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const startOld = () => ctx.worker(url, { concurrency: 10, library }).ready();
    const old = [await startOld(), await startOld()];
    const plain = (count, ms) => Array.from({ length: count }, () => ({ type: "sleep", payload: { ms } }));
    const before = await ctx.enqueue(view, plain(100, 5));
    await ctx.drain(view);
    // The old workers still run these tasks while the limits are set.
    const held = await ctx.enqueue(view, plain(HELD, 500));
    const runs = () => old.reduce((sum, worker) => sum + worker.heard("run").length, 0);
    await until("the old workers run tasks", () => runs() === before.length + HELD);
    const { at: limitedAt } = await view.observer.limits.set(ctx.queueName, {
      queue: { concurrency: OF_QUEUE },
      key: { concurrency: OF_KEY },
    });
    await ctx.enqueue(view, mixed(200));
    const fresh = [await ctx.worker(url).ready(), await ctx.worker(url).ready()];
    // Once limits are set, an old worker can no longer settle its tasks. It keeps their leases until it ends.
    const isHolder = (worker) => worker.heard("run").some(({ id }) => held.includes(id));
    const idle = old.filter((worker) => !isHolder(worker));
    ctx.expect(idle.length > 0, "no old worker still asks for tasks, so the row proves nothing");
    for (const worker of old.filter(isHolder)) await worker.kill();
    const freshRuns = () => fresh.reduce((sum, worker) => sum + worker.heard("run").length, 0);
    await until("the new workers run tasks", () => freshRuns() > 20);
    await fresh[0].kill();
    await ctx.enqueue(view, mixed(200));
    await ctx.drain(view);
    for (const worker of idle) await worker.finish();
    const counts = await ctx.settle(view);
    const oldIds = new Set(old.map((worker) => worker.heard("process", { what: "ready" })[0].workerId));
    const limited = new Map(
      [...counts.tasks].map(([id, task]) => [
        id,
        { ...task, history: task.history.filter(({ startedAt }) => startedAt >= limitedAt) },
      ]),
    );
    const keys = attemptsByKey(limited);
    const ofQueue = mostAtOnce([...keys.values()].flat());
    const ofKey = Math.max(...KEYS.map((key) => mostAtOnce(keys.get(key))));
    const taken = [...limited.values()].flatMap(({ key, history }) =>
      history.filter(({ workerId }) => oldIds.has(workerId)).map(() => key),
    );
    const refused = ctx.heard("error", { code: "layout_too_new" }).length;
    ctx.expect(ofQueue <= OF_QUEUE, `${ofQueue} tasks of the queue were leased at one time`);
    ctx.expect(ofKey <= OF_KEY, `${ofKey} tasks of a key were leased at one time`);
    ctx.expect(
      taken.length === 0,
      `${taken.length} tasks, ${taken.filter(Boolean).length} with a key, went to old workers`,
    );
    ctx.expect(refused > 0, "no old worker was refused");
    ctx.expect(
      held.every((id) => counts.tasks.get(id).state === "completed"),
      "a task that ran when the limits were set did not complete",
    );
    return `${before.length + HELD} tasks granted to old workers before the limits, ${taken.length} after (${refused} calls refused); at most ${ofQueue} leases of the queue (limit ${OF_QUEUE}) and ${ofKey} of a key (limit ${OF_KEY}); ${counts.acknowledged} acknowledged, ${counts.lost} lost`;
  },
};
