// Made from lua/operators/configure.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface ConfigureArgs {
  /** 0 for Redis time */
  clockMs: number;
  /** 0 for no cap */
  maxWaiting: number;
  retentionMs: number;
  retentionCount: number;
  idempotencyMs: number;
  /** memory, fsynced or replicated; "" leaves it as it is */
  durability: string;
  /** 0 for no cap */
  maxDead: number;
  /** 0 for no cap */
  maxDeadAgeMs: number;
  /** 0: the queue keeps no events, and removes those that it has */
  maxEvents: number;
}

/** configure: change settings of a queue. A value below 0 leaves the setting as it is. Returns {maxWaiting, retentionMs, retentionCount, idempotencyMs, durability, maxDead, maxDeadAgeMs, maxEvents}. */
export const configureScript: Script<ConfigureArgs> = {
  name: "configure",
  sha1: "ce4df491e2eb902ce255c0ba73dfb97482ff6bf7",
  keyCount: 3,
  argv: (k, a) => [k.state, k.events, k.wake, a.clockMs, a.maxWaiting, a.retentionMs, a.retentionCount, a.idempotencyMs, a.durability, a.maxDead, a.maxDeadAgeMs, a.maxEvents],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal maxWaiting = tonumber(ARGV[2])\nlocal retentionMs = tonumber(ARGV[3])\nlocal retentionCount = tonumber(ARGV[4])\nlocal idempotencyMs = tonumber(ARGV[5])\nlocal maxDead = tonumber(ARGV[7])\nlocal maxDeadAgeMs = tonumber(ARGV[8])\nlocal maxEvents = tonumber(ARGV[9])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal events\nlocal ends\nlocal function writeSettings(s)\nlocal tail = s.durability ~= '' and ' ' .. s.durability or ''\nif s.hasFlows or s.maxEvents then\ntail = string.format(' %s %.0f %s %d', s.durability ~= '' and s.durability or 'memory', s.maxEvents or 0, s.maxEvents and s.life or '0', s.layout)\nend\nreturn string.format('%d %d %.0f %.0f %.0f %.0f %s', s.hasFlows and 4 or s.maxEvents and 3 or s.layout, s.paused and 1 or 0, s.maxWaiting, s.retentionMs, s.retentionCount, s.idempotencyMs, s.reason) .. tail\nend\nlocal fields = redis.call('HMGET', KEYS[1], '#settings', '#dead_caps')\nlocal settings\ndo\nlocal raw = fields[1]\nif not raw then\nsettings = { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nelse\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability = string.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 4 then\nsettings = nil\nelse\nlocal maxEvents, life\nlocal hasFlows = layout == '4'\nif hasFlows or layout == '3' then\ndurability, maxEvents, life, layout = string.match(durability, '^(%S+) (%d+) (%d+) (%d)$')\ndurability = durability == 'memory' and '' or durability\nmaxEvents = maxEvents ~= '0' and maxEvents or nil\nend\nlocal settings_2 = { layout = tonumber(layout), maxEvents = tonumber(maxEvents), life = life, paused = paused == '1', maxWaiting = tonumber(maxWaiting), retentionMs = tonumber(retentionMs), retentionCount = tonumber(retentionCount), idempotencyMs = tonumber(idempotencyMs), reason = reason, durability = durability }\nif hasFlows then\nsettings_2.hasFlows = true\nend\nsettings = settings_2\nend\nend\nend\nif not settings then\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nfor name, value in pairs({ maxWaiting = maxWaiting, retentionMs = retentionMs, retentionCount = retentionCount, idempotencyMs = idempotencyMs }) do\nif value >= 0 then\nsettings[name] = value\nend\nend\nif ARGV[6] ~= '' then\nsettings.durability = ARGV[6] == 'memory' and '' or ARGV[6]\nend\nlocal endsEvents = maxEvents == 0 and settings.maxEvents\nif maxEvents == 0 then\nsettings.maxEvents = nil\nelseif maxEvents > 0 then\nsettings.life = settings.maxEvents and settings.life or nowText\nsettings.maxEvents = maxEvents\nend\nlocal commit = { '#settings', writeSettings(settings) }\nlocal dead, deadAgeMs\ndo\nlocal raw = fields[2]\nlocal maxDead, maxDeadAgeMs = string.match(raw or '', '^(%d+) (%d+)$')\ndead, deadAgeMs = tonumber(maxDead or 0), tonumber(maxDeadAgeMs or 0)\nend\nif maxDead >= 0 or maxDeadAgeMs >= 0 then\ndead, deadAgeMs = maxDead >= 0 and maxDead or dead, maxDeadAgeMs >= 0 and maxDeadAgeMs or deadAgeMs\ncommit[3], commit[4] = '#dead_caps', string.format('%.0f %.0f', dead, deadAgeMs)\nend\nredis.call('HSET', KEYS[1], unpack(commit))\nif endsEvents then\nredis.call('UNLINK', KEYS[2])\nredis.call('HDEL', KEYS[1], '#awaited')\nredis.call('SPUBLISH', KEYS[3] .. ':#events', '')\nend\nreturn { settings.maxWaiting, settings.retentionMs, settings.retentionCount, settings.idempotencyMs, settings.durability, dead, deadAgeMs, settings.maxEvents or 0 }\n",
};
