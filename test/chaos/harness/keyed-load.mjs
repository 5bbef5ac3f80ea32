import { attemptsByKey, mostAtOnce, mostStarts } from "./limits-checker.mjs";

/**
 * The limits in every test with keys. Each key may run CONCURRENCY tasks at the same time. The keys in RATED may also
 * start tasks only at RATE.
 */
export const CONCURRENCY = 3;
export const RATE = { limit: 10, periodMs: 1_000, burst: 3 };
const PLAIN = ["a", "b", "c", "d", "e", "f"];
export const RATED = ["rated-1", "rated-2"];
const HANDLER_MS = 100;
// A key can run 30 tasks per second. With 24 per second, some of its tasks always wait, but the key still catches up
// after a fault.
const PLAIN_PER_SECOND = 24;
// The tasks of a rated key come in pulses. The key is idle between two pulses, so each pulse starts with a burst.
const RATED_PER_SECOND = 8;
const PULSE = 2 * RATED_PER_SECOND * RATED.length;

/** Sets the limits, and switches purges off, so that the check at the end can read every task. */
export async function limitKeys(ctx, { observer }) {
  await observer.configure(ctx.queueName, { retentionCount: 10_000_000 });
  await observer.limits.set(ctx.queueName, { key: { concurrency: CONCURRENCY } });
  for (const key of RATED)
    await observer.limits.setKey(ctx.queueName, key, { concurrency: CONCURRENCY, rate: RATE });
}

/** Starts producers for all keys. @param redis the Redis that the producers connect to */
export async function startKeyedLoad(ctx, redis) {
  const payload = { ms: HANDLER_MS };
  const producers = [
    ctx.producer(redis, { keys: PLAIN, ratePerSecond: PLAIN.length * PLAIN_PER_SECOND, payload }),
    ctx.producer(redis, {
      keys: RATED,
      ratePerSecond: RATED.length * RATED_PER_SECOND,
      pulse: PULSE,
      payload,
    }),
  ];
  for (const producer of producers) await producer.ready();
  return producers;
}

/**
 * Checks from the records of the tasks whether the limits of all keys were kept.
 * @param options the options of `attemptsByKey`
 * @param options.mostStarts the most starts of a rated key per period; by default the documented `limit + burst`
 * @returns the attempts by key, and a summary as text
 */
export function checkLimits(ctx, tasks, options = {}) {
  const { mostStarts: bound = RATE.limit + RATE.burst, ...conversion } = options;
  const keys = attemptsByKey(tasks, conversion);
  const atOnce = [...keys].map(([key, attempts]) => ({ key, most: mostAtOnce(attempts) }));
  for (const { key, most } of atOnce)
    ctx.expect(most <= CONCURRENCY, `${most} tasks of the key ${key} were leased at the same time`);
  const most = Math.max(...atOnce.map((each) => each.most));
  ctx.expect(most >= CONCURRENCY, `no key had more than ${most} leases, so the row proves nothing`);
  const inPeriod = Math.max(...RATED.map((key) => mostStarts(keys.get(key), RATE.periodMs)));
  ctx.expect(
    inPeriod >= RATE.limit,
    `at most ${inPeriod} tasks of a rated key started within ${RATE.periodMs} ms, so the row proves nothing`,
  );
  ctx.expect(inPeriod <= bound, `${inPeriod} tasks of a key started within ${RATE.periodMs} ms`);
  const attempts = [...keys.values()].reduce((sum, each) => sum + each.length, 0);
  return {
    keys,
    seen: `${attempts} attempts of ${keys.size} keys, at most ${most} leases of a key at one time (limit ${CONCURRENCY}) and ${inPeriod} starts within ${RATE.periodMs / 1_000} s (at most ${bound})`,
  };
}
