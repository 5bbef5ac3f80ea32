// Made from lua/operators/open.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface OpenArgs {
  /** new for each call, not "1" */
  nonce: string;
  /** the text that the first call returned; "" to ask */
  confirmed: string;
}

/** open: ask whether the queue is registered, or confirm that it is. Enqueues are refused until it is confirmed. Returns "1" if the queue is registered; "" if it was deleted meanwhile; otherwise the text to confirm. */
export const openScript: Script<OpenArgs> = {
  name: "open",
  sha1: "b069c5d105cc5f9035f60d49c52bb821e22b418a",
  keyCount: 1,
  argv: (k, a) => [k.state, a.nonce, a.confirmed],
  source: "#!lua flags=allow-oom\nlocal events\nlocal ends\nlocal function readSettings(raw)\nif not raw then\nreturn { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nend\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability =\nstring.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 4 then\nreturn nil\nend\nlocal maxEvents, life\nlocal hasFlows = layout == '4'\nif hasFlows or layout == '3' then\ndurability, maxEvents, life, layout = string.match(durability, '^(%S+) (%d+) (%d+) (%d)$')\ndurability = durability == 'memory' and '' or durability\nmaxEvents = maxEvents ~= '0' and maxEvents or nil\nend\nlocal settings = {\nlayout = tonumber(layout),\nmaxEvents = tonumber(maxEvents),\nlife = life,\npaused = paused == '1',\nmaxWaiting = tonumber(maxWaiting),\nretentionMs = tonumber(retentionMs),\nretentionCount = tonumber(retentionCount),\nidempotencyMs = tonumber(idempotencyMs),\nreason = reason,\ndurability = durability,\n}\nif hasFlows then -- only then, because a larger table costs every call\nsettings.hasFlows = true\nend\nreturn settings\nend\nlocal function layoutError()\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal fields = redis.call('HMGET', KEYS[1], '#registered', '#settings')\nif not readSettings(fields[2]) then\nreturn layoutError()\nend\nlocal registered = fields[1] or ''\nif registered == '1' then\nreturn '1'\nend\nif ARGV[2] == '' then\nif registered == '' then\nredis.call('HSET', KEYS[1], '#registered', ARGV[1])\nreturn ARGV[1]\nend\nreturn registered\nend\nif registered == ARGV[2] then\nredis.call('HSET', KEYS[1], '#registered', '1')\nreturn '1'\nend\nreturn ''\n",
};
