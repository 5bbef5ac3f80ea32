// Made from lua/operators/limits.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface LimitsArgs {
  /** the lines of lib/accounts.lua, "" for no limits */
  lines: string;
}

/** limits: set the limits of a queue. The next acquire obeys them; `open_keys` looks for the keys that may run now. Returns 1. */
export const limitsScript: Script<LimitsArgs> = {
  name: "limits",
  sha1: "58710fc0c8fdc99ec0b4a76701742dca635ebd74",
  keyCount: 2,
  argv: (k, a) => [k.state, k.wake, a.lines],
  source: "#!lua flags=allow-oom\nlocal function readSettings(raw)\nif not raw then\nreturn { paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nend\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability =\nstring.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 1 then\nreturn nil\nend\nreturn {\npaused = paused == '1',\nmaxWaiting = tonumber(maxWaiting),\nretentionMs = tonumber(retentionMs),\nretentionCount = tonumber(retentionCount),\nidempotencyMs = tonumber(idempotencyMs),\nreason = reason,\ndurability = durability,\n}\nend\nlocal function layoutError()\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal function wake()\nif redis.call('HDEL', KEYS[1], '#parked') == 1 then\nredis.call('SPUBLISH', KEYS[2], '')\nend\nend\nif not readSettings(redis.call('HGET', KEYS[1], '#settings')) then\nreturn layoutError()\nend\nredis.call('HSET', KEYS[1], '#limits', ARGV[1], '#opening', '')\nwake()\nreturn 1\n",
};
