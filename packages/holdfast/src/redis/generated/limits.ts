// Made from lua/operators/limits.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface LimitsArgs {
  /** 0 for Redis time */
  clockMs: number;
  /** the lines of lib/accounts.lua, "" for no limits; shares, and holds of types, stay as they are */
  lines: string;
}

/** limits: set the limits of a queue. The next acquire obeys them; `open_keys` finds the keys that may run now. Returns 1. */
export const limitsScript: Script<LimitsArgs> = {
  name: "limits",
  sha1: "7f6139c7c5536c3e6dab8ae480c35dc0279416cc",
  keyCount: 2,
  argv: (k, a) => [k.state, k.wake, a.clockMs, a.lines],
  source: "#!lua flags=allow-oom\nlocal clockMs = tonumber(ARGV[1])\nlocal lines = ARGV[2]\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal events\nlocal function readSettings(raw)\nif not raw then\nreturn { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }\nend\nlocal layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability =\nstring.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')\nif not layout or tonumber(layout) > 3 then\nreturn nil\nend\nlocal maxEvents, life\nif layout == '3' then\ndurability, maxEvents, life, layout = string.match(durability, '^(%S+) (%d+) (%d+) (%d)$')\ndurability = durability == 'memory' and '' or durability\nend\nreturn {\nlayout = tonumber(layout),\nmaxEvents = tonumber(maxEvents),\nlife = life,\npaused = paused == '1',\nmaxWaiting = tonumber(maxWaiting),\nretentionMs = tonumber(retentionMs),\nretentionCount = tonumber(retentionCount),\nidempotencyMs = tonumber(idempotencyMs),\nreason = reason,\ndurability = durability,\n}\nend\nlocal function writeSettings(s)\nlocal tail = s.durability ~= '' and ' ' .. s.durability or ''\nif s.maxEvents then\ntail = string.format(' %s %.0f %s %d', s.durability ~= '' and s.durability or 'memory', s.maxEvents, s.life, s.layout)\nend\nreturn string.format('%d %d %.0f %.0f %.0f %.0f %s', s.maxEvents and 3 or s.layout, s.paused and 1 or 0, s.maxWaiting, s.retentionMs,\ns.retentionCount, s.idempotencyMs, s.reason) .. tail\nend\nlocal function layoutError()\nreturn redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')\nend\nlocal function withShares(lines, text, except)\nlocal all = { lines ~= '' and lines or nil }\nfor line, name in string.gmatch('\\n' .. (text or ''), '\\n(share (%S+) [^\\n]+)') do\nall[#all + 1] = name ~= except and line or nil\nend\nreturn table.concat(all, '\\n')\nend\nlocal function wake()\nif redis.call('HDEL', KEYS[1], '#parked') == 1 then\nredis.call('SPUBLISH', KEYS[2], '')\nend\nend\nlocal fields = redis.call('HMGET', KEYS[1], '#settings', '#limits')\nlocal settings = readSettings(fields[1])\nif not settings then\nreturn layoutError()\nend\nfor name in string.gmatch('\\n' .. (fields[2] or ''), '\\ntype (%S+)') do\nlocal isGone = not string.find('\\n' .. lines, '\\ntype ' .. name .. ' ', 1, true)\nlocal heldUntil = isGone and string.match(redis.call('HGET', KEYS[1], '@ /' .. name) or '', '^%S+ %S+ %S+ (%d+)')\nif heldUntil and tonumber(heldUntil) > now then\nlines = lines .. (lines == '' and '' or '\\n') .. 'type ' .. name .. ' - - 0 0 1'\nend\nend\nsettings.layout = 2\nredis.call('HSET', KEYS[1], '#settings', writeSettings(settings), '#limits', withShares(lines, fields[2]), '#opening', '')\nwake()\nreturn 1\n",
};
