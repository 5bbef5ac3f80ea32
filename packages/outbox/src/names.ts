import { createHash } from "node:crypto";
import { HoldfastError } from "holdfast";

// Postgres cuts names after 63 bytes. The table gets fewer, because its indexes are named after it with an ending.
const TABLE_BYTES = 48;
const SCHEMA_BYTES = 63;

/** The names of one outbox in its database, quoted where they are part of SQL. */
export interface OutboxNames {
  /** The table, with its schema if it has one. */
  readonly table: string;
  /** The schema without quotes. */
  readonly schema: string | undefined;
  /** The channel on which Postgres announces new rows. It needs no quotes. */
  readonly channel: string;
  /** Returns the quoted name of an index of the table. */
  index(ending: string): string;
}

/** @throws HoldfastError invalid_argument */
export function outboxNames(table: string, schema: string | undefined): OutboxNames {
  const quotedTable = quoted("table", table, TABLE_BYTES);
  const quotedSchema = schema === undefined ? "" : `${quoted("schema", schema, SCHEMA_BYTES)}.`;
  const hash = createHash("sha256")
    .update(JSON.stringify([schema ?? null, table]))
    .digest("hex");
  return {
    table: quotedSchema + quotedTable,
    schema,
    channel: `holdfast_outbox_${hash.slice(0, 16)}`,
    index: (ending) => quoted("index", `${table}_${ending}`, SCHEMA_BYTES),
  };
}

/**
 * Quotes a name for SQL. In Postgres and SQLite, a name in double quotes can have any character except NUL, and `""`
 * stands for one double quote.
 */
function quoted(what: string, name: string, bytes: number): string {
  const isValid =
    typeof name === "string" &&
    name !== "" &&
    Buffer.byteLength(name) <= bytes &&
    !name.includes("\0") &&
    name.isWellFormed();
  if (!isValid)
    throw new HoldfastError(
      "invalid_argument",
      `${what} has to be a name of 1 to ${bytes} bytes without NUL, got ${JSON.stringify(name)}`,
    );
  return `"${name.replaceAll('"', '""')}"`;
}
