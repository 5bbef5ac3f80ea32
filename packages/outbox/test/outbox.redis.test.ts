import { type RedisServer, startRedisServer, until } from "@holdfast/testing";
import { Holdfast, Observer, Queue, Worker } from "holdfast";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Outbox, OutboxRelay, type OutboxRelayOptions, type RelayedEvent } from "../src/index.ts";
import { hasPostgres, openPostgres, openSqlite, type TestDatabase } from "./databases.ts";

let redis: RedisServer;
let client: Holdfast;
beforeAll(async () => {
  redis = await startRedisServer();
  client = new Holdfast({ redis: redis.url });
});
afterAll(async () => {
  await client?.close();
  await redis?.stop();
});

const DATABASES = [
  { name: "Postgres", dialect: "postgres" as const, open: openPostgres, isThere: hasPostgres },
  { name: "SQLite", dialect: "sqlite" as const, open: openSqlite, isThere: true },
];

let number = 0;

describe.each(DATABASES)("an outbox in $name", ({ open, dialect, isThere }) => {
  let db: TestDatabase;
  let outbox: Outbox;
  let table: string;
  let queueName: string;
  let queue: Queue;
  const relays: OutboxRelay[] = [];
  const skip = !isThere;

  beforeAll(async () => {
    if (!skip) db = await open();
  });
  afterAll(() => db?.stop());
  beforeEach(async () => {
    if (skip) return;
    table = `outbox_${++number}`;
    queueName = `outbox-${number}`;
    outbox = new Outbox({ table });
    queue = new Queue(queueName, { client });
    await db.migrate(outbox);
  });
  afterEach(async () => {
    await Promise.all(relays.splice(0).map((relay) => relay.stop()));
    await queue?.close();
  });

  const relayOf = (options: Partial<OutboxRelayOptions> = {}) => {
    const relay = new OutboxRelay({
      database: db.database,
      outbox,
      client,
      ...options,
    } as OutboxRelayOptions);
    const done: RelayedEvent = { sent: 0, found: 0, merged: 0, postponed: 0, lagsMs: [] };
    const errors: unknown[] = [];
    relay.on("relayed", (event) => {
      for (const name of ["sent", "found", "merged", "postponed"] as const) done[name] += event[name];
      done.lagsMs.push(...event.lagsMs);
    });
    relay.on("error", (error) => errors.push(error));
    relays.push(relay);
    return { relay, done, errors };
  };
  const mails = (count: number) =>
    Array.from({ length: count }, (_, n) => ({ type: "mail", payload: { n } }));
  const ids = async () =>
    new Set(
      (await new Observer({ client }).list(queueName, { state: "pending", limit: 100 })).tasks.map(
        ({ id }) => id,
      ),
    );
  /** Reads batches until the table has no row that is due. */
  const drain = async (relay: OutboxRelay) => {
    while ((await relay.runOnce()) > 0);
  };

  test.skipIf(skip)(
    "sends the rows of committed transactions, and none of those that were rolled back",
    async () => {
      const { relay, done } = relayOf();
      relay.start();
      const kept = await db.write(outbox, queueName, mails(20));
      await db.write(outbox, queueName, mails(20), "ROLLBACK");
      const late = await db.write(outbox, queueName, mails(1));
      await until("all rows are sent", () => done.sent === 21, 50_000);
      expect(await ids()).toEqual(new Set([...kept, ...late].map(({ id }) => id)));
      expect(kept.every(({ duplicate }) => !duplicate)).toBe(true);
      expect((await queue.get(kept[3]?.id ?? ""))?.payloadText).toBe('{"n":3}');
      expect(Math.max(...done.lagsMs)).toBeLessThan(60_000);
      expect(Math.min(...done.lagsMs)).toBeGreaterThanOrEqual(0);
    },
  );

  test.skipIf(skip)("enqueues in the order of the rows", async () => {
    await db.write(outbox, queueName, mails(30));
    const { relay } = relayOf({ batchRows: 7 });
    await drain(relay);
    const seen: unknown[] = [];
    const worker = new Worker(
      queueName,
      { mail: (task) => void seen.push(task.payload) },
      { redis: redis.url, concurrency: 1 },
    );
    await worker.start();
    await until("all tasks have run", () => seen.length === 30, 50_000);
    await worker.stop();
    expect(seen).toEqual(mails(30).map(({ payload }) => payload));
  });

  test.skipIf(skip)(
    "finds the tasks of rows that were sent and not marked, even after they ran",
    async () => {
      const receipts = await db.write(outbox, queueName, mails(10));
      // The first relay dies after the enqueue and before it marks the row as sent.
      const dying = outbox.table(db.database);
      const { relay } = relayOf({
        outbox: {
          table: () => ({
            take: async (limit: number, resting: string[]) => {
              const batch = await dying.take(limit, resting);
              return {
                ...batch,
                end: async () => {
                  await batch.abandon();
                  throw new Error("killed");
                },
              };
            },
          }),
        } as unknown as Outbox,
      });
      await expect(relay.runOnce()).rejects.toThrow("killed");
      let runs = 0;
      const worker = new Worker(queueName, { mail: () => void runs++ }, { redis: redis.url });
      await worker.start();
      await until("all tasks have run", () => runs === 10, 50_000);
      const second = relayOf();
      await drain(second.relay);
      await new Promise((resolve) => setTimeout(resolve, 50));
      await worker.stop();
      expect(second.done).toMatchObject({ sent: 10, found: 10 });
      expect(runs).toBe(10);
      expect((await outbox.check(db.database, { client })).known).toBe(receipts.length);
    },
  );

  test.skipIf(skip)("marks rows that can never be sent with their error, and sends the others", async () => {
    const long = JSON.stringify("x".repeat(300_000));
    await db.all(
      `INSERT INTO ${table} (id, queue, type, payload) VALUES ('a', '${queueName}', 'n o', '1'), ('b', 'n o', 'mail', '1'), ('c', '${queueName}', 'mail', '${long}'), ('d', '${queueName}', 'mail', '{"n": 1.50}')`,
    );
    await db.all(
      `INSERT INTO ${table} (id, queue, type, payload, options) VALUES ('e', '${queueName}', 'mail', '1', '{"delay":1}')`,
    );
    const { relay, done } = relayOf();
    const refused: string[] = [];
    relay.on("refused", ({ id, error }) => refused.push(`${id} ${error.split(":")[0]}`));
    await drain(relay);
    expect(refused.sort()).toEqual([
      "a invalid_task_type",
      "b invalid_queue_name",
      "c payload_too_large",
      "e invalid_argument",
    ]);
    expect(done.sent).toBe(1);
    // The task has the text of the payload exactly as it was written, with its spaces and zeros.
    expect((await queue.get("d"))?.payloadText).toBe('{"n": 1.50}');
    const report = await outbox.check(db.database, { client });
    expect(report).toMatchObject({
      agrees: false,
      refused: 4,
      pending: 0,
      compared: 1,
      known: 1,
      missing: [],
    });
    expect(report.refusedRows.map(({ id }) => id).sort()).toEqual(["a", "b", "c", "e"]);

    await db.all(`UPDATE ${table} SET type = 'mail' WHERE id = 'a'`);
    expect(await outbox.resend(db.database, ["a"])).toBe(1);
    await drain(relay);
    expect((await queue.get("a"))?.state).toBe("pending");
    expect((await outbox.check(db.database, { client })).refused).toBe(3);
  });

  test.skipIf(skip)("waits for a queue that is full, and meanwhile sends the rows of others", async () => {
    const observer = new Observer({ client });
    await queue.ready();
    await observer.configure(queueName, { maxWaiting: 3 });
    await db.write(outbox, queueName, mails(5));
    await db.write(outbox, `${queueName}-other`, mails(2));
    const { relay, done, errors } = relayOf({ batchRows: 5 });
    relay.start();
    await until("the rows of the other queue are sent", () => done.sent === 5, 50_000);
    expect(errors[0]).toMatchObject({ code: "queue_full" });
    expect((await outbox.check(db.database, { client })).pending).toBe(2);
    await observer.configure(queueName, { maxWaiting: 0 });
    await until("all rows are sent", () => done.sent === 7, 50_000);
    expect((await ids()).size).toBe(5);
  });

  test.skipIf(skip)(
    "keeps the options of a task; a delay counts from the time at which the row was written",
    async () => {
      const [row] = await db.write(outbox, queueName, [
        {
          type: "mail",
          payload: [1],
          delayMs: 60_000,
          priority: "high",
          tags: ["a"],
          maxRetries: 7,
          keep: { completedMs: 5_000 },
        },
      ]);
      await db.write(outbox, queueName, [
        { type: "mail", payload: 2, id: "own-id", key: "acme", cost: 3, timeoutMs: 1_234 },
      ]);
      await new Promise((resolve) => setTimeout(resolve, 50));
      const { relay, done } = relayOf();
      await drain(relay);
      const task = await queue.get(row?.id ?? "");
      expect(task).toMatchObject({
        state: "scheduled",
        priority: "high",
        tags: ["a"],
        maxRetries: 7,
        keep: { completedMs: 5_000 },
      });
      const [written] = await db.all(`SELECT created_at FROM ${table} WHERE id = '${row?.id}'`);
      expect(Math.abs((task?.runAt ?? 0) - Number(written?.created_at) - 60_000)).toBeLessThanOrEqual(1);
      expect(await queue.get("own-id")).toMatchObject({ key: "acme", cost: 3, timeoutMs: 1_234 });

      const [again] = await db.write(outbox, queueName, [{ type: "mail", payload: 2, id: "own-id" }]);
      expect(again).toEqual({ id: "own-id", duplicate: true });
      await outbox.resend(db.database, [row?.id ?? "", "own-id"]);
      await drain(relay);
      expect(done).toMatchObject({ sent: 4, found: 2 });
    },
  );

  test.skipIf(skip)("merges a row into the task that holds its unique key", async () => {
    const unique = { key: "report", scope: "unfinished" as const };
    await db.write(outbox, queueName, [
      { type: "mail", payload: 1, unique },
      { type: "mail", payload: 2, unique },
    ]);
    await db.write(outbox, queueName, [
      { type: "mail", payload: 3, unique: { ...unique, onConflict: "reject" } },
    ]);
    const { relay, done } = relayOf();
    await drain(relay);
    expect(done).toMatchObject({ sent: 2, merged: 1 });
    expect(await outbox.check(db.database, { client })).toMatchObject({ compared: 1, known: 1, refused: 1 });
    expect((await ids()).size).toBe(1);
  });

  test.skipIf(skip)("refuses an invalid task before anything is written", async () => {
    const write = (task: object) => db.write(outbox, queueName, [{ type: "mail", payload: 1, ...task }]);
    await expect(write({ type: "n o" })).rejects.toMatchObject({ code: "invalid_task_type" });
    await expect(write({ payload: "x".repeat(300_000) })).rejects.toMatchObject({
      code: "payload_too_large",
    });
    await expect(write({ payload: undefined })).rejects.toMatchObject({ code: "invalid_argument" });
    await expect(write({ delay: 5 })).rejects.toThrow("did you mean delayMs?");
    await expect(write({ partitionKey: "a" })).rejects.toThrow("partitionKey is not an option");
    await expect(write({ id: "a", ifEnded: "again" })).rejects.toThrow("ifEnded is not an option");
    await expect(db.write(outbox, "n o", mails(1))).rejects.toMatchObject({ code: "invalid_queue_name" });
    expect(await db.all(`SELECT id FROM ${table}`)).toEqual([]);
  });

  test.skipIf(skip)("finds the tasks that Redis has lost, and sends their rows again", async () => {
    const receipts = await db.write(outbox, queueName, mails(6));
    const { relay } = relayOf();
    await drain(relay);
    expect(await outbox.check(db.database, { client })).toMatchObject({
      agrees: true,
      compared: 6,
      known: 6,
    });
    await redis.command("FLUSHALL");
    const lost = await outbox.check(db.database, { client });
    expect(lost).toMatchObject({ agrees: false, compared: 6, known: 0 });
    expect(lost.missing.map(({ id }) => id).sort()).toEqual(receipts.map(({ id }) => id).sort());
    expect(
      await outbox.resend(
        db.database,
        lost.missing.map(({ id }) => id),
      ),
    ).toBe(6);
    await drain(relay);
    expect(await outbox.check(db.database, { client })).toMatchObject({ agrees: true, known: 6 });
    expect((await ids()).size).toBe(6);
  });

  test.skipIf(skip)("several relays send each row, and no task runs twice", async () => {
    const runs = new Map<string, number>();
    const worker = new Worker(
      queueName,
      { mail: (task) => void runs.set(task.id, (runs.get(task.id) ?? 0) + 1) },
      { redis: redis.url, concurrency: 50 },
    );
    await worker.start();
    const all = Array.from({ length: 4 }, () => relayOf({ batchRows: 20 }));
    for (const { relay } of all) relay.start();
    for (let n = 0; n < 40; n++) await db.write(outbox, queueName, mails(25));
    const isDone = async () => (await outbox.check(db.database, { client })).pending === 0;
    await until("all rows are sent", isDone, 50_000);
    await until("all tasks have run", () => runs.size === 1_000, 50_000);
    await worker.stop();
    expect([...runs.values()].filter((count) => count !== 1)).toEqual([]);
    // In Postgres a relay locks its rows, so no row was sent by two relays.
    if (dialect === "postgres") expect(all.map(({ done }) => done.found)).toEqual([0, 0, 0, 0]);
  });

  test.skipIf(skip)(
    "deletes rows some time after they were sent, and keeps those that were refused",
    async () => {
      await db.write(outbox, queueName, mails(3));
      await db.all(`INSERT INTO ${table} (queue, type, payload) VALUES ('${queueName}', 'n o', '1')`);
      const { relay } = relayOf({ keepMs: 0 });
      relay.start();
      await until(
        "the rows are deleted",
        async () => (await db.all(`SELECT 1 FROM ${table}`)).length === 1,
        50_000,
      );
      expect((await ids()).size).toBe(3);
      expect(await outbox.check(db.database, { client })).toMatchObject({ compared: 0, refused: 1 });
    },
  );

  test.skipIf(skip)("takes any name of a table and quotes it", async () => {
    const strange = new Outbox({ table: `o"; DROP TABLE ${table}; --'` });
    await db.migrate(strange);
    await db.migrate(strange);
    await db.write(strange, queueName, mails(1));
    const { relay, done } = relayOf({ outbox: strange });
    await relay.runOnce();
    expect(done.sent).toBe(1);
    expect(await strange.check(db.database, { client })).toMatchObject({ agrees: true, compared: 1 });
    expect(await db.all(`SELECT 1 FROM ${table}`)).toEqual([]);
    for (const name of ["", "a\0b", "x".repeat(49), "\ud800"])
      expect(() => new Outbox({ table: name })).toThrow("table has to be");
  });

  test.skipIf(skip)("stop ends the batch that is under way, and no other begins", async () => {
    await db.write(outbox, queueName, mails(40));
    const { relay, done } = relayOf({ batchRows: 10 });
    relay.on("relayed", () => void relay.stop());
    relay.start();
    await until("a batch is sent", () => done.sent > 0, 50_000);
    await relay.stop();
    expect(done.sent).toBe(10);
    expect((await outbox.check(db.database, { client })).pending).toBe(30);
    expect(() => relay.start()).toThrow("was stopped");
  });
});
