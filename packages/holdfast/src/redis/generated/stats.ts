// Made from lua/stats.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface StatsArgs {
  /** 0 for Redis time */
  clockMs: number;
}

/** stats: counts of one queue at one moment. Returns {now, counters, accepted, settings, lengths in the order of KEYS without tasks and state, oldest envelope header per band and line}. */
export const statsScript: Script<StatsArgs> = {
  name: "stats",
  sha1: "7e7c9e982020a723c537ba1870f52cc8da78e527",
  keyCount: 13,
  argv: (k, a) => [k.pendingHigh, k.pending, k.pendingLow, k.pendingSolo, k.pendingTyped, k.tasks, k.state, k.processing, k.scheduled, k.deadLetters, k.completed, k.cancelled, k.expired, a.clockMs],
  source: "#!lua flags=no-writes\nlocal clockMs = tonumber(ARGV[1])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal function unpackCounters(raw)\nif not raw then\nreturn { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }\nend\nreturn { struct.unpack('>ddddddddddddddddddddd', raw) }\nend\nlocal function unpackAccepted(raw)\nif not raw then\nreturn 0, 0, 0\nend\nreturn struct.unpack('>ddd', raw)\nend\nlocal typed = redis.call('ZCARD', KEYS[5])\nlocal function typedIn(code)\nreturn typed > 0 and redis.call('ZLEXCOUNT', KEYS[5], '[' .. code .. ' ', '(' .. code .. '!') or 0\nend\nlocal lengths = {\nredis.call('LLEN', KEYS[1]) + typedIn('1'), redis.call('LLEN', KEYS[2]) + typedIn('2'),\nredis.call('LLEN', KEYS[3]) + typedIn('3'), redis.call('LLEN', KEYS[4]) + typedIn('0'), typed,\nredis.call('ZCARD', KEYS[8]), redis.call('ZCARD', KEYS[9]), redis.call('ZCARD', KEYS[10]),\nredis.call('LLEN', KEYS[11]), redis.call('LLEN', KEYS[12]), redis.call('LLEN', KEYS[13]),\n}\nlocal function headerOf(id)\nlocal envelope = id and redis.call('HGET', KEYS[6], id)\nreturn envelope and string.match(envelope, '^[^\\n]*') or ''\nend\nlocal oldest = {}\nfor i, key in ipairs({ KEYS[1], KEYS[2], KEYS[3], KEYS[4] }) do\noldest[i] = headerOf(redis.call('LINDEX', key, 0))\nend\nlocal line = '-'\nfor i = 5, typed > 0 and 24 or 0 do\nlocal member = redis.call('ZRANGEBYLEX', KEYS[5], line, '+', 'LIMIT', 0, 1)[1]\nif not member then\nbreak\nend\noldest[i] = headerOf(string.match(member, '%S+$'))\nline = '[' .. string.match(member, '^%S+ %S+') .. '!'\nend\nlocal fields = redis.call('HMGET', KEYS[7], '#counters', '#settings')\nreturn { now, unpackCounters(fields[1]), { unpackAccepted(redis.call('HGET', KEYS[6], '#in')) }, fields[2] or '', lengths, oldest }\n",
};
