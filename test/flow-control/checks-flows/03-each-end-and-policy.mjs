import { setTimeout as sleep } from "node:timers/promises";
import { until } from "../../chaos/harness/until.mjs";
import { redisNow } from "../harness/context.mjs";
import { untilEnded } from "../harness/large-flow.mjs";

const BOUND_MS = 1_000;
const POLICIES = ["fail", "continue", "hold"];
const SOON_MS = 400;
const HOUR_MS = 3_600_000;

/** Tasks of this key do not start, because the key is on hold. */
const held = { key: "held" };
const retries = { maxRetries: 1, backoff: { kind: "fixed", baseMs: 20, jitter: "none" } };

/**
 * The ways in which a child ends:
 * - `dies`: the child becomes a dead letter
 * - `node`: the fields in which the child differs from others
 * - `end`: ends a child that does not end by itself
 */
const WAYS = [
  { way: "retries", dies: true, node: { type: "fails", options: retries } },
  { way: "crash limit", dies: true, node: { type: "kills", options: { maxRetries: 0 } } },
  { way: "no handler", dies: true, node: { type: "nobody" } },
  { way: "expiry", node: { type: "sleep", payload: { ms: 0 }, options: held }, expires: true },
  {
    ...{ way: "cancel", node: { type: "sleep", payload: { ms: 0 }, options: held } },
    end: ({ queue }, id) => queue.cancel(id),
  },
  {
    ...{ way: "discard", dies: true, node: { type: "fails", options: { maxRetries: 0 } }, isDiscarded: true },
  },
];

export const number = 3;
export const name = "each-end-and-policy";
export const check =
  "a child ends in each of six ways (retries, crash limit, no handler, expiry, cancel, discard), with each policy";
export const expected = `the parent ends at most ${BOUND_MS} ms after its child; with the policy hold, the parent of a dead letter waits, and ends at most ${BOUND_MS} ms after the discard`;
export const waits = true;

const discard = async (ctx, redis, { observer }, id) => {
  const at = await redisNow(redis);
  const [result] = await observer.discard(ctx.queueName, [id]);
  ctx.expect(result?.outcome === "discarded", `the discard of ${id} answered ${JSON.stringify(result)}`);
  return at;
};

/** Lets one child end. @returns how much later its parent ended, ms */
async function endOne(ctx, redis, view, { way, dies = false, node, expires, end, isDiscarded }, onDead) {
  const flowId = `${way.replace(" ", "-")}-${onDead}`;
  const childId = `${flowId}.child`;
  const expiresAt = expires ? { expiresAt: Math.round(await redisNow(redis)) + SOON_MS } : {};
  const child = { ...node, name: "child", onDead, options: { ...node.options, ...expiresAt } };
  const parent = { name: "parent", type: "sleep", payload: { ms: 0 }, after: ["child"] };
  await view.queue.flow({ id: flowId, nodes: [child, parent] });
  await end?.(view, childId);
  const ended = await until(
    `${childId} has ended`,
    async () => (await view.queue.get(childId)).endedAt !== null && view.queue.get(childId),
  );
  const isDead = ended.state === "dead";
  ctx.expect(isDead === dies, `${childId} is ${ended.state}`);
  let from = ended.endedAt;
  if (dies && onDead === "hold") {
    await sleep(BOUND_MS / 2);
    const { state } = await view.queue.get(`${flowId}.parent`);
    ctx.expect(state === "waiting", `the parent of the dead letter ${childId} is ${state}`);
    from = await discard(ctx, redis, view, childId);
  }
  const flow = await untilEnded(view, flowId, 10_000);
  // A discard does not change a flow that has ended.
  if (isDiscarded && onDead !== "hold") await discard(ctx, redis, view, childId);
  const outcome = onDead === "continue" ? "success" : "failed";
  ctx.expect(flow.outcome === outcome, `${flowId} has the outcome ${flow.outcome}`);
  const last = await view.queue.get(`${flowId}.parent`);
  const wanted = onDead === "continue" ? "completed" : "cancelled";
  ctx.expect(last.state === wanted, `the parent of ${flowId} is ${last.state}`);
  const tookMs = Math.round(last.endedAt - from);
  ctx.expect(tookMs <= BOUND_MS, `the parent of ${flowId} ended ${tookMs} ms after the child`);
  return tookMs;
}

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  await ctx.keepAll(view);
  await view.queue.hold("held", HOUR_MS);
  await ctx.janitor(redis.url).ready();
  // A task of type `kills` kills one of these workers. Then another worker is started in its place.
  const settings = { concurrency: 4, pollMs: 100, noHandlerAfterMs: SOON_MS };
  let workers = await ctx.startSlots(redis.url, 2, settings);
  const all = [];
  for (const way of WAYS) {
    const times = [];
    for (const onDead of POLICIES) {
      times.push(await endOne(ctx, redis, view, way, onDead));
      const running = workers.filter(({ running }) => running);
      workers = [...running, ...(await ctx.startSlots(redis.url, 2 - running.length, settings))];
    }
    all.push(`${way.way} ${times.join(", ")}`);
  }
  await ctx.expectAudit(view);
  return `ms from the end of the child to that of its parent (${POLICIES.join(", ")}): ${all.join("; ")}`;
}
