import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../harness/until.mjs";

const KILLS = 20;
const KEYS = ["a", "b", "c", "d", "e"];
const TASK = { type: "sleep", payload: { ms: 100 }, maxRetries: 30 };

/**
 * Enqueues tasks with the keys in turn, until it is stopped. If another task holds the unique key, the answer has to
 * name the task that was stored last.
 */
function startOffers(ctx, view, held) {
  const seen = { accepted: 0, deduplicated: 0 };
  let isStopped = false;
  const offer = async (key) => {
    const [result] = await view.queue.enqueueMany([{ ...TASK, unique: { key } }]);
    if (!result.ok) throw result.error;
    const { id, deduplicated } = result.receipt;
    if (deduplicated) {
      seen.deduplicated++;
      ctx.expect(
        held.get(key) === id,
        `the answer for key ${key} named ${id}, not the task that was stored last`,
      );
      return;
    }
    seen.accepted++;
    held.set(key, id);
    ctx.own.push({ op: "enqueue", phase: "invoke", id, mono: performance.now() });
    ctx.own.push({ op: "enqueue", phase: "ok", id, mono: performance.now() });
  };
  const loop = async () => {
    while (!isStopped) {
      for (const key of KEYS) await offer(key);
      await sleep(5);
    }
  };
  const running = loop();
  return {
    async stop() {
      isStopped = true;
      await running;
      return seen;
    },
  };
}

/**
 * Returns the pairs of tasks with the same unique key that overlap. Each task must be granted only after the one
 * before has ended.
 */
function overlapsOf(tasks) {
  return KEYS.flatMap((key) => {
    const own = [...tasks.values()].filter(({ unique }) => unique.key === key);
    const spans = own
      .map(({ id, history, endedAt }) => ({ id, from: history[0].startedAt, to: endedAt }))
      .sort((a, b) => a.from - b.from);
    return spans
      .slice(1)
      .flatMap(({ id, from }, at) => (from < spans[at].to ? [`${id} and ${spans[at].id}`] : []));
  });
}

export const row = {
  order: 30,
  name: "unique-worker-killed",
  fault: `kill -9 of the worker, ${KILLS} times, while ${KEYS.length} unique keys are enqueued without a break`,
  expected:
    "never two unfinished tasks with the same key; each key is free once its task has ended; no task is lost",
  async run(ctx) {
    const { url } = await ctx.startRedis();
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    const offers = startOffers(ctx, view, new Map());
    let worker = await ctx.worker(url, { concurrency: KEYS.length }).ready();
    for (let n = 0; n < KILLS; n++) {
      const ran = worker;
      await until("the worker has ended some tasks, and runs one", () => {
        const ended = ran.heard("settle").length;
        return ended >= KEYS.length && ran.heard("run").length > ended;
      });
      await worker.kill();
      worker = await ctx.worker(url, { concurrency: KEYS.length }).ready();
    }
    const { accepted, deduplicated } = await offers.stop();
    const { tasks, acknowledged, lost } = await ctx.settle(view, { maxGrants: 31 });
    const { totals } = await view.observer.stats(ctx.queueName);
    ctx.expect(
      totals.crashed >= KILLS,
      `only ${totals.crashed} leases were taken back, so the row proves little`,
    );
    ctx.expect(accepted > KEYS.length, "no key was accepted again after the end of its task");
    const overlaps = overlapsOf(tasks);
    ctx.expect(overlaps.length === 0, `tasks of one key overlapped: ${overlaps.slice(0, 3).join(", ")}`);
    for (const key of KEYS) {
      const { deduplicated: isHeld } = await view.queue.enqueue(TASK.type, TASK.payload, { unique: { key } });
      ctx.expect(!isHeld, `key ${key} is still held after its task has ended`);
    }
    return `${KILLS} kills, ${totals.crashed} leases taken back; ${accepted} tasks of ${KEYS.length} keys one after the other, ${deduplicated} other enqueues named them; ${acknowledged} acknowledged, ${lost} lost`;
  },
};
