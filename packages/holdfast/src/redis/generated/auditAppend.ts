// Made from lua/audit_append.lua by scripts/generate-bindings.mjs. Do not edit.
import type { SystemKeys } from "../keys.ts";
import type { Script } from "../script.ts";

export interface AuditAppendArgs {
  /** kept at least; a little more while Redis trims whole nodes */
  maxKept: number;
  /** JSON; never read here */
  record: string;
}

/** audit_append: keep a record of what an operator did; the oldest go beyond the bound. Returns the id of the entry. */
export const auditAppendScript: Script<AuditAppendArgs, SystemKeys> = {
  name: "auditAppend",
  sha1: "683447092bc157e95909f67c50b98de089e23426",
  keyCount: 1,
  argv: (k, a) => [k.audit, a.maxKept, a.record],
  source: "#!lua flags=allow-oom\nlocal maxKept = tonumber(ARGV[1])\nreturn redis.call('XADD', KEYS[1], 'MAXLEN', '~', maxKept, '*', 'record', ARGV[2])\n",
};
