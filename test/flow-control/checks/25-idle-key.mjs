import { backlog, startsInOrder } from "../harness/order.mjs";

const IDLE_STARTS = 5_000;
const AFTER = 200;

export const number = 25;
export const name = "idle-key";
export const check = "a key was idle while 5,000 tasks of another key started";
export const expected =
  "5,000 tasks (shortened from an hour): the idle key gets no saved turns. It has half of the next 200 starts, within 4, and is never two starts ahead of the other key; the same holds if its account was kept";

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const keyOf = new Map();
  const seen = [];
  for (const idle of ["forgotten", "kept"]) {
    // A key with a limit of its own keeps its account in Redis even while it is idle.
    if (idle === "kept") await view.observer.limits.setKey(ctx.queueName, idle, { concurrency: 1_000 });
    await backlog(ctx, view, keyOf, idle, 10);
    await startsInOrder(view, 10, 5);
    await backlog(ctx, view, keyOf, "busy", IDLE_STARTS + AFTER);
    await startsInOrder(view, IDLE_STARTS, 250);
    await backlog(ctx, view, keyOf, idle, AFTER);
    const keys = (await startsInOrder(view, AFTER, 10)).map((id) => keyOf.get(id));
    let ahead = 0;
    let most = 0;
    for (const key of keys) {
      ahead += key === idle ? 1 : -1;
      most = Math.max(most, ahead);
    }
    const own = keys.filter((key) => key === idle).length;
    ctx.expect(Math.abs(own - AFTER / 2) <= 4, `${idle}: ${own} of ${AFTER} starts`);
    ctx.expect(most <= 2, `${idle}: ${most} starts more than the other key`);
    // Starts the remaining tasks of both keys, so that the next round begins with an empty queue.
    await startsInOrder(view, AFTER, 250);
    seen.push(`account ${idle}: ${own} of ${AFTER} starts, at most ${most} ahead`);
  }
  await ctx.expectAudit(view);
  return seen.join("; ");
}
