#!lua flags=allow-oom
-- configure: change settings of a queue. A value below 0 leaves the setting as it is.
-- KEYS[1] state  HASH  the queue's own fields
-- ARGV[1] maxWaiting  integer  0 for no cap
-- ARGV[2] retentionMs  integer
-- ARGV[3] retentionCount  integer
-- ARGV[4] idempotencyMs  integer
-- ARGV[5] durability  string  memory, fsynced or replicated; "" leaves it as it is
-- RETURNS {maxWaiting, retentionMs, retentionCount, idempotencyMs, durability}
-- TIME    O(1)
-- MOVES   nothing

-- include lib/queue.lua

local settings = readSettings(redis.call('HGET', stateKey, '#settings'))
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
redis.call('HSET', stateKey, '#settings', writeSettings(settings))
return { settings.maxWaiting, settings.retentionMs, settings.retentionCount, settings.idempotencyMs, settings.durability }
