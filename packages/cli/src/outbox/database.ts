import type { PostgresPool, SqliteDatabase } from "@holdfast/outbox";
import { type Command, Option } from "../context.ts";
import { UsageError } from "../exit.ts";
import { type Environment, variable } from "../redis-address.ts";

/** The options that name the database of an outbox, and its table. */
export interface DatabaseOptions {
  postgres?: string;
  sqlite?: string;
  table?: string;
  schema?: string;
}

interface OpenDatabase {
  database: PostgresPool | SqliteDatabase;
  close(): Promise<void>;
}

export function tableOptions(command: Command): Command {
  return command
    .option("--table <name>", "the table (default: holdfast_outbox)")
    .option("--schema <name>", "its schema in Postgres (default: the first one of the search path)");
}

export function databaseOptions(command: Command): Command {
  return tableOptions(
    command
      .option(
        "--postgres <url>",
        "where Postgres is; better put a password into DATABASE_URL or DATABASE_URL_FILE",
      )
      .addOption(
        new Option("--sqlite <file>", "a database of SQLite instead; needs Node 22.13 or later").conflicts(
          "postgres",
        ),
      ),
  );
}

/** @throws UsageError if no database is named, or this Node has no SQLite */
export async function openDatabase(env: Environment, options: DatabaseOptions): Promise<OpenDatabase> {
  if (options.sqlite !== undefined) return openSqlite(options.sqlite);
  const connectionString = options.postgres ?? variable(env, "DATABASE_URL");
  if (connectionString === undefined)
    throw new UsageError(
      "name the database of the outbox: --postgres <url>, --sqlite <file> or DATABASE_URL",
    );
  if (!/^postgres(ql)?:\/\//.test(connectionString))
    throw new UsageError("the address of Postgres has to begin with postgres://");
  // The driver is loaded only here, so that commands without a database start quickly.
  const { default: pg } = await import("pg");
  const database = new pg.Pool({ connectionString, max: 4, application_name: "holdfast outbox" });
  // Without a listener, an error of an idle connection would end the process. The next query reports the error.
  database.on("error", () => {});
  return { database, close: () => database.end() };
}

async function openSqlite(path: string): Promise<OpenDatabase> {
  type Database = SqliteDatabase & { close(): void };
  type Driver = { DatabaseSync: new (path: string) => Database };
  const driver = (await import("node:sqlite" as string).catch(() => null)) as Driver | null;
  if (driver === null)
    throw new UsageError(`--sqlite needs Node 22.13 or later, and this is Node ${process.versions.node}`);
  const database = new driver.DatabaseSync(path);
  database.exec("PRAGMA busy_timeout = 5000");
  return { database, close: async () => database.close() };
}
