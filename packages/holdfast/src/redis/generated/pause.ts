// Made from lua/operators/pause.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface PauseArgs {
  /** 0 for Redis time */
  clockMs: number;
  /** 1 pauses, 0 resumes */
  paused: number;
  /** percent-encoded, shown to operators */
  reason: string;
  /** percent-encoded, who pauses it */
  by: string;
}

/** pause: stop or resume the granting of tasks. Running tasks continue. Returns 1. */
export const pauseScript: Script<PauseArgs> = {
  name: "pause",
  sha1: "91b9498cf7479c47d727a9b40b5ead181567a80d",
  keyCount: 2,
  argv: (k, a) => [k.state, k.wake, a.clockMs, a.paused, a.reason, a.by],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal paused = tonumber(ARGV[2])\nlocal reason = ARGV[3]\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal events\nlocal ends\nlocal function readSettings(raw)\nif not raw then\nreturn { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nend\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability =\nstring.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 4 then\nreturn nil\nend\nlocal maxEvents, life\nlocal hasFlows = layout == '4'\nif hasFlows or layout == '3' then\ndurability, maxEvents, life, layout = string.match(durability, '^(%S+) (%d+) (%d+) (%d)$')\ndurability = durability == 'memory' and '' or durability\nmaxEvents = maxEvents ~= '0' and maxEvents or nil\nend\nlocal settings = {\nlayout = tonumber(layout),\nmaxEvents = tonumber(maxEvents),\nlife = life,\npaused = paused == '1',\nmaxWaiting = tonumber(maxWaiting),\nretentionMs = tonumber(retentionMs),\nretentionCount = tonumber(retentionCount),\nidempotencyMs = tonumber(idempotencyMs),\nreason = reason,\ndurability = durability,\n}\nif hasFlows then -- only then, because a larger table costs every call\nsettings.hasFlows = true\nend\nreturn settings\nend\nlocal function layoutError()\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal function writeSettings(s)\nlocal tail = s.durability ~= '' and ' ' .. s.durability or ''\nif s.hasFlows or s.maxEvents then\ntail = string.format(' %s %.0f %s %d', s.durability ~= '' and s.durability or 'memory', s.maxEvents or 0, s.maxEvents and s.life or '0', s.layout)\nend\nreturn string.format('%d %d %.0f %.0f %.0f %.0f %s', s.hasFlows and 4 or s.maxEvents and 3 or s.layout, s.paused and 1 or 0, s.maxWaiting, s.retentionMs,\ns.retentionCount, s.idempotencyMs, s.reason) .. tail\nend\nlocal function wake()\nif redis.call('HDEL', KEYS[1], '#parked') == 1 then\nredis.call('SPUBLISH', KEYS[2], '')\nend\nend\nlocal settings = readSettings(redis.call('HGET', KEYS[1], '#settings'))\nif not settings then\nreturn layoutError()\nend\nsettings.paused = paused == 1\nsettings.reason = paused == 1 and table.concat({ reason, nowText, ARGV[4] }, ',') or ''\nredis.call('HSET', KEYS[1], '#settings', writeSettings(settings))\nif paused == 0 then\nwake()\nend\nreturn 1\n",
};
