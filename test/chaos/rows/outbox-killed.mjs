import { setTimeout as sleep } from "node:timers/promises";
import { Outbox } from "@holdfast/outbox";
import pg from "pg";
import { findPostgres, startPostgres } from "../../../packages/testing/src/postgres-server.mjs";
import { AOF } from "../harness/redis.mjs";
import { until } from "../harness/until.mjs";

// `OUTBOX_MINUTES=10 make chaos ROW=outbox-killed` is the long run.
const minutes = Number(process.env.OUTBOX_MINUTES ?? 0.4);
const runMs = minutes * 60_000;
const KILL_EVERY_MS = 1_500;
const DRAIN_MS = 60_000 + runMs;
const DIES_AT = 30;
const VICTIMS = ["apps", "relays", "postgres", "redis", "all"];

export const row = {
  order: 33,
  name: "outbox-killed",
  fault: `kill -9 of an application, a relay of its outbox, Postgres, Redis (AOF always), or all of them at once, every ${KILL_EVERY_MS / 1_000} s for ${Math.round(runMs / 1_000)} s`,
  expected:
    "each task of a committed transaction is stored once and acked once; none of a rolled-back one exists; the check of the outbox agrees",
  waits: true,
  timeoutMs: runMs + 2 * DRAIN_MS,
  skip: () =>
    findPostgres() === null ? "Postgres is missing: scripts/setup postgres installs it" : undefined,
  async run(ctx) {
    const [redis, postgres] = await Promise.all([ctx.startRedis({ args: AOF.always }), startPostgres()]);
    ctx.onClose(() => postgres.stop());
    const pool = new pg.Pool({ connectionString: postgres.url });
    pool.on("error", () => {});
    const outbox = new Outbox();
    await outbox.migrate(pool);
    await pool.query("CREATE TABLE orders (id text)");
    const settings = ctx.settings(redis.url);
    const view = ctx.client(settings);
    await view.observer.configure(ctx.queueName, { retentionCount: 10_000_000 });
    await ctx.janitor(settings).ready();
    await ctx.worker(settings).ready();

    const start = {
      apps: () => ctx.actor("outbox-app", { postgres: postgres.url }),
      // Two relays share the rows. Small batches give a kill more chances to fall between an enqueue and the mark of
      // its row.
      relays: () =>
        ctx.actor("outbox-relay", {
          redis: settings,
          postgres: postgres.url,
          batchRows: 20,
          diesAt: DIES_AT,
        }),
    };
    const running = { apps: [], relays: [] };
    let isOver = false;
    /** How often a relay has killed itself. */
    let deaths = 0;
    /** Starts an actor. Whenever an actor was killed or has killed itself, starts another one. */
    const keep = (name, slot) => {
      const actor = start[name]();
      running[name][slot] = actor;
      actor.ended.then(() => {
        if (isOver) return;
        if (!actor.wasKilled) deaths++;
        keep(name, slot);
      });
    };
    for (const [name, slot] of [
      ["apps", 0],
      ["relays", 0],
      ["relays", 1],
    ])
      keep(name, slot);
    const killAll = (actors) =>
      Promise.all(
        actors.map((actor) => {
          actor.wasKilled = true;
          return actor.kill();
        }),
      );
    const kill = {
      apps: () => killAll(running.apps),
      relays: () => killAll(running.relays),
      async postgres() {
        await postgres.kill();
        await postgres.start();
      },
      async redis() {
        await redis.kill();
        await redis.start();
      },
      async all() {
        await Promise.all(["apps", "relays", "postgres", "redis"].map((name) => kill[name]()));
      },
    };
    const kills = Object.fromEntries(VICTIMS.map((name) => [name, 0]));
    const endAt = performance.now() + runMs;
    for (let n = 0; performance.now() < endAt; n++) {
      await sleep(KILL_EVERY_MS * (0.5 + Math.random()));
      const victim = VICTIMS[n % VICTIMS.length];
      await kill[victim]();
      kills[victim]++;
    }
    isOver = true;
    for (const app of running.apps) await app.finish();
    // The relays that run now may still kill themselves. So this relay, which does not, sends the remaining rows.
    ctx.actor("outbox-relay", { redis: settings, postgres: postgres.url, batchRows: 20 });
    await until(
      "all rows are sent",
      async () => (await outbox.check(pool, { client: view.client, windowMs: 0 })).pending === 0,
      DRAIN_MS,
      200,
    );

    const { tasks, lost, recovered } = await ctx.settle(view, { drainMs: DRAIN_MS });
    const { rows } = await pool.query("SELECT id FROM orders");
    const committed = new Set(rows.map(({ id }) => id));
    const report = await outbox.check(pool, { client: view.client, windowMs: 86_400_000 });
    await pool.end();
    const { totals } = await view.observer.stats(ctx.queueName);
    const refused = new Set(ctx.heard("enqueue", { phase: "fail" }).map(({ id }) => id));
    const effects = new Set(ctx.heard("run", { phase: "invoke" }).map(({ id }) => id));
    const without = [...committed].filter((id) => !tasks.has(id));
    const extra = [...tasks.keys()].filter((id) => !committed.has(id));
    ctx.expect(without.length === 0, `${without.length} committed rows have no task, such as ${without[0]}`);
    ctx.expect(extra.length === 0, `${extra.length} tasks have no committed row, such as ${extra[0]}`);
    ctx.expect(
      totals.enqueued === committed.size && totals.acked === committed.size,
      `${totals.enqueued} tasks were stored and ${totals.acked} acked, of ${committed.size} committed rows`,
    );
    ctx.expect(
      [...refused].every((id) => !tasks.has(id) && !effects.has(id)) && refused.size > 0,
      "a row that was rolled back became a task, or none was rolled back",
    );
    ctx.expect(
      [...committed].every((id) => effects.has(id)) && effects.size === committed.size,
      `${effects.size} tasks ran, of ${committed.size} committed rows`,
    );
    ctx.expect(
      report.agrees && report.compared === committed.size,
      `the check of the outbox: ${JSON.stringify({ ...report, missing: report.missing.length })}`,
    );
    ctx.expect(
      committed.size > 100 && Object.values(kills).every((count) => count > 0),
      "too little has happened",
    );
    const found = ctx.heard("relayed").reduce((sum, line) => sum + line.found, 0);
    const counts = VICTIMS.map((name) => `${kills[name]} of ${name}`).join(", ");
    return `kills: ${counts}; relays died ${deaths} times between two calls; ${committed.size} committed rows (${recovered} after an unknown COMMIT) and ${tasks.size} tasks, ${refused.size} rolled back and ${extra.length} of them tasks; ${found} rows sent again and found; ${lost} lost`;
  },
};
