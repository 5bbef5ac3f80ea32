import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { findPostgres, type PostgresServer, startPostgres } from "@holdfast/testing";
import pg from "pg";
import type { Outbox, OutboxReceipt, OutboxTask, PostgresPool, SqliteDatabase } from "../src/index.ts";

type Sqlite = SqliteDatabase & { close(): void };

/**
 * This type has no private fields, because they would make the classes of the sources and of the built files
 * incompatible.
 */
type OutboxCalls = Pick<Outbox, "migrate" | "enqueueManyTx">;

/** One of the databases, with the operations that the tests need. */
export interface TestDatabase {
  database: PostgresPool | SqliteDatabase;
  migrate(outbox: OutboxCalls): Promise<void>;
  /** Writes tasks in a transaction, and commits or rolls it back. */
  write(
    outbox: OutboxCalls,
    queue: string,
    tasks: OutboxTask[],
    end?: "COMMIT" | "ROLLBACK",
  ): Promise<OutboxReceipt[]>;
  all(sql: string): Promise<Record<string, unknown>[]>;
  stop(): Promise<void>;
}

export interface TestPostgres extends TestDatabase {
  database: pg.Pool;
  server: PostgresServer;
}

export const hasPostgres = findPostgres() !== null;
if (!hasPostgres)
  console.warn(
    "Postgres is missing, so the outbox is not tested with it: scripts/setup postgres installs it",
  );

export async function openPostgres(): Promise<TestPostgres> {
  const server = await startPostgres();
  const database = new pg.Pool({ connectionString: server.url, max: 8 });
  database.on("error", () => {});
  return {
    database,
    server,
    migrate: (outbox) => outbox.migrate(database),
    async write(outbox, queue, tasks, end = "COMMIT") {
      const client = await database.connect();
      try {
        await client.query("BEGIN");
        const receipts = await outbox.enqueueManyTx(client, queue, tasks);
        await client.query(end);
        return receipts;
      } catch (error) {
        await client.query("ROLLBACK");
        throw error;
      } finally {
        client.release();
      }
    },
    all: async (sql) => (await database.query(sql)).rows,
    stop: async () => {
      await database.end();
      await server.stop();
    },
  };
}

/** The driver of Node 22.13 and later; before that, a package with the same calls. */
async function openFile(path: string): Promise<Sqlite> {
  const driver = await import("node:sqlite" as string).catch(() => import("@photostructure/sqlite"));
  return new driver.DatabaseSync(path);
}

/** As in an application, the relay and the writer use different connections. */
export async function openSqlite(): Promise<TestDatabase & { writer: Sqlite; database: Sqlite }> {
  const folder = mkdtempSync(join(tmpdir(), "holdfast-outbox-"));
  const path = join(folder, "app.db");
  const [writer, database] = [await openFile(path), await openFile(path)];
  for (const connection of [writer, database])
    connection.exec("PRAGMA journal_mode = WAL; PRAGMA busy_timeout = 10000; PRAGMA synchronous = OFF");
  return {
    database,
    writer,
    migrate: (outbox) => outbox.migrate(writer),
    async write(outbox, queue, tasks, end = "COMMIT") {
      writer.exec("BEGIN");
      try {
        const receipts = outbox.enqueueManyTx(writer, queue, tasks);
        writer.exec(end);
        return receipts;
      } catch (error) {
        writer.exec("ROLLBACK");
        throw error;
      }
    },
    all: async (sql) => writer.prepare(sql).all() as Record<string, unknown>[],
    stop: async () => {
      writer.close();
      database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
