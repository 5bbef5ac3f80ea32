import { mostWithin } from "../../chaos/harness/limits-checker.mjs";
import { until } from "../../chaos/harness/until.mjs";
import { sleeps } from "../harness/context.mjs";
import { attemptsOf, groupBy } from "../harness/starts.mjs";

const KEYS = 100_000;
const STATE_BYTES = 150;

// Copies the accounts into a separate hash, so that MEMORY USAGE does not count the records of tasks.
const BYTES_OF_ACCOUNTS = `
local flat, count = redis.call('HGETALL', KEYS[1]), 0
for i = 1, #flat, 2 do
  if string.match(flat[i], '^@.') then
    redis.call('HSET', KEYS[2], flat[i], flat[i + 1])
    count = count + 1
  end
end
local bytes = count > 0 and redis.call('MEMORY', 'USAGE', KEYS[2], 'SAMPLES', 0) or 0
redis.call('DEL', KEYS[2])
return { count, bytes }`;

export const number = 2;
export const name = "many-keys";
export const check =
  "100,000 keys with a limit of 1 start per second each; every fifth key has six tasks, each other key has one";
export const expected =
  "no key has more than 2 starts in any second; an account takes less than 150 bytes; no account is left one period after the last task";
export const timeoutMs = 180_000;

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { observer, engine } = view;
  await ctx.keepAll(view);
  await observer.limits.set(ctx.queueName, { key: { rate: { limit: 1, periodMs: 1_000 } } });
  const accounts = async () => {
    const { state } = engine.keys;
    const reply = await redis.cli("eval", BYTES_OF_ACCOUNTS, 2, state, `${state}:copy`);
    return reply.split("\n").map(Number);
  };
  await ctx.janitor(redis.url).ready();
  await ctx.startSlots(redis.url, 2, { concurrency: 100, leaseMs: 30_000 });
  // The tasks of a key are enqueued one after another, so without a limit they would all start together.
  const keys = Array.from({ length: KEYS }, (_, n) => ({ key: `tenant-${n}`, tasks: n % 5 === 0 ? 6 : 1 }));
  const ids = [];
  for (let from = 0; from < KEYS; from += 5_000)
    ids.push(
      ...(await ctx.put(
        view,
        keys.slice(from, from + 5_000).flatMap(({ key, tasks }) => sleeps(tasks, 0, { key })),
      )),
    );
  const sizes = [];
  await until(
    "all tasks are completed",
    async () => {
      sizes.push(await accounts());
      return (await observer.stats(ctx.queueName)).totals.acked === ids.length;
    },
    120_000,
    1_000,
  );
  const [count, bytes] = sizes.reduce((most, size) => (size[0] > most[0] ? size : most));
  ctx.expect(count > KEYS / 10, `only ${count} accounts were seen at one time`);
  ctx.expect(bytes / count < STATE_BYTES, `an account takes ${Math.round(bytes / count)} bytes`);
  const drainedAt = performance.now();
  await until("no account is left", async () => (await accounts())[0] === 0, 20_000, 200).catch(async () =>
    ctx.expect(false, `${(await accounts())[0]} accounts are left after 20 s`),
  );
  const leftMs = Math.round(performance.now() - drainedAt);
  const byKey = groupBy(attemptsOf(await ctx.records(view, ids)), ({ key }) => key);
  let most = 0;
  for (const own of byKey.values())
    most = Math.max(
      most,
      mostWithin(
        own.map(({ startedAt }) => startedAt),
        1_000,
      ),
    );
  ctx.expect(byKey.size === KEYS, `tasks of ${byKey.size} keys ran`);
  ctx.expect(most <= 2, `${most} starts of a key in one second`);
  ctx.expect(byKey.get("tenant-0").length === 6, "a key did not run all of its tasks");
  await ctx.expectAudit(view);
  return `at most ${most} starts of a key in a second; ${Math.round(bytes / count)} bytes for each of ${count} accounts; none left ${leftMs} ms after the last task`;
}
