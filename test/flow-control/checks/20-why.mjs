import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { percentile, until } from "../../chaos/harness/until.mjs";
import { sleeps } from "../harness/context.mjs";

const SLOTS = 3;
const RUN_MS = 400;
const command = promisify(execFile);

export const number = 20;
export const name = "why";
export const check =
  "the library, the command and the routes of the dashboard say which limit a task waits for";
export const expected =
  "each names the limit, how much of it is used (3 of 3) and the place in the line; the estimated waits for a concurrency limit and for a rate are wrong by less than 30% in the median";
export const waits = true;

/**
 * Asks when waiting tasks will start, and compares the answers with their real starts. @returns each error as a share
 * of the real wait
 */
async function errorsOf(ctx, view, ids) {
  const asked = [];
  for (const id of ids) {
    const why = await view.observer.why(ctx.queueName, id);
    asked.push({ id, why, at: view.client.connection.now() });
  }
  const missing = asked.filter(({ why }) => why.expectedStartAt === null);
  ctx.expect(missing.length === 0, `no estimate: ${missing[0]?.why.detail}`);
  await until(
    "the tasks that were asked about have started",
    async () => (await ctx.records(view, ids)).every(({ history }) => history.length > 0),
    60_000,
    100,
  );
  const tasks = await ctx.records(view, ids);
  return asked
    .filter(({ why }) => why.expectedStartAt !== null)
    .map(({ why, at }, n) => {
      const waited = tasks[n].history[0].startedAt - at;
      return Math.abs(why.expectedStartAt - at - waited) / waited;
    });
}

export async function run(ctx) {
  const redis = await ctx.startRedis();
  const view = ctx.client(redis.url);
  const { observer } = view;
  await ctx.keepAll(view);
  await ctx.janitor(redis.url).ready();
  await observer.limits.set(ctx.queueName, { key: { concurrency: SLOTS } });
  await observer.limits.setKey(ctx.queueName, "rated", { rate: { limit: 5, periodMs: 1_000 } });
  await ctx.startSlots(redis.url, 1, { concurrency: 20, leaseMs: 30_000 });

  const service = await ctx.service("observability", { REDIS_URL: redis.url });
  await service.turns(200, 20_000);
  const full = await ctx.put(view, sleeps(150, RUN_MS, { key: "full" }));
  await until(
    "the key is full",
    async () => (await observer.limits.key(ctx.queueName, "full")).running === 3,
  );
  // The estimate needs tasks that have ended between two readings of the stats. An open dashboard makes such
  // readings, and so does this loop.
  for (let n = 0; n < 4; n++) {
    await observer.stats(ctx.queueName);
    await sleep(700);
  }
  const waiting = async (ids) => (await ctx.records(view, ids)).filter(({ state }) => state === "pending");
  const line = (await waiting(full)).map(({ id }) => id);
  const asked = line[20];

  const json = async (path) => (await fetch(`${service.url}/v1/queues/${ctx.queueName}/${path}`)).json();
  const askers = {
    observer: async () => (await observer.why(ctx.queueName, asked)).detail,
    route: async () => (await json(`tasks/${asked}/why`)).detail,
    command: async () =>
      (
        await command("node_modules/.bin/holdfast", ["task", "why", ctx.queueName, asked], {
          env: { ...process.env, REDIS_URL: redis.url },
        })
      ).stdout,
  };
  const texts = {};
  // After a task has ended, the limit of the key is not reached until the next task starts. So each source is asked
  // up to three times.
  for (const [who, ask] of Object.entries(askers))
    for (let tries = 0; tries < 3 && !/3 of 3/.test(texts[who] ?? ""); tries++) texts[who] = await ask();
  for (const [who, text] of Object.entries(texts)) {
    ctx.expect(/3 of 3 tasks of the key "full" run/.test(text), `${who} does not name the limit: ${text}`);
    const place = Number(/(\d+) tasks? (?:is|are) before it/.exec(text)?.[1] ?? Number.NaN);
    // Between two questions, up to 3 tasks start every 400 ms. So the place in the line becomes smaller.
    ctx.expect(place <= 20 && place > 0, `${who} gives place ${place}: ${text}`);
  }
  const { keys } = await json("keys");
  const shown = keys.find(({ key }) => key === "full");
  ctx.expect(
    shown?.running === SLOTS && shown?.blockedBy === "concurrency" && shown?.waiting > 0,
    `the route of the keys shows ${JSON.stringify(shown)}`,
  );

  const ended = (await waiting(full)).map(({ id }) => id);
  const behindConcurrency = await errorsOf(
    ctx,
    view,
    ended.filter((_, n) => n >= 4 && n % 5 === 4),
  );
  const rated = await ctx.put(view, sleeps(40, 1, { key: "rated" }));
  const behindRate = await errorsOf(
    ctx,
    view,
    rated.filter((_, n) => n >= 10 && n % 5 === 4),
  );
  const medians = [behindConcurrency, behindRate].map((errors) => percentile(errors, 0.5));
  ["concurrency", "rate"].forEach((what, n) => {
    ctx.expect(
      medians[n] < 0.3,
      `the estimates behind a ${what} are wrong by ${Math.round(100 * medians[n])}%`,
    );
  });
  return `"${texts.observer}"; the estimates behind a concurrency are wrong by ${Math.round(100 * medians[0])}% in the median of ${behindConcurrency.length}, behind a rate by ${Math.round(100 * medians[1])}% of ${behindRate.length}`;
}
