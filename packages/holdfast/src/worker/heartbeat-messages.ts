import type { WorkerEntry } from "../engine/registry.ts";
import type { ConnectionSettings } from "../redis/connection-settings.ts";
import type { WorkedPart } from "./part-runners.ts";

/** The data of one worker that the heartbeat thread needs. */
export interface HeartbeatData {
  table: SharedArrayBuffer;
  redis: ConnectionSettings;
  prefix: string;
  /** The parts on which the worker works, by their index in the lease table. */
  parts: readonly WorkedPart[];
  leaseMs: number;
  maxRetries: number;
  /** The entry of the worker in the registry. The fields that change while it runs are in the table. */
  worker: Omit<WorkerEntry, "busy" | "slots" | "state" | "heartbeatAt">;
}

/** A message to the thread. `member` is the number of the worker in the process. */
export type ToThread =
  | { kind: "add"; member: number; data: HeartbeatData }
  | { kind: "parts"; member: number; parts: readonly WorkedPart[]; queues: readonly string[] }
  /** Tells the thread to write the last entry of a worker into the registry, and to answer with `removed`. */
  | { kind: "remove"; member: number };

/**
 * A message from the thread about one worker. It names a lease by index and version, because the table entry may have
 * another lease now.
 */
export type MemberMessage =
  | { kind: "lease"; what: "lost" | "cancelled"; leases: { index: number; version: number }[] }
  /** The thread is connected, and beats for the worker from now on. */
  | { kind: "ready" }
  | { kind: "renewed"; count: number }
  /**
   * The registry of workers has an entry of this worker now. `draining`: whether an operator told the worker to drain.
   */
  | { kind: "registered"; draining: boolean }
  | { kind: "error"; code: string; message: string }
  /** The thread cannot send heartbeats for this worker. */
  | { kind: "failed"; message: string }
  | { kind: "removed" };

export type FromThread = { kind: "up" } | { kind: "about"; member: number; message: MemberMessage };
