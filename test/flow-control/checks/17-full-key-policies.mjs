import { until } from "../../chaos/harness/until.mjs";
import { groupBy } from "../harness/starts.mjs";

const PRODUCERS = 4;
const EACH = 250;

export const number = 17;
export const name = "full-key-policies";
export const check =
  "1,000 concurrent enqueues of one key by 4 processes, with drop-new and with cancel-running";
export const expected =
  'drop-new: exactly one is accepted, the others get "key_full" and Redis does not keep their ids; cancel-running: all are accepted, and all but one are cancelled';
export const waits = true;

async function flood(ctx, whenFull) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view);
  await view.observer.limits.set(ctx.queueName, { key: { concurrency: 1, whenFull } });
  await ctx.janitor(redis.url).ready();
  // A task of type "cancellable" runs until it is cancelled.
  await ctx.slots(redis.url, { leaseMs: 30_000 }).ready();
  const producers = Array.from({ length: PRODUCERS }, () =>
    ctx.producer(redis.url, {
      ...{ type: "cancellable", payload: {}, options: { key: "one" } },
      ...{ count: EACH, ratePerSecond: 1e6, maxInFlight: EACH, tries: 1 },
    }),
  );
  await until("all producers have ended", () => producers.every((producer) => !producer.running), 30_000);
  const answers = producers.flatMap((producer) =>
    producer.heard("enqueue").filter(({ phase }) => phase !== "invoke"),
  );
  const [accepted, refused] = ["ok", "fail"].map((phase) => answers.filter((line) => line.phase === phase));
  ctx.expect(answers.length === PRODUCERS * EACH, `${whenFull}: ${answers.length} answers`);
  return { view, accepted, refused };
}

export async function run(ctx) {
  const dropped = await flood(ctx, "drop-new");
  ctx.expect(dropped.accepted.length === 1, `drop-new: ${dropped.accepted.length} were accepted`);
  const codes = [...groupBy(dropped.refused, ({ code }) => code).keys()];
  ctx.expect(codes.join() === "key_full", `drop-new: the others were answered ${codes.join(", ")}`);
  const kept = await dropped.view.engine.get(dropped.refused.slice(0, 100).map(({ id }) => id));
  ctx.expect(
    kept.every(({ envelope }) => envelope === ""),
    "drop-new: the id of a refused task is kept",
  );
  await ctx.expectAudit(dropped.view, "after drop-new");

  const { view, accepted, refused } = await flood(ctx, "cancel-running");
  ctx.expect(refused.length === 0, `cancel-running: ${refused.length} refused, ${refused[0]?.code}`);
  const ids = accepted.map(({ id }) => id);
  const states = async () => groupBy(await ctx.records(view, ids), ({ state }) => state);
  await until(
    "all tasks but one are cancelled",
    async () => (await states()).get("cancelled")?.length === ids.length - 1,
  ).catch(() => {});
  const counts = [...(await states())].map(([state, tasks]) => `${tasks.length} ${state}`).sort();
  ctx.expect(
    (await states()).get("processing")?.length === 1 &&
      (await states()).get("cancelled")?.length === ids.length - 1,
    `cancel-running: ${counts.join(", ")}`,
  );
  await ctx.expectAudit(view, "after cancel-running");
  return `drop-new: ${dropped.accepted.length} accepted, ${dropped.refused.length} refused; cancel-running: ${counts.join(", ")}`;
}
