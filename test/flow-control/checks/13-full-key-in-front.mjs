import { Queue } from "holdfast";
import { percentile } from "../../chaos/harness/until.mjs";
import { sleeps } from "../harness/context.mjs";
import { Hands } from "../harness/hands.mjs";

const IN_FRONT = 10_000;
const ROUNDS = 300;

export const number = 13;
export const name = "full-key-in-front";
export const check = "one task of a free key waits behind 10,000 tasks of a key at its limit";
export const expected =
  "the task of the free key is granted by the next call, and Redis is busy with that call for less than twice as long as in an empty queue (median of 300 calls in turn)";

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { client, queue, hands, observer } = view;
  await observer.limits.set(ctx.queueName, { key: { concurrency: 1 } });
  await ctx.put(view, sleeps(IN_FRONT, 0, { key: "full" }));
  await hands.acquire(1);
  const empty = new Queue("empty", { client });
  await empty.ready();
  await observer.limits.set("empty", { key: { concurrency: 1 } });
  const others = new Hands(client.engine("empty"));

  await redis.cli("config", "set", "slowlog-log-slower-than", 0);
  await redis.cli("config", "set", "slowlog-max-len", 10_000);
  /**
   * Enqueues one task of a key whose limit is not reached.
   * @returns how long the call that has to grant the task took, µs, and whether it was granted
   */
  const grantedIn = async (into, by) => {
    const { id } = await into.enqueue("sleep", { ms: 0 }, { key: "free" });
    await client.connection.command("SLOWLOG", "RESET");
    const grants = await by.acquire(10);
    // SLOWLOG lists the newest entry first, and no other script was called after the acquire.
    const slow = await client.connection.command("SLOWLOG", "GET", 20);
    const [, , micros] = slow.find(([, , , [command]]) => String(command).toLowerCase() === "evalsha") ?? [];
    await by.ack(grants);
    return { micros, granted: grants.length === 1 && grants[0].id === id };
  };
  const [full, free] = [[], []];
  for (let round = 0; round < ROUNDS; round++) {
    full.push(await grantedIn(queue, hands));
    free.push(await grantedIn(empty, others));
  }
  const missed = full.filter(({ granted }) => !granted).length;
  ctx.expect(missed === 0, `${missed} of ${ROUNDS} tasks were not granted by the next call`);
  const [busy, alone] = [full, free].map((calls) =>
    percentile(
      calls.map(({ micros }) => micros),
      0.5,
    ),
  );
  ctx.expect(busy < 2 * alone, `Redis is busy for ${busy} µs, and for ${alone} in an empty queue`);
  await ctx.expectAudit(view);
  return `${ROUNDS - missed} of ${ROUNDS} granted by the next call; ${busy} µs, and ${alone} µs in an empty queue`;
}
