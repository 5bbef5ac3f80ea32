import { Outbox, OutboxRelay } from "@holdfast/outbox";
import { expect, test } from "vitest";
import { afterwards } from "../../packages/holdfast/test/support/library.ts";
import { openSqlite } from "../../packages/outbox/test/databases.ts";
import { clientOf, helper } from "./roles.ts";
import { startSecuredRedis } from "./secured-redis.ts";

test("the user producer may do all that the relay and the check of an outbox do", async () => {
  const redis = await startSecuredRedis();
  const client = await clientOf(redis, "producer");
  const db = await openSqlite();
  afterwards(() => db.stop());
  const outbox = new Outbox();
  await db.migrate(outbox);
  const unique = { key: "a", scope: "unfinished", onConflict: "replace" } as const;
  await db.write(outbox, "relayed", [
    { type: "mail", payload: 1 },
    { type: "mail", payload: 2, delayMs: 60_000, key: "acme" },
    { type: "mail", payload: 3, unique },
    { type: "mail", payload: 4, unique },
  ]);
  const relay = new OutboxRelay({ database: db.database, outbox, client });
  const refused: unknown[] = [];
  relay.on("refused", (row) => refused.push(row));
  relay.on("error", (error) => refused.push(error));
  expect(await relay.runOnce()).toBe(4);
  // Redis knows all of these tasks before its data is lost, and none of them after that.
  expect(await outbox.check(db.database, { client })).toMatchObject({ agrees: true, compared: 3, known: 3 });
  await (await helper(redis)).connection.command("FLUSHDB");
  expect(await outbox.check(db.database, { client })).toMatchObject({ agrees: false, known: 0 });
  await relay.stop();
  expect(refused).toEqual([]);
  expect(await redis.admin.acl("LOG")).toEqual([]);
});
