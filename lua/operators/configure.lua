#!lua flags=allow-oom
-- configure: change settings of a queue. A value below 0 leaves the setting as it is.
-- KEYS[1] state  HASH  the queue's own fields
-- KEYS[2] events  STREAM  entries of events (lib/events.lua)
-- KEYS[3] wake  CHANNEL
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] maxWaiting  integer  0 for no cap
-- ARGV[3] retentionMs  integer
-- ARGV[4] retentionCount  integer
-- ARGV[5] idempotencyMs  integer
-- ARGV[6] durability  string  memory, fsynced or replicated; "" leaves it as it is
-- ARGV[7] maxDead  integer  0 for no cap
-- ARGV[8] maxDeadAgeMs  integer  0 for no cap
-- ARGV[9] maxEvents  integer  0: the queue keeps no events, and removes those that it has
-- RETURNS {maxWaiting, retentionMs, retentionCount, idempotencyMs, durability, maxDead, maxDeadAgeMs, maxEvents}
-- TIME    O(1)
-- MOVES   nothing

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/settings.lua
-- include lib/dead_caps.lua

local fields = redis.call('HMGET', stateKey, '#settings', '#dead_caps')
local settings = readSettings(fields[1])
if not settings then
  return layoutError()
end
for name, value in pairs({ maxWaiting = maxWaiting, retentionMs = retentionMs, retentionCount = retentionCount, idempotencyMs = idempotencyMs }) do
  if value >= 0 then
    settings[name] = value
  end
end
if durability ~= '' then
  settings.durability = durability == 'memory' and '' or durability
end
local endsEvents = maxEvents == 0 and settings.maxEvents
if maxEvents == 0 then
  settings.maxEvents = nil
elseif maxEvents > 0 then
  settings.life = settings.maxEvents and settings.life or nowText
  settings.maxEvents = maxEvents
end
local commit = { '#settings', writeSettings(settings) }
local dead, deadAgeMs = readDeadCaps(fields[2])
if maxDead >= 0 or maxDeadAgeMs >= 0 then
  dead, deadAgeMs = maxDead >= 0 and maxDead or dead, maxDeadAgeMs >= 0 and maxDeadAgeMs or deadAgeMs
  commit[3], commit[4] = '#dead_caps', string.format('%.0f %.0f', dead, deadAgeMs)
end
redis.call('HSET', stateKey, unpack(commit))
if endsEvents then
  redis.call('UNLINK', eventsKey)
  redis.call('HDEL', stateKey, '#awaited')
  redis.call('SPUBLISH', wakeKey .. ':#events', '')
end
return { settings.maxWaiting, settings.retentionMs, settings.retentionCount, settings.idempotencyMs, settings.durability, dead, deadAgeMs, settings.maxEvents or 0 }
