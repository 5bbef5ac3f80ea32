import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "holdfast";
import { until } from "../../chaos/harness/until.mjs";

const TASKS = 1_000;
const EARLY_MS = 10;

export const number = 2;
export const name = "early-signals";
export const check = `a signal is sent ${EARLY_MS} ms before its task waits for it, ${TASKS.toLocaleString("en")} times`;
export const expected = "no signal is lost, and each task gets its own signal";
export const waits = true;

export async function run(ctx) {
  const { url } = await ctx.startRedis();
  const view = ctx.client(url);
  const handler = async (task, { waitFor }) => {
    await view.queue.signal(task.id, "go", task.payload.n);
    await sleep(EARLY_MS);
    return (await waitFor("go", { timeoutMs: 1_000 }))?.data ?? "lost";
  };
  const worker = new Worker(ctx.queueName, { t: handler }, { redis: url, concurrency: 100 });
  await worker.start();
  const ids = await ctx.put(
    view,
    Array.from({ length: TASKS }, (_, n) => ({ type: "t", payload: { n } })),
  );
  await until(
    "every task has ended",
    async () => (await view.observer.stats(ctx.queueName)).completed === TASKS,
    60_000,
  );
  await worker.stop();
  const tasks = await ctx.tasks(view);
  const wrong = ids.filter((id, n) => tasks.get(id)?.resultText !== String(n));
  ctx.expect(wrong.length === 0, `${wrong.length} tasks did not get their signal`);
  return `${TASKS - wrong.length} of ${TASKS} tasks got their signal`;
}
