#!lua flags=allow-oom
-- configure: set the limits of a queue. A value below 0 leaves the setting as it is.
-- KEYS[1] state  HASH  the queue's own fields
-- ARGV[1] maxWaiting  integer  0 for no cap
-- ARGV[2] retentionMs  integer
-- ARGV[3] retentionCount  integer
-- ARGV[4] idempotencyMs  integer
-- ARGV[5] durability  string  memory, fsynced or replicated; "" leaves it as it is
-- ARGV[6] maxDead  integer  0 for no cap
-- ARGV[7] maxDeadAgeMs  integer  0 for no cap
-- RETURNS {maxWaiting, retentionMs, retentionCount, idempotencyMs, durability, maxDead, maxDeadAgeMs}
-- TIME    O(1)
-- MOVES   nothing

-- include lib/queue.lua

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
local commit = { '#settings', writeSettings(settings) }
local dead, deadAgeMs = readDeadCaps(fields[2])
if maxDead >= 0 or maxDeadAgeMs >= 0 then
  dead, deadAgeMs = maxDead >= 0 and maxDead or dead, maxDeadAgeMs >= 0 and maxDeadAgeMs or deadAgeMs
  commit[3], commit[4] = '#dead_caps', string.format('%.0f %.0f', dead, deadAgeMs)
end
redis.call('HSET', stateKey, unpack(commit))
return { settings.maxWaiting, settings.retentionMs, settings.retentionCount, settings.idempotencyMs, settings.durability, dead, deadAgeMs }
