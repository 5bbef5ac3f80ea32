// Made from lua/stats.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface StatsArgs {
  /** 0 for Redis time */
  clockMs: number;
}

/** stats: counts of one queue at one moment. Returns {now, counters, accepted, settings, lengths in the order of KEYS without tasks and state, oldest envelope header per band}. */
export const statsScript: Script<StatsArgs> = {
  name: "stats",
  sha1: "311dec011193a0bd8e7d4e9622f8fc646ee218f7",
  keyCount: 12,
  argv: (k, a) => [k.pendingHigh, k.pending, k.pendingLow, k.pendingSolo, k.tasks, k.state, k.processing, k.scheduled, k.deadLetters, k.completed, k.cancelled, k.expired, a.clockMs],
  source: "#!lua flags=no-writes\nlocal clockMs = tonumber(ARGV[1])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%d', now)\nlocal function unpackCounters(raw)\nif not raw then\nreturn { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }\nend\nreturn { struct.unpack('>ddddddddddddddddddddd', raw) }\nend\nlocal function unpackAccepted(raw)\nif not raw then\nreturn 0, 0, 0\nend\nreturn struct.unpack('>ddd', raw)\nend\nlocal lengths = {\nredis.call('LLEN', KEYS[1]), redis.call('LLEN', KEYS[2]), redis.call('LLEN', KEYS[3]), redis.call('LLEN', KEYS[4]),\nredis.call('ZCARD', KEYS[7]), redis.call('ZCARD', KEYS[8]), redis.call('ZCARD', KEYS[9]),\nredis.call('LLEN', KEYS[10]), redis.call('LLEN', KEYS[11]), redis.call('LLEN', KEYS[12]),\n}\nlocal oldest = {}\nfor i, key in ipairs({ KEYS[1], KEYS[2], KEYS[3], KEYS[4] }) do\nlocal id = redis.call('LINDEX', key, 0)\nlocal envelope = id and redis.call('HGET', KEYS[5], id)\noldest[i] = envelope and string.match(envelope, '^[^\\n]*') or ''\nend\nlocal fields = redis.call('HMGET', KEYS[6], '#counters', '#settings')\nreturn { now, unpackCounters(fields[1]), { unpackAccepted(redis.call('HGET', KEYS[5], '#in')) }, fields[2] or '', lengths, oldest }\n",
};
