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
  sha1: "27944cbab601e75bd36675378dc1e7220a421aa2",
  keyCount: 1,
  argv: (k, a) => [k.state, a.nonce, a.confirmed],
  source: "#!lua flags=allow-oom\nlocal events\nlocal ends\nlocal fields = redis.call('HMGET', KEYS[1], '#registered', '#settings')\nlocal readSettings\ndo\nlocal raw = fields[2]\nif not raw then\nreadSettings = { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nelse\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability = string.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 4 then\nreadSettings = nil\nelse\nlocal maxEvents, life\nlocal hasFlows = layout == '4'\nif hasFlows or layout == '3' then\ndurability, maxEvents, life, layout = string.match(durability, '^(%S+) (%d+) (%d+) (%d)$')\ndurability = durability == 'memory' and '' or durability\nmaxEvents = maxEvents ~= '0' and maxEvents or nil\nend\nlocal settings = { layout = tonumber(layout), maxEvents = tonumber(maxEvents), life = life, paused = paused == '1', maxWaiting = tonumber(maxWaiting), retentionMs = tonumber(retentionMs), retentionCount = tonumber(retentionCount), idempotencyMs = tonumber(idempotencyMs), reason = reason, durability = durability }\nif hasFlows then\nsettings.hasFlows = true\nend\nreadSettings = settings\nend\nend\nend\nif not readSettings then\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal registered = fields[1] or ''\nif registered == '1' then\nreturn '1'\nend\nif ARGV[2] == '' then\nif registered == '' then\nredis.call('HSET', KEYS[1], '#registered', ARGV[1])\nreturn ARGV[1]\nend\nreturn registered\nend\nif registered == ARGV[2] then\nredis.call('HSET', KEYS[1], '#registered', '1')\nreturn '1'\nend\nreturn ''\n",
};
