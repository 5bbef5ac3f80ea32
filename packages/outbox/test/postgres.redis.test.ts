import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { defineTask, Holdfast, Observer, Queue } from "holdfast";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Outbox, OutboxRelay } from "../src/index.ts";
import { hasPostgres, openPostgres, type TestPostgres } from "./databases.ts";

let redis: RedisServer;
let db: TestPostgres;
beforeAll(async () => {
  redis = await startRedisServer(["--appendonly", "yes", "--appendfsync", "always"]);
  if (hasPostgres) db = await openPostgres();
});
afterAll(async () => {
  await db?.stop();
  await redis?.stop();
});

const pgTest = test.skipIf(!hasPostgres);

pgTest("a relay is told about new rows at their commit, in a schema too", async () => {
  await db.database.query('CREATE SCHEMA "app ""one"""');
  const outbox = new Outbox({ schema: 'app "one"', table: "waiting" });
  await Promise.all(Array.from({ length: 5 }, () => db.migrate(outbox)));
  const relay = new OutboxRelay({ database: db.database, outbox, redis: redis.url, pollMs: 60_000 });
  let sent = 0;
  relay.on("relayed", (event) => {
    sent += event.sent;
  });
  relay.start();
  try {
    // The relay polls less and less often. After a few seconds the next poll is a minute away, so only NOTIFY
    // explains a quick answer.
    for (let n = 1; n <= 3; n++) {
      await new Promise((resolve) => setTimeout(resolve, 1_000 * n));
      await db.write(outbox, "told", [{ type: "mail", payload: n }]);
      await until("the row is sent", () => sent === n, 50_000);
    }
  } finally {
    await relay.stop();
  }
});

pgTest("a task definition checks the payload, and adds its defaults", async () => {
  const outbox = new Outbox({ table: "defined" });
  await db.migrate(outbox);
  const send = defineTask<{ to: string }>("mail.send", {
    schema: {
      "~standard": {
        version: 1,
        vendor: "test",
        validate: (value) =>
          typeof (value as { to?: unknown }).to === "string"
            ? { value: value as { to: string } }
            : { issues: [{ message: "has to be a text", path: ["to"] }] },
      },
    },
    defaults: { priority: "low", maxRetries: 9 },
  });
  const { id } = await outbox.enqueueTx(db.database, "defined", send, { to: "ada" }, { maxRetries: 2 });
  await expect(outbox.enqueueTx(db.database, "defined", send, {} as { to: string })).rejects.toThrow(
    "to: has to be a text",
  );
  const relay = new OutboxRelay({ database: db.database, outbox, redis: redis.url });
  expect(await relay.runOnce()).toBe(1);
  await relay.stop();
  const queue = new Queue("defined", { redis: redis.url });
  expect(await queue.get(id)).toMatchObject({ type: "mail.send", priority: "low", maxRetries: 2 });
  await queue.close();
});

pgTest("the relay continues after Postgres and Redis were killed", async () => {
  const outbox = new Outbox({ table: "killed" });
  await db.migrate(outbox);
  const client = new Holdfast({ redis: redis.url });
  const relay = new OutboxRelay({ database: db.database, outbox, client, pollMs: 100 });
  const errors: unknown[] = [];
  relay.on("error", (error) => errors.push(error));
  relay.start();
  // A kill of Postgres may undo the mark of a row. The row is then sent again, and its task is found.
  const isSent = async (rows: number) =>
    (await db.all("SELECT 1 FROM killed WHERE sent_at IS NOT NULL")).length === rows;
  try {
    await db.write(outbox, "killed", [{ type: "mail", payload: 1 }]);
    await until("the first row is sent", () => isSent(1), 50_000);
    await db.server.kill();
    await until("the relay has noticed", () => errors.length > 0, 50_000);
    await db.server.start();
    await db.write(outbox, "killed", [{ type: "mail", payload: 2 }]);
    await until("the second row is sent", () => isSent(2), 50_000);
    await redis.kill();
    errors.length = 0;
    await db.write(outbox, "killed", [{ type: "mail", payload: 3 }]);
    await until("the relay has noticed", () => errors.length > 0, 50_000);
    await redis.start();
    await until("the third row is sent", () => isSent(3), 50_000);
    expect(await outbox.check(db.database, { client })).toMatchObject({
      agrees: true,
      pending: 0,
      compared: 3,
    });
    const { pending, totals } = await new Observer({ client }).stats("killed");
    expect([pending, totals.enqueued]).toEqual([3, 3]);
  } finally {
    await relay.stop();
    await client.close();
  }
});
