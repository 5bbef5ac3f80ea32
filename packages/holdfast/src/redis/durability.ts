import type { Durability } from "@holdfast/contracts";
import { parseInfo } from "./checks.ts";
import type { Connection } from "./connection.ts";

/** The command with which Redis confirms a write; null if its configuration already guarantees the durability. */
export type WaitCommand = ["WAIT" | "WAITAOF", ...number[]] | null;

export type Capability = { command: WaitCommand } | { refusal: string };

export interface DurabilityWish {
  durability: Exclude<Durability, "memory">;
  /** How many replicas have to confirm the write; 0 with "fsynced". */
  replicas: number;
}

/** WAITAOF exists since Redis 7.2. Valkey says that it is Redis 7.2.4. */
function hasWaitAof(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > 7 || (major === 7 && minor >= 2);
}

/** Counts the replicas that are in sync. INFO has a line for each: `slave0:ip=…,port=…,state=online,…`. */
function onlineReplicas(fields: Map<string, string>): number {
  let online = 0;
  for (const [name, value] of fields) if (/^slave\d+$/.test(name) && /state=online/.test(value)) online++;
  return online;
}

/**
 * Returns how a server can give a durability, or why it cannot, from its INFO.
 * @param config appendfsync and no-appendfsync-on-rewrite; null if the server does not show them
 */
export function capabilityOf(
  info: string,
  config: ReadonlyMap<string, string> | null,
  wish: DurabilityWish,
  timeoutMs: number,
): Capability {
  const fields = parseInfo(info);
  if (wish.durability === "replicated") {
    const online = onlineReplicas(fields);
    if (online < wish.replicas) {
      return { refusal: `Redis has ${online} connected replicas, and ${wish.replicas} have to confirm` };
    }
    return { command: ["WAIT", wish.replicas, timeoutMs] };
  }
  if (fields.get("aof_enabled") !== "1") {
    return { refusal: "Redis keeps no append-only file (set appendonly yes)" };
  }
  if (hasWaitAof(fields.get("redis_version") ?? "0")) return { command: ["WAITAOF", 1, 0, timeoutMs] };
  if (config === null) {
    return {
      refusal:
        "Redis before 7.2 has no WAITAOF, and this Redis does not show its appendfsync (CONFIG is forbidden)",
    };
  }
  if (config.get("appendfsync") !== "always" || config.get("no-appendfsync-on-rewrite") === "yes") {
    return {
      refusal:
        "Redis before 7.2 has no WAITAOF: it needs appendfsync always and no-appendfsync-on-rewrite no in its configuration",
    };
  }
  return { command: null };
}

/** Asks the node that has `key`. Reads the configuration only if INFO is not enough: the user may lack the right. */
export async function readCapability(
  connection: Connection,
  key: string,
  wish: DurabilityWish,
  timeoutMs: number,
): Promise<Capability> {
  const [, info] = await connection.together([["EXISTS", key], ["INFO"]]);
  if (typeof info !== "string") throw info;
  const fields = parseInfo(info);
  const told = wish.durability === "replicated" || fields.get("aof_enabled") !== "1";
  if (told || hasWaitAof(fields.get("redis_version") ?? "0"))
    return capabilityOf(info, null, wish, timeoutMs);
  const [, ...answers] = await connection.together([
    ["EXISTS", key],
    ["CONFIG", "GET", "appendfsync"],
    ["CONFIG", "GET", "no-appendfsync-on-rewrite"],
  ]);
  const config = new Map<string, string>();
  const pairs = answers.flat();
  for (let i = 0; i + 1 < pairs.length; i += 2) config.set(String(pairs[i]), String(pairs[i + 1]));
  return capabilityOf(info, config.has("appendfsync") ? config : null, wish, timeoutMs);
}

/** Returns the number of confirmations in a reply. WAIT counts replicas; WAITAOF also counts the disk of the server. */
export function confirmedBy(command: WaitCommand, answer: unknown): number {
  if (command?.[0] === "WAITAOF") return Array.isArray(answer) ? Number(answer[0]) : 0;
  return Number(answer);
}
