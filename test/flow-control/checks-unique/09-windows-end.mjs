import { Engine } from "../../../packages/holdfast/dist/engine/engine.js";
import { encodeEnvelope } from "../../../packages/holdfast/dist/engine/envelope.js";
import * as scripts from "../../../packages/holdfast/dist/redis/generated/index.js";
import { until } from "../../chaos/harness/until.mjs";
import { Hands } from "../harness/hands.mjs";

const WINDOWS = Number(process.env.WINDOWS || 1_000_000);
const WINDOW_MS = 3_600_000;
const BATCH = 500;
/** How many calls run at the same time. */
const PIPELINE = 8;
const SLOW_MS = 5;
const LOGGED = 10_000;
const LONGEST_S = 600;

export const number = 9;
export const name = "windows-end";
export const check = `${WINDOWS.toLocaleString("en")} uniqueness windows of an hour end at once`;
export const expected =
  "within 10 minutes the hashes `tasks` and `unique` are small again; a call of the janitor takes at most 5 ms of processor time";
export const timeoutMs = 1_500_000;

/**
 * @returns the name of a script, found by its SHA-1 or its source
 */
const nameOf = (text) =>
  Object.values(scripts).find(({ sha1, source }) => sha1 === text || source.startsWith(text.slice(0, 60)))
    ?.name ?? text.slice(0, 12);

/** Returns how much processor time Redis has used so far, seconds. */
async function cpuSeconds(redis) {
  const text = await redis.cli("info", "cpu");
  return Number(/^used_cpu_user:(\S+)/m.exec(text)?.[1]) + Number(/^used_cpu_sys:(\S+)/m.exec(text)?.[1]);
}

/**
 * Makes windows of an hour that have already ended, by enqueueing and completing their tasks with a clock that is an
 * hour behind.
 */
async function putWindows(ctx, { client, engine }) {
  const behindMs = WINDOW_MS + 60_000;
  const clockMs = () => Date.now() - behindMs;
  const early = new Engine(client.connection, engine.queue, { instance: "early", clockMs });
  const hands = new Hands(early);
  for (let from = 0; from < WINDOWS; from += PIPELINE * BATCH) {
    const starts = Array.from({ length: PIPELINE }, (_, n) => from + n * BATCH).filter((at) => at < WINDOWS);
    await Promise.all(
      starts.map(async (start) => {
        const size = Math.min(BATCH, WINDOWS - start);
        const tail = Array.from({ length: size }, (_, n) => {
          const unique = { key: `k${start + n}`, scope: "window", windowMs: WINDOW_MS };
          return [`t${start + n}`, encodeEnvelope("t", clockMs(), "1", { unique })];
        }).flat();
        const args = { checked: false, unique: true, high: 0, normal: size, low: 0, tail };
        const { verdicts } = await early.enqueue(args);
        ctx.expect(!/[^n]/.test(verdicts), `verdicts ${verdicts}`);
      }),
    );
    const held = await Promise.all(starts.map(() => hands.acquire(BATCH)));
    await Promise.all(held.map((grants) => hands.ack(grants)));
  }
}

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { queue, observer, engine } = view;
  await queue.ready();
  // The same janitor purges completed tasks, so the hash `tasks` becomes smaller too.
  await observer.configure(ctx.queueName, { retentionMs: 1_000, idempotencyMs: 1_000 });
  const sizes = async () =>
    Promise.all(
      [engine.keys.tasks, engine.keys.unique].map(async (key) => Number(await redis.cli("hlen", key))),
    );
  await putWindows(ctx, view);
  const [, keys] = await sizes();
  ctx.expect(keys === WINDOWS, `${keys} keys`);
  await redis.cli("config", "set", "slowlog-log-slower-than", SLOW_MS * 1_000);
  await redis.cli("config", "set", "slowlog-max-len", LOGGED);
  await redis.cli("slowlog", "reset");
  await redis.cli("config", "resetstat");
  const cpuBefore = await cpuSeconds(redis);
  const begun = performance.now();
  await ctx.janitor(redis.url).ready();
  // The hash contains not only tasks, but also counts of the queue and the request slots of clients. Redis forgets a
  // request slot an hour after its last use.
  await until(
    "the hashes are small again",
    async () => {
      const [tasks, unique] = await sizes();
      return unique === 0 && tasks < 50;
    },
    LONGEST_S * 1_000,
    500,
  );
  const seconds = (performance.now() - begun) / 1_000;
  const slow = await view.client.connection.command("SLOWLOG", "GET", LOGGED);
  const longest = new Map();
  let above = 0;
  for (const [, , micros, [command, script]] of slow) {
    if (!/^eval/i.test(String(command))) continue;
    above++;
    const known = nameOf(String(script));
    longest.set(known, Math.max(longest.get(known) ?? 0, Number(micros) / 1_000));
  }
  const calls = Number(
    /^cmdstat_evalsha:calls=(\d+)/m.exec(await redis.cli("info", "commandstats"))?.[1] ?? 0,
  );
  const shown = [...longest].map(([known, ms]) => `, ${known} took up to ${ms.toFixed(1)} ms`).join("");
  const told = `${above} of ${calls} calls took more than ${SLOW_MS} ms${shown}`;
  const cpuMs = (1_000 * ((await cpuSeconds(redis)) - cpuBefore)) / calls;
  // All calls look at the same number of entries, so the mean is the cost of one call. The longest call shows for how
  // long Redis did not answer. It can be longer than the cost, if other programs used the processor.
  ctx.expect(cpuMs <= SLOW_MS, `${cpuMs.toFixed(2)} ms of processor time per call`);
  await ctx.expectAudit(view);
  return `${keys.toLocaleString("en")} keys were gone after ${seconds.toFixed(0)} s; ${cpuMs.toFixed(2)} ms of processor time per call; in real time, ${told}`;
}
