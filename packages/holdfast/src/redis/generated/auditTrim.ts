// Made from lua/operators/audit_trim.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface AuditTrimArgs {
  maxKept: number;
}

/** audit_trim: remove the oldest records of the audit log beyond maxKept. Returns how many were removed, at most 10,000. */
export const auditTrimScript: Script<AuditTrimArgs, SystemKeys> = {
  name: "auditTrim",
  sha1: "e5a8275eb7d4e1c984cde59f134a62b0053ddd8e",
  keyCount: 2,
  argv: (k, a) => [k.auditLog, k.auditDropped, a.maxKept],
  source: "#!lua flags=allow-oom\nlocal maxKept = tonumber(ARGV[1])\nlocal excess = math.min(10000, redis.call('LLEN', KEYS[1]) - maxKept)\nif excess <= 0 then\nreturn 0\nend\nredis.call('LTRIM', KEYS[1], excess, -1)\nredis.call('INCRBY', KEYS[2], excess)\nreturn excess\n",
};
