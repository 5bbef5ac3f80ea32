#!lua flags=no-writes
-- errors: read the errors of a queue, with their counters.
-- KEYS[1] errors  HASH  signature -> type and error of the first failure
-- KEYS[2] state  HASH  taskId -> state record, and the queue's own fields
-- RETURNS {now, dead letters, counters of the failures under no signature, signature, text, counters, mute, ...}
-- TIME    O(n), n = errors, at most 500
-- MOVES   nothing

-- include lib/queue.lua

local time = redis.call('TIME')
local own = redis.call('HMGET', stateKey, '#settings', '#counters', '#!other')
if not readSettings(own[1]) then
  return layoutError()
end
local reply = { time[1] * 1000 + math.floor(time[2] / 1000), unpackCounters(own[2])[DEAD], own[3] or '' }
local texts = redis.call('HGETALL', errorsKey)
for at = 1, #texts, 2 do
  local signature, counts = texts[at], redis.call('HMGET', stateKey, '#!' .. texts[at], '#mute:' .. texts[at])
  -- An aborted call may have stored a text without counters.
  if counts[1] then
    local size = #reply
    reply[size + 1], reply[size + 2], reply[size + 3], reply[size + 4] = signature, texts[at + 1], counts[1], counts[2] or ''
  end
end
return reply
