import type { WorkerEntry } from "../engine/registry.ts";
import type { ConnectionSettings } from "../redis/connection-settings.ts";
import type { WorkedPart } from "./part-runners.ts";

/** The data of one worker that the heartbeat thread needs. */
export interface HeartbeatData {
  table: SharedArrayBuffer;
  redis: ConnectionSettings;
  prefix: string;
  /** The parts of the queues of the worker, by their index in the lease table. */
  parts: readonly WorkedPart[];
  leaseMs: number;
  maxRetries: number;
  /** Its entry in the registry. What changes while it runs is in the table. */
  worker: Omit<WorkerEntry, "busy" | "slots" | "state" | "heartbeatAt">;
}

/** To the thread. `member` numbers the workers of the process. */
export type ToThread =
  | { kind: "add"; member: number; data: HeartbeatData }
  | { kind: "parts"; member: number; parts: readonly WorkedPart[] }
  /** Writes its last line into the registry, and answers with `removed`. */
  | { kind: "remove"; member: number };

/** A message from the thread about one worker. It names a lease by index and version, because another lease may use the entry now. */
export type MemberMessage =
  | { kind: "lease"; what: "lost" | "cancelled"; leases: { index: number; version: number }[] }
  /** It is connected, and beats from now on. */
  | { kind: "ready" }
  | { kind: "renewed"; count: number }
  /** The registry has it, and said whether to drain. */
  | { kind: "registered"; draining: boolean }
  | { kind: "error"; code: string; message: string }
  /** It cannot be done for this worker. */
  | { kind: "failed"; message: string }
  | { kind: "removed" };

export type FromThread = { kind: "up" } | { kind: "about"; member: number; message: MemberMessage };
