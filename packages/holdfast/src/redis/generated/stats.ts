// Made from lua/stats.lua by scripts/generate-bindings.mjs. Do not edit.
import type { Script } from "../script.ts";

export interface StatsArgs {
  /** 0 for Redis time */
  clockMs: number;
}

/** stats: counts of one queue at one moment. Returns {now, counters, accepted, settings, lengths in the order of KEYS without tasks and state, oldest envelope header per band}. */
export const statsScript: Script<StatsArgs> = {
  name: "stats",
  sha1: "747d75f6e14b29ee10966be1cbf9aead2e67d0db",
  keyCount: 12,
  argv: (k, a) => [k.pendingHigh, k.pending, k.pendingLow, k.pendingSolo, k.tasks, k.state, k.processing, k.scheduled, k.deadLetters, k.completed, k.cancelled, k.expired, a.clockMs],
  source: "#!lua flags=no-writes\nlocal pendingHighKey = KEYS[1]\nlocal pendingKey = KEYS[2]\nlocal pendingLowKey = KEYS[3]\nlocal pendingSoloKey = KEYS[4]\nlocal tasksKey = KEYS[5]\nlocal stateKey = KEYS[6]\nlocal processingKey = KEYS[7]\nlocal scheduledKey = KEYS[8]\nlocal deadLettersKey = KEYS[9]\nlocal completedKey = KEYS[10]\nlocal cancelledKey = KEYS[11]\nlocal expiredKey = KEYS[12]\nlocal clockMs = tonumber(ARGV[1])\nlocal now = clockMs\nif now == 0 then\nlocal time = redis.call('TIME')\nnow = time[1] * 1000 + math.floor(time[2] / 1000)\nend\nlocal nowText = string.format('%.0f', now)\nlocal PENDING, SCHEDULED, PROCESSING, COMPLETED, DEAD, CANCELLED, EXPIRED, PURGED = 1, 2, 3, 4, 5, 6, 7, 8\nlocal TOMBSTONES = 9\nlocal GRANTS = 10\nlocal ACKED_TOTAL, FAILED_TOTAL, RETRIED_TOTAL, CRASHED_TOTAL, RELEASED_TOTAL = 11, 12, 13, 14, 15\nlocal DEAD_TOTAL, REPLAYED_TOTAL, PROMOTED_TOTAL, CANCELLED_TOTAL, EXPIRED_TOTAL, STALE_TOTAL = 16, 17, 18, 19, 20, 21\nlocal COUNTERS_FORMAT = '>' .. string.rep('d', 21)\nlocal function unpackCounters(raw)\nif not raw then\nreturn { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }\nend\nreturn { struct.unpack(COUNTERS_FORMAT, raw) }\nend\nlocal function unpackAccepted(raw)\nif not raw then\nreturn 0, 0, 0\nend\nreturn struct.unpack('>ddd', raw)\nend\nlocal lengths = {\nredis.call('LLEN', pendingHighKey), redis.call('LLEN', pendingKey), redis.call('LLEN', pendingLowKey), redis.call('LLEN', pendingSoloKey),\nredis.call('ZCARD', processingKey), redis.call('ZCARD', scheduledKey), redis.call('ZCARD', deadLettersKey),\nredis.call('LLEN', completedKey), redis.call('LLEN', cancelledKey), redis.call('LLEN', expiredKey),\n}\nlocal oldest = {}\nfor i, key in ipairs({ pendingHighKey, pendingKey, pendingLowKey, pendingSoloKey }) do\nlocal id = redis.call('LINDEX', key, 0)\nlocal envelope = id and redis.call('HGET', tasksKey, id)\noldest[i] = envelope and string.match(envelope, '^[^\\n]*') or ''\nend\nlocal fields = redis.call('HMGET', stateKey, '#counters', '#settings')\nreturn { now, unpackCounters(fields[1]), { unpackAccepted(redis.call('HGET', tasksKey, '#in')) }, fields[2] or '', lengths, oldest }\n",
};
