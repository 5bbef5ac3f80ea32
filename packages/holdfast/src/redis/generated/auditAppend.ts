// Made from lua/operators/audit_append.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface AuditAppendArgs {
  /** 0 for Redis time */
  clockMs: number;
  /** JSON; this script does not read it */
  record: string;
}

/** audit_append: store a record of what an operator did. Only audit_trim removes records. Returns how many records there are. */
export const auditAppendScript: Script<AuditAppendArgs, SystemKeys> = {
  name: "auditAppend",
  sha1: "521e5cc1962f12185fa6e5e2fa05943b6e5291c5",
  keyCount: 1,
  argv: (k, a) => [k.auditLog, a.clockMs, a.record],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nreturn redis.call('RPUSH', KEYS[1], nowText .. ' ' .. ARGV[2])\n",
};
