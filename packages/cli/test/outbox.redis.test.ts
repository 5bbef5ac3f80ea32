import { Outbox } from "@holdfast/outbox";
import {
  findPostgres,
  freePort,
  type PostgresServer,
  type RedisServer,
  startPostgres,
  startRedisServer,
  until,
} from "@holdfast/testing";
import { Holdfast, Queue } from "holdfast";
import pg from "pg";
import { afterAll, beforeAll, expect, test } from "vitest";
import { start } from "./support.ts";

const hasPostgres = findPostgres() !== null;
if (!hasPostgres)
  console.warn("Postgres is missing, so holdfast outbox is not tested: scripts/setup postgres installs it");
const pgTest = test.skipIf(!hasPostgres);

let redis: RedisServer;
let postgres: PostgresServer;
let pool: pg.Pool;
let client: Holdfast;
const outbox = new Outbox({ table: "tasks to send" });

beforeAll(async () => {
  if (!hasPostgres) return;
  [redis, postgres] = await Promise.all([startRedisServer(), startPostgres()]);
  pool = new pg.Pool({ connectionString: postgres.url });
  client = new Holdfast({ redis: redis.url });
});
afterAll(async () => {
  await client?.close();
  await pool?.end();
  await postgres?.stop();
  await redis?.stop();
});

const begin = (...args: string[]) =>
  start(["outbox", ...args, "--table", "tasks to send"], {
    REDIS_URL: redis.url,
    DATABASE_URL: postgres.url,
  });

pgTest(
  "outbox sql makes the table, and relay sends its rows and serves metrics until it is stopped",
  async () => {
    const { stdout } = await begin("sql").ended;
    await pool.query(stdout);
    await pool.query(stdout);
    const port = await freePort();
    const relay = begin("relay", "--metrics-port", String(port));
    const { id } = await outbox.enqueueTx(pool, "cli", "mail", { to: "ada" });
    await pool.query(
      `INSERT INTO "tasks to send" (id, queue, type, payload) VALUES ('bad', 'cli', 'n o', '1')`,
    );
    const queue = new Queue("cli", { client });
    await until("the row is sent", async () => (await queue.get(id)) !== null, 50_000);
    const read = async () => (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    await until(
      "the row is counted",
      async () => (await read()).includes("holdfast_outbox_refused_total 1"),
      50_000,
    );
    const metrics = await read();
    expect(metrics).toContain("holdfast_outbox_sent_total 1\n");
    expect(metrics).toContain('holdfast_outbox_rows{state="refused"} 1\n');
    expect(metrics).toContain('holdfast_outbox_lag_seconds_bucket{le="+Inf"} 1\n');
    relay.child.kill("SIGTERM");
    const ended = await relay.ended;
    expect(ended.code).toBe(0);
    expect(ended.stderr).toMatch(
      /row bad \(cli\) was refused: invalid_task_type: [^\n]+\n[\s\S]*sent 1 row\n$/,
    );
    await queue.close();
  },
);

pgTest(
  "outbox check exits with 1 if a row was refused or a task is missing, and sends it again",
  async () => {
    await outbox.migrate(pool);
    const refused = await begin("check").ended;
    expect(refused).toMatchObject({ code: 1 });
    expect(refused.stdout).toMatch(
      /missing +0 tasks\nrefused +1 row\npending +0 rows\nREFUSED[\s\S]*bad +cli +n o/,
    );
    await pool.query(`UPDATE "tasks to send" SET type = 'mail'`);
    expect(await begin("resend", "bad").ended).toMatchObject({ code: 0, stdout: "due again  1 row\n" });
    expect(await begin("resend", "none").ended).toMatchObject({ code: 3 });
    expect((await begin("check", "--max-lag", "0ms").ended).code).toBe(1);

    const sendAll = async () => {
      const relay = begin("relay");
      await until(
        "all rows are sent",
        async () =>
          (await pool.query('SELECT 1 FROM "tasks to send" WHERE due_at IS NOT NULL')).rowCount === 0,
        50_000,
      );
      relay.child.kill("SIGINT");
      await relay.ended;
    };
    await sendAll();
    expect(await begin("check", "--max-lag", "0ms").ended).toMatchObject({ code: 0 });
    await redis.command("FLUSHALL");
    const lost = await begin("check", "--resend", "--json").ended;
    expect(lost.code).toBe(1);
    expect(JSON.parse(lost.stdout)).toMatchObject({ agrees: false, compared: 2, known: 0, resent: 2 });
    await sendAll();
    expect(await begin("check").ended).toMatchObject({ code: 0 });
  },
);

pgTest("a database that is not named or does not answer is reported in one line", async () => {
  const unnamed = await start(["outbox", "check"], { REDIS_URL: redis.url }).ended;
  expect(unnamed).toMatchObject({ code: 2, stderr: expect.stringContaining("--postgres <url>") });
  const wrong = await start(["outbox", "resend", "a", "--postgres", "localhost"]).ended;
  expect(wrong).toMatchObject({ code: 2, stderr: expect.stringContaining("postgres://") });
  const away = await start(["outbox", "resend", "a", "--postgres", "postgres://127.0.0.1:1/x"]).ended;
  expect(away.code).toBe(1);
  expect(away.stderr).toMatch(/^holdfast: .*ECONNREFUSED.*\n$/);
});
