import { HoldfastError } from "@holdfast/contracts";

export interface CheckResult {
  redisVersion: string;
  /** Settings of Redis that do not stop Holdfast from working, but that somebody should check. */
  warnings: string[];
}

/** Parses the answer of INFO. CONFIG is not used, because managed Redis services forbid it. */
export function parseInfo(info: string): Map<string, string> {
  const fields = new Map<string, string>();
  for (const line of info.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0 && !line.startsWith("#")) fields.set(line.slice(0, colon), line.slice(colon + 1));
  }
  return fields;
}

/**
 * Refuses a Redis that would lose tasks, or that lacks features which the scripts need.
 * @throws HoldfastError redis_unsupported
 */
export function checkInfo(info: string): CheckResult {
  const fields = parseInfo(info);
  const redisVersion = fields.get("redis_version") ?? "0";
  const [major = 0] = redisVersion.split(".").map(Number);
  if (major < 7) {
    throw new HoldfastError(
      "redis_unsupported",
      `Redis ${redisVersion} is too old: Holdfast needs Redis 7.0 or later, or Valkey 8`,
    );
  }
  const policy = fields.get("maxmemory_policy") ?? "noeviction";
  if (policy !== "noeviction") {
    throw new HoldfastError(
      "redis_unsupported",
      `Redis evicts keys (maxmemory-policy ${policy}), which loses tasks: set it to noeviction (redis-cli config set maxmemory-policy noeviction)`,
    );
  }
  const warnings: string[] = [];
  if (fields.get("aof_enabled") === "0") {
    warnings.push(
      "Redis keeps no append-only file: a crash loses all writes after the last snapshot (set appendonly yes)",
    );
  }
  if (fields.get("role") === "slave") warnings.push("this Redis is a replica and accepts no writes");
  return { redisVersion, warnings };
}
