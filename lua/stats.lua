#!lua flags=no-writes
-- stats: counts of one queue at one moment.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  taskIds that crashed their workers twice
-- KEYS[5] tasks  HASH  taskId -> envelope, and what was accepted
-- KEYS[6] state  HASH  the queue's own fields
-- KEYS[7] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[8] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[9] dead_letters  ZSET  taskId -> when, ms since the epoch
-- KEYS[10] completed  LIST  taskIds, newest first
-- KEYS[11] cancelled  LIST  taskIds, newest first
-- KEYS[12] expired  LIST  taskIds, newest first
-- ARGV[1] clockMs  integer  0 for Redis time
-- RETURNS {now, counters, accepted, settings, lengths in the order of KEYS without tasks and state, oldest envelope header per band}
-- TIME    O(1)
-- MOVES   nothing

-- include lib/clock.lua
-- include lib/counters.lua

local lengths = {
  redis.call('LLEN', pendingHighKey), redis.call('LLEN', pendingKey), redis.call('LLEN', pendingLowKey), redis.call('LLEN', pendingSoloKey),
  redis.call('ZCARD', processingKey), redis.call('ZCARD', scheduledKey), redis.call('ZCARD', deadLettersKey),
  redis.call('LLEN', completedKey), redis.call('LLEN', cancelledKey), redis.call('LLEN', expiredKey),
}
local oldest = {}
for i, key in ipairs({ pendingHighKey, pendingKey, pendingLowKey, pendingSoloKey }) do
  local id = redis.call('LINDEX', key, 0)
  local envelope = id and redis.call('HGET', tasksKey, id)
  oldest[i] = envelope and string.match(envelope, '^[^\n]*') or ''
end
local fields = redis.call('HMGET', stateKey, '#counters', '#settings')
return { now, unpackCounters(fields[1]), { unpackAccepted(redis.call('HGET', tasksKey, '#in')) }, fields[2] or '', lengths, oldest }
