import type { WorkerRecord } from "../engine/registry.ts";
import type { ConnectionSettings } from "../redis/connection.ts";

export interface HeartbeatData {
  table: SharedArrayBuffer;
  redis: ConnectionSettings;
  prefix: string;
  queues: string[];
  leaseMs: number;
  maxRetries: number;
  worker: WorkerRecord;
}

/** From the thread. A lease is named by slot and version: the slot may have been claimed again. */
export type HeartbeatMessage =
  | { kind: "lease"; what: "lost" | "cancelled"; leases: { index: number; version: number }[] }
  /** It is connected, and beats from now on. */
  | { kind: "ready" }
  | { kind: "renewed"; count: number }
  /** The registry has it, and said whether to drain. */
  | { kind: "registered"; draining: boolean }
  | { kind: "error"; code: string; message: string }
  | { kind: "stopped" };
