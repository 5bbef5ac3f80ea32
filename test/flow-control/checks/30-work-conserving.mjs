import { setTimeout as sleep } from "node:timers/promises";
import { percentile } from "../../chaos/harness/until.mjs";
import { attemptsOf, fullestKey, idleSpans } from "../harness/starts.mjs";

const KEYS = 8;
const CONCURRENCY = 3;
const WORKERS = 3;
const SLOTS = 5;
const SECONDS = 12;
const IDLE_MS = 50;
/**
 * The longest time for which a task may wait while a slot is free, ms. Workers poll every 30 s, so after a lost
 * wake-up it would be many seconds.
 */
const LONGEST_MS = 250;

export const number = 30;
export const name = "work-conserving";
export const check =
  "8 keys with at most 3 running tasks each, 15 slots, and tasks of random length at random times";
export const expected =
  "while a slot is free, a task that may run waits for at most 50 ms (p99, with the way to the worker and back) and never for more than 250 ms, although workers poll only every 30 s; stalls of the machine are left out; check 8 tests the exact rule";

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view);
  await view.observer.limits.set(ctx.queueName, { key: { concurrency: CONCURRENCY } });
  await ctx.janitor(redis.url).ready();
  // The workers poll rarely, because a poll would hide a lost wake-up.
  await ctx.startSlots(redis.url, WORKERS, { concurrency: SLOTS, leaseMs: 30_000, pollMs: 30_000 });
  const acceptedAt = new Map();
  const machine = await ctx.watchMachine(redis);
  const end = performance.now() + SECONDS * 1_000;
  while (performance.now() < end) {
    const count = 1 + Math.floor(Math.random() * 6);
    const tasks = Array.from({ length: count }, () => ({
      type: "sleep",
      payload: { ms: 20 + Math.floor(Math.random() * 180) },
      key: `k${Math.floor(Math.random() ** 2 * KEYS)}`,
    }));
    const some = await ctx.put(view, tasks);
    // The client sets `enqueuedAt` when it begins to send a task. The time noted here is later: Redis has confirmed
    // the task by then.
    const at = view.client.connection.now();
    for (const id of some) acceptedAt.set(id, at);
    await sleep(Math.random() * 60);
  }
  const ids = [...acceptedAt.keys()];
  await ctx.untilCompleted(view, ids.length);
  const tasks = await ctx.records(view, ids);
  const stalls = await machine.stalls();
  const accepted = tasks.map((task) => ({ ...task, enqueuedAt: acceptedAt.get(task.id) }));
  const spans = idleSpans(accepted, { slots: WORKERS * SLOTS, concurrency: CONCURRENCY, stalls });
  const [p99, longest] = [percentile(spans, 0.99), Math.max(...spans)];
  ctx.expect(spans.length >= 100, `a task waited beside a free slot only ${spans.length} times`);
  ctx.expect(p99 <= IDLE_MS, `p99 of the waits beside a free slot is ${p99} ms`);
  ctx.expect(longest <= LONGEST_MS, `a task that might run waited for ${longest} ms beside a free slot`);
  const { most } = fullestKey(attemptsOf(tasks));
  ctx.expect(most === CONCURRENCY, `at most ${most} tasks of a key ran, so the limit held nothing back`);
  await ctx.expectAudit(view);
  return `${ids.length} tasks; ${spans.length} waits beside a free slot, p99 ${p99} ms, longest ${longest}; at most ${most} of a key`;
}
