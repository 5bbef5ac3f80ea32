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
  sha1: "408598c1ee775d756fbdc013190a7676d4e879ad",
  keyCount: 1,
  argv: (k, a) => [k.audit, a.maxKept, a.record],
  source: "#!lua flags=allow-oom\nlocal auditKey = KEYS[1]\nlocal maxKept = tonumber(ARGV[1])\nlocal record = ARGV[2]\nreturn redis.call('XADD', auditKey, 'MAXLEN', '~', maxKept, '*', 'record', record)\n",
};
