// Measures a relay of an outbox in Postgres: how many rows it sends in a second, and how old a row is when it is sent.
// Postgres, Redis, the application and the relay run on this machine. Postgres syncs its commits.
//
//   node loadtest/outbox.mjs [--backlog 100000] [--rate 10000] [--seconds 20] [--tx 20] [--batch 500]
//
// First the relay drains a backlog. Then the application commits `rate` rows per second, `tx` in each transaction, while
// the relay runs. The last line is JSON.
import { fork } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Outbox, OutboxRelay } from "@holdfast/outbox";
import { Holdfast } from "holdfast";
import pg from "pg";
import { startPostgres } from "../packages/testing/src/postgres-server.mjs";
import { startRedis } from "../test/chaos/harness/redis.mjs";
import { percentile, until } from "../test/chaos/harness/until.mjs";

const LOOPS = 4;
const DRAIN_MS = 300_000;
const names = { backlog: "100000", rate: "10000", seconds: "20", tx: "20", batch: "500" };
const { values } = parseArgs({
  options: Object.fromEntries(
    Object.entries(names).map(([name, value]) => [name, { type: "string", default: value }]),
  ),
});
const [backlog, rate, seconds, tx, batch] = Object.keys(names).map((name) => Number(values[name]));
const tasks = Array.from({ length: tx }, () => ({ type: "noop", payload: { data: "x".repeat(85) } }));
const outbox = new Outbox();

/** The application, which runs in its own process: commits rows at the given rate, and reports how many. */
async function application(url) {
  const pool = new pg.Pool({ connectionString: url, max: LOOPS });
  const started = performance.now();
  const endAt = started + seconds * 1_000;
  let begun = 0;
  const loop = async () => {
    while (performance.now() < endAt) {
      if (begun * tx > ((performance.now() - started) / 1_000) * rate) {
        await sleep(1);
        continue;
      }
      begun++;
      const client = await pool.connect();
      await client.query("BEGIN");
      await outbox.enqueueManyTx(client, "outbox", tasks);
      await client.query("COMMIT");
      client.release();
    }
  };
  await Promise.all(Array.from({ length: LOOPS }, loop));
  process.send({ rows: begun * tx, seconds: (performance.now() - started) / 1_000 });
  await pool.end();
  process.disconnect();
}

/** Starts a relay, and gathers the ages of the rows that it sends. */
function relayOf(database, client) {
  const relay = new OutboxRelay({ database, client, batchRows: batch });
  const lagsMs = [];
  relay.on("relayed", (event) => lagsMs.push(...event.lagsMs));
  relay.on("error", (error) => console.error(error));
  relay.start();
  return { relay, lagsMs };
}

async function measure(pool, client, url) {
  for (let rows = 0; rows < backlog; rows += 1_000)
    await outbox.enqueueManyTx(
      pool,
      "outbox",
      Array.from({ length: 1_000 }, () => tasks[0]),
    );
  const began = performance.now();
  const cpuBefore = process.cpuUsage();
  const first = relayOf(pool, client);
  await until("the backlog is drained", () => first.lagsMs.length >= backlog, DRAIN_MS);
  const drained = Math.round(first.lagsMs.length / ((performance.now() - began) / 1_000));
  const { user, system } = process.cpuUsage(cpuBefore);
  await first.relay.stop();

  const second = relayOf(pool, client);
  const app = fork(import.meta.filename, process.argv.slice(2), { env: { ...process.env, OUTBOX_URL: url } });
  const written = await new Promise((resolve) => app.once("message", resolve));
  const behind = written.rows - second.lagsMs.length;
  await until("every row is sent", () => second.lagsMs.length >= written.rows, DRAIN_MS);
  await second.relay.stop();
  const [p50, p99, most] = [0.5, 0.99, 1].map((share) => Math.round(percentile(second.lagsMs, share)));
  return {
    drainedPerSecond: drained,
    // This figure is affected least by other load on the machine.
    relayCpuMicrosPerRow: Math.round((user + system) / first.lagsMs.length),
    committedPerSecond: Math.round(written.rows / written.seconds),
    ...{ behindAtTheEnd: behind, lagMs: { p50, p99, most } },
  };
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-outbox-"));
  const postgres = await startPostgres({ sync: true });
  const redis = await startRedis({ folder, track: (child) => child });
  const pool = new pg.Pool({ connectionString: postgres.url });
  pool.on("error", () => {});
  const client = new Holdfast({ redis: redis.url });
  try {
    await outbox.migrate(pool);
    console.log(JSON.stringify(await measure(pool, client, postgres.url)));
  } finally {
    await client.close();
    await pool.end();
    await redis.kill();
    await postgres.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

if (process.env.OUTBOX_URL) await application(process.env.OUTBOX_URL);
else await main();
