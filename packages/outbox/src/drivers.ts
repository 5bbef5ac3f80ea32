// The parts of database drivers that the outbox uses. They are declared here, so that the outbox depends on no
// driver.

/** A connection of Postgres in which the caller has begun a transaction, such as a `Client` or `PoolClient` of `pg`. */
export interface PostgresTransaction {
  query(text: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}

/** One connection that a pool has given. */
export interface PostgresClient extends PostgresTransaction {
  /** @param error if it is given, the pool closes the connection */
  release(error?: Error | boolean): void;
  on?(event: "error" | "notification" | "end", listener: (error: Error) => void): unknown;
  removeListener?(event: "error", listener: (error: Error) => void): unknown;
}

/** Gives connections, such as a `Pool` of `pg`. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
  on?(event: "error", listener: (error: Error) => void): unknown;
  removeListener?(event: "error", listener: (error: Error) => void): unknown;
}

/** A prepared statement of SQLite. */
export interface SqliteStatement {
  run(...values: (string | number | null)[]): unknown;
  all(...values: (string | number | null)[]): unknown[];
}

/** A connection of SQLite whose calls return their results at once: `DatabaseSync` of `node:sqlite`, or better-sqlite3. */
export interface SqliteDatabase {
  prepare(sql: string): SqliteStatement;
  exec(sql: string): unknown;
}

export function isSqlite(database: object): database is SqliteDatabase {
  return "prepare" in database && typeof database.prepare === "function";
}
