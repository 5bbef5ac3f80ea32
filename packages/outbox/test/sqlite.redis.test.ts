import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Outbox, OutboxRelay } from "../src/index.ts";
import { openSqlite } from "./databases.ts";

let redis: RedisServer;
let db: Awaited<ReturnType<typeof openSqlite>>;
beforeAll(async () => {
  redis = await startRedisServer();
  db = await openSqlite();
});
afterAll(async () => {
  await db?.stop();
  await redis?.stop();
});

test("the row is written and the receipt returned before the call returns, and an error is thrown by the call", async () => {
  const outbox = new Outbox({ table: "at_once" });
  await db.migrate(outbox);
  const receipt = outbox.enqueueTx(
    db.writer,
    "mails",
    "mail",
    { to: "ada" },
    { id: "m-1", priority: "high" },
  );
  expect(receipt).toEqual({ id: "m-1", duplicate: false });
  expect(outbox.enqueueTx(db.writer, "mails", "mail", { to: "ada" }, { id: "m-1" }).duplicate).toBe(true);
  expect(() => outbox.enqueueTx(db.writer, "mails", "n o", 1)).toThrow("n o");
  const schema = new Outbox({ table: "at_once", schema: "app" });
  expect(() => schema.enqueueTx(db.writer, "mails", "mail", 1)).toThrow("has no schema");
});

test("a relay on the connection of the application reads no row of an open transaction", async () => {
  const outbox = new Outbox({ table: "shared" });
  await db.migrate(outbox);
  const relay = new OutboxRelay({ database: db.writer, outbox, redis: redis.url, pollMs: 10 });
  const errors: unknown[] = [];
  let sent = 0;
  relay.on("error", (error) => errors.push(error));
  relay.on("relayed", (event) => {
    sent += event.sent;
  });
  db.writer.exec("BEGIN");
  expect(outbox.enqueueTx(db.writer, "shared", "mail", 1).duplicate).toBe(false);
  relay.start();
  await until("the relay has tried", () => errors.length > 0, 50_000);
  db.writer.exec("ROLLBACK");
  expect(outbox.enqueueTx(db.writer, "shared", "mail", 2).duplicate).toBe(false);
  await until("the second row is sent", () => sent === 1, 50_000);
  await relay.stop();
  expect(String(errors[0])).toContain("within a transaction");
});
