import { AOF } from "../harness/redis.mjs";
import { until } from "../harness/until.mjs";

const ENDS = Number(process.env.EVENT_ENDS ?? 10_000);
const RESTARTS = 20;
const PART = Math.ceil(ENDS / RESTARTS);
/**
 * How many events the queue keeps in the second half of this test. The number is small, so that a stopped reader
 * misses some events.
 */
const PATIENCE_MS = 30_000 + ENDS;
const FEW = Math.ceil(PART / 2);

/** Collects everything that the readers of one queue have read. The readers run one after another. */
class Told {
  ids = new Set();
  events = 0;
  gaps = 0;
  missed = 0;
  twice = 0;
  unordered = 0;
  cursor = "0";
  #lastAt = 0;

  take({ type, id, at, missed, cursor, others }) {
    this.events += others;
    if (cursor !== undefined) this.cursor = cursor;
    if (type === "last") return;
    if (type === "gap") {
      this.gaps++;
      this.missed += missed;
      return;
    }
    this.events++;
    if (this.ids.has(id)) this.twice++;
    if (at < this.#lastAt) this.unordered++;
    this.#lastAt = at;
    this.ids.add(id);
  }
}

async function enqueuePart(ctx, view) {
  for (let left = PART; left > 0; left -= 1_000) {
    const tasks = Array.from({ length: Math.min(left, 1_000) }, () => ({ type: "sleep", payload: {} }));
    await ctx.enqueue(view, tasks);
  }
}

export const row = {
  order: 31,
  name: "events-reader-restarted",
  fault: `kill -9 of a reader of events, ${RESTARTS} times, while ${PART * RESTARTS} tasks end, and of Redis once (AOF always)`,
  expected:
    "each event is read once and in order, or is part of a gap; the events read and missed add up to all events",
  timeoutMs: 10 * PATIENCE_MS,
  async run(ctx) {
    const redis = await ctx.startRedis({ args: AOF.always });
    const view = ctx.client(redis.url);
    const configure = (maxEvents) =>
      view.observer.configure(ctx.queueName, { maxEvents, retentionCount: 10_000_000 });
    await configure(100 * PART);
    await ctx.worker(redis.url).ready();
    await ctx.worker(redis.url).ready();
    await ctx.janitor(redis.url).ready();

    const told = new Told();
    const read = () => ctx.actor("event-reader", { redis: redis.url, after: told.cursor }).ready();
    const leave = async (reader) => {
      await reader.kill();
      for (const line of reader.heard("event")) told.take(line);
    };
    for (let n = 0; n < RESTARTS; n++) {
      if (n === RESTARTS / 2) {
        await redis.kill();
        await redis.start();
        await configure(FEW);
      }
      const isAway = n >= RESTARTS / 2 && n % 2 === 1;
      const reader = isAway ? undefined : await read();
      const ended = (count) =>
        until(
          `${count} tasks ended`,
          async () => (await view.observer.stats(ctx.queueName)).totals.acked >= count,
          PATIENCE_MS,
        );
      await enqueuePart(ctx, view);
      await ended((n + 0.5) * PART);
      if (reader) await leave(reader);
      await ended((n + 1) * PART);
      if (isAway) await leave(await read());
    }
    const reader = await read();
    const [last] = await ctx.enqueue(view, [{ type: "sleep", payload: {} }]);
    const { acknowledged, lost } = await ctx.settle(view, { drainMs: PATIENCE_MS });
    const { state } = view.client.engine(ctx.queueName).keys;
    const all = Number(await view.client.connection.command("HGET", state, "#events"));
    const hasLast = () => reader.heard("event").some(({ id }) => id === last);
    await until("the last reader has read the event of the last task that ended", hasLast, PATIENCE_MS);
    await reader.finish();
    for (const line of reader.heard("event")) told.take(line);
    ctx.expect(told.twice === 0, `${told.twice} ends were told twice`);
    ctx.expect(told.unordered === 0, `${told.unordered} ends were told before earlier ones`);
    ctx.expect(told.gaps > 0, "no reader missed an event, so the row does not test gaps");
    ctx.expect(
      told.events + told.missed === all,
      `${told.events} events told and ${told.missed} missed are not the ${all} that happened`,
    );
    return `${RESTARTS} kills; ${all} events: ${told.events} told once and in order (${told.ids.size} ends), ${told.missed} in ${told.gaps} gaps; ${acknowledged} acknowledged, ${lost} lost`;
  },
};
