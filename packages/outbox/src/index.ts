/** The public names of this package (docs/outbox.md). */
export type { OutboxReport } from "./check.ts";
export type {
  PostgresClient,
  PostgresPool,
  PostgresTransaction,
  SqliteDatabase,
  SqliteStatement,
} from "./drivers.ts";
export {
  type CheckOptions,
  Outbox,
  type OutboxOptions,
  type OutboxReceipt,
  type OutboxTask,
  type OutboxTaskOptions,
} from "./outbox.ts";
export { OutboxRelay, type OutboxRelayEvents, type OutboxRelayOptions, type RelayedEvent } from "./relay.ts";
export type { RefusedRow, SentRow } from "./table.ts";
