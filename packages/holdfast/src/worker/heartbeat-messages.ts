import type { WorkerEntry } from "../engine/registry.ts";
import type { ConnectionSettings } from "../redis/connection-settings.ts";
import type { WorkedPart } from "./part-runners.ts";

/** What the heartbeat thread has to know about one worker. */
export interface HeartbeatData {
  table: SharedArrayBuffer;
  redis: ConnectionSettings;
  prefix: string;
  /** The queues and partitions of the worker, by their index in the lease table. */
  parts: readonly WorkedPart[];
  leaseMs: number;
  maxRetries: number;
  /** The entry in the registry, without the fields that change, which the thread reads from the lease table. */
  worker: Omit<WorkerEntry, "busy" | "slots" | "state" | "heartbeatAt">;
}

/** A message to the heartbeat thread. `member` is the number of the worker in this process. */
export type ToThread =
  | { kind: "add"; member: number; data: HeartbeatData }
  | { kind: "parts"; member: number; parts: readonly WorkedPart[]; queues: readonly string[] }
  /** Asks the thread to write the final entry of a worker into the registry. The thread answers with `removed`. */
  | { kind: "remove"; member: number };

/**
 * A message of the heartbeat thread to one worker. A lease is named by its index in the lease table and by a version,
 * because the index may already have been reused for another lease.
 */
export type MemberMessage =
  | { kind: "lease"; what: "lost" | "cancelled"; leases: { index: number; version: number }[] }
  /** The thread is connected, and renews the leases of the worker from now on. */
  | { kind: "ready" }
  | { kind: "renewed"; count: number }
  /** The registry has a new entry of the worker. `draining`: an operator told it to acquire no more tasks. */
  | { kind: "registered"; draining: boolean }
  | { kind: "error"; code: string; message: string }
  /** The thread cannot renew leases of this worker. */
  | { kind: "failed"; message: string }
  | { kind: "removed" };

export type FromThread = { kind: "up" } | { kind: "about"; member: number; message: MemberMessage };
