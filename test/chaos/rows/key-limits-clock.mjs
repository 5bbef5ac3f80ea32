import { setTimeout as sleep } from "node:timers/promises";
import { LEASE_MS, POLL_MS, SWEEP_MS } from "../harness/context.mjs";
import { checkLimits, limitKeys, RATE, RATED, startKeyedLoad } from "../harness/keyed-load.mjs";
import { mostStarts } from "../harness/limits-checker.mjs";
import { fakeClock, whyNoShim } from "../harness/shim.mjs";
import { until } from "../harness/until.mjs";

const JUMP_MS = 120_000;
const HOLD_MS = 2_000;
const HELD_TASKS = 5;
// How much longer than the jump a key may wait after the clock was set back, ms.
const SOON_MS = RATE.periodMs + LEASE_MS + SWEEP_MS + POLL_MS + 500;
const IN_PERIOD = RATE.limit + RATE.burst;
// A jump forward makes the whole rate available again. So there may be a second burst, and one more start because
// times are rounded on both sides of the jump.
const OVER_JUMP = IN_PERIOD + RATE.burst + 1;

export const row = {
  order: 29,
  name: "key-limits-clock",
  fault: `the clock of Redis jumps ${JUMP_MS / 1_000} s forward and back under rates, holds and limits of keys`,
  expected: `forward: at most one more burst in a real second; back: no key waits longer than the jump; never more than 3 leases of a key`,
  waits: true,
  skip: whyNoShim,
  timeoutMs: 240_000,
  async run(ctx) {
    const clock = fakeClock(ctx.folder);
    const { url } = await ctx.startRedis({ env: clock.env });
    const view = ctx.client(url);
    await ctx.janitor(url).ready();
    await limitKeys(ctx, view);
    for (let n = 0; n < 2; n++) await ctx.worker(url, { concurrency: 10 }).ready();
    const jumps = [];
    const jump = (offsetMs) => {
      clock.set(offsetMs);
      jumps.push({ atMs: Date.now(), offsetMs });
    };
    const hold = async (key, holdMs) => {
      await view.queue.hold(key, holdMs);
      const task = { type: "sleep", payload: { ms: 1 }, key };
      await ctx.enqueue(view, Array(HELD_TASKS).fill(task));
    };
    const producers = await startKeyedLoad(ctx, url);
    await sleep(2_000);
    await hold("held-forward", JUMP_MS / 2);
    await sleep(1_000);
    const held = await view.observer.limits.key(ctx.queueName, "held-forward");
    ctx.expect(held.waiting === HELD_TASKS, `${held.waiting} of ${HELD_TASKS} tasks wait for the hold`);
    jump(JUMP_MS);
    await sleep(4_000);
    await hold("held-back", HOLD_MS);
    jump(0);
    await sleep(3_000);
    for (const producer of producers) await producer.finish();
    const plainDone = await until("the keys without a rate or hold continue", async () => {
      const { keys } = await view.observer.limits.keys(ctx.queueName);
      return keys.every(({ blockedBy }) => blockedBy === "rate" || blockedBy === "hold") && keys;
    });
    ctx.expect(plainDone.length > 0, "no key waits after the jump back, so the row proves nothing");
    const counts = await ctx.settle(view, { rewound: true, drainMs: JUMP_MS + 30_000 });
    // The workers record times of the monotonic clock, which all processes share. This difference turns them into
    // real time.
    const wallMs = Date.now() - Number(process.hrtime.bigint()) / 1e6;
    const ranAt = new Map(
      ctx
        .heard("run", { phase: "invoke" })
        .map((line) => [`${line.id} ${line.token.split(".")[0]}`, line.mono + wallMs]),
    );
    const { keys, seen } = checkLimits(ctx, counts.tasks, { jumps, ranAt, mostStarts: OVER_JUMP });
    const [forward, back] = jumps;
    const between = Math.max(
      ...RATED.flatMap((key) => {
        const attempts = keys.get(key);
        const inPhase = (from, to) => attempts.filter(({ startedAt: at }) => at >= from && at < to);
        return [
          inPhase(0, forward.atMs),
          inPhase(forward.atMs, back.atMs),
          inPhase(back.atMs, Number.POSITIVE_INFINITY),
        ].map((part) => mostStarts(part, RATE.periodMs));
      }),
    );
    ctx.expect(between <= IN_PERIOD, `${between} starts within ${RATE.periodMs} ms without a jump`);
    const firstAfter = (key, { atMs }) =>
      Math.round(
        Math.min(
          ...keys
            .get(key)
            .map(({ startedAt }) => startedAt)
            .filter((at) => at >= atMs),
        ) - atMs,
      );
    const early = firstAfter("held-forward", forward);
    const late = Math.max(...[...RATED, "held-back"].map((key) => firstAfter(key, back)));
    ctx.expect(early <= SOON_MS, `the hold lasted ${early} ms after the jump that had to end it`);
    const bound = JUMP_MS + HOLD_MS + SOON_MS;
    ctx.expect(late <= bound, `a key started ${late} ms after the jump back`);
    return `${seen}, ${between} without a jump (at most ${IN_PERIOD}); a hold of ${JUMP_MS / 2_000} s ended ${early} ms after the jump forward; the last key went on ${late} ms after the jump back (bound ${bound}); ${counts.lost} lost`;
  },
};
