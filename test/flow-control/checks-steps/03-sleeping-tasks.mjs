import { writeStep } from "../../../packages/holdfast/dist/engine/steps.js";

const TASKS = 100_000;
const BATCH = 250;
const PIPELINE = 8;
/** How many sleeps end per second. */
const PER_SECOND = 5_000;
// The most bytes per sleeping task. Its record takes 72, the head of its steps 56, and its entry in `scheduled` 93, less
// the 16 of its entry in `pending`. The tables of these three hashes add 32, and up to 48 with other numbers of tasks.
const BYTES = 250;
const LATE_MS = 1_000;

export const number = 3;
export const name = "sleeping-tasks";
export const check = `${TASKS.toLocaleString("en")} tasks sleep, and wake ${PER_SECOND.toLocaleString("en")} a second`;
export const expected = `a sleeping task has no slot and no lease, and takes at most ${BYTES} bytes more than a task without steps; each starts at most ${LATE_MS} ms late`;
export const timeoutMs = 240_000;

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { engine, hands } = view;
  const keys = [
    engine.keys.tasks,
    engine.keys.state,
    engine.keys.pending,
    engine.keys.scheduled,
    engine.keys.steps,
  ];
  const used = async () => {
    const sizes = await Promise.all(keys.map((key) => redis.cli("memory", "usage", key, "samples", 0)));
    return sizes.reduce((sum, size) => sum + (Number(size) || 0), 0);
  };
  await ctx.put(
    view,
    Array.from({ length: TASKS }, () => ({ type: "t", payload: "x".repeat(94) })),
  );
  const before = await used();
  // The first sleep ends only when all tasks are asleep.
  const firstAt = Date.now() + 60_000;
  let asleep = 0;
  while (asleep < TASKS) {
    const batches = await Promise.all(Array.from({ length: PIPELINE }, () => hands.acquire(BATCH)));
    for (const grants of batches) {
      const from = asleep;
      asleep += grants.length;
      const untilOf = (n) => firstAt + Math.floor(((from + n) * 1_000) / PER_SECOND);
      const steps = grants.map((grant, n) =>
        writeStep(engine, grant, {
          ...{ place: 1, kind: "z", outcome: "o", name: "sleep", text: "" },
          waitMs: untilOf(n) - Date.now(),
        }),
      );
      await Promise.all(steps);
      const suspended = grants.map((grant, n) => {
        const delayMs = Math.max(0, untilOf(n) - view.client.connection.now());
        return { ...grant, kind: "suspend", delayMs, events: "" };
      });
      await hands.settle(suspended);
    }
  }
  const bytes = ((await used()) - before) / TASKS;
  const stats = await view.observer.stats(ctx.queueName);
  ctx.expect(stats.processing === 0, `${stats.processing} tasks have a lease`);
  ctx.expect(
    stats.scheduled === TASKS,
    `only ${stats.scheduled} tasks sleep, because the start took longer than the first sleeps`,
  );
  ctx.expect(bytes <= BYTES, `a sleeping task takes ${Math.round(bytes)} bytes more`);
  let woken = 0;
  let latest = 0;
  while (woken < TASKS) {
    const { grants, now } = await hands.ask(BATCH);
    if (grants.length === 0) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      continue;
    }
    latest = Math.max(latest, now - (firstAt + Math.floor((woken * 1_000) / PER_SECOND)));
    woken += grants.length;
    await hands.ack(grants);
  }
  ctx.expect(latest <= LATE_MS, `a task started ${latest} ms after its time`);
  return `${Math.round(bytes)} bytes more per task; the latest task started ${latest} ms after its time`;
}
