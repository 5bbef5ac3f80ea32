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
  sha1: "cb409c063ed4bdb50c39d3a22f8d5a9e42f90554",
  keyCount: 2,
  argv: (k, a) => [k.state, k.wake, a.clockMs, a.paused, a.reason, a.by],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal paused = tonumber(ARGV[2])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal events\nlocal ends\nlocal function writeSettings(s)\nlocal tail = s.durability ~= '' and ' ' .. s.durability or ''\nif s.hasFlows or s.maxEvents then\ntail = string.format(' %s %.0f %s %d', s.durability ~= '' and s.durability or 'memory', s.maxEvents or 0, s.maxEvents and s.life or '0', s.layout)\nend\nreturn string.format('%d %d %.0f %.0f %.0f %.0f %s', s.hasFlows and 4 or s.maxEvents and 3 or s.layout, s.paused and 1 or 0, s.maxWaiting, s.retentionMs, s.retentionCount, s.idempotencyMs, s.reason) .. tail\nend\nlocal settings\ndo\nlocal raw = redis.call('HGET', KEYS[1], '#settings')\nif not raw then\nsettings = { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nelse\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability = string.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 4 then\nsettings = nil\nelse\nlocal maxEvents, life\nlocal hasFlows = layout == '4'\nif hasFlows or layout == '3' then\ndurability, maxEvents, life, layout = string.match(durability, '^(%S+) (%d+) (%d+) (%d)$')\ndurability = durability == 'memory' and '' or durability\nmaxEvents = maxEvents ~= '0' and maxEvents or nil\nend\nlocal settings_2 = { layout = tonumber(layout), maxEvents = tonumber(maxEvents), life = life, paused = paused == '1', maxWaiting = tonumber(maxWaiting), retentionMs = tonumber(retentionMs), retentionCount = tonumber(retentionCount), idempotencyMs = tonumber(idempotencyMs), reason = reason, durability = durability }\nif hasFlows then\nsettings_2.hasFlows = true\nend\nsettings = settings_2\nend\nend\nend\nif not settings then\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nsettings.paused = paused == 1\nsettings.reason = paused == 1 and table.concat({ ARGV[3], nowText, ARGV[4] }, ',') or ''\nredis.call('HSET', KEYS[1], '#settings', writeSettings(settings))\nif paused == 0 then\ndo\nif redis.call('HDEL', KEYS[1], '#parked') == 1 then\nredis.call('SPUBLISH', KEYS[2], '')\nend\nend\nend\nreturn 1\n",
};
