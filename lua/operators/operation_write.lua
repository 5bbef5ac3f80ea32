#!lua flags=allow-oom
-- operation_write: store how far an operation is, if the caller still holds it.
-- KEYS[1] :operations  HASH  operationId:field -> text
-- KEYS[2] :operations:running  ZSET  operationId -> end of the lease of the process that runs it; inf: paused
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] operationId  string
-- ARGV[3] owner  string
-- ARGV[4] leaseMs  integer
-- ARGV[5] phase  string  run | pause | end | release
-- ARGV[6..] field  string  repeated: name, value
-- RETURNS {1, what an operator asked for ("" | pause | resume | cancel), now}; {0} if another process holds it
-- TIME    O(log n)
-- MOVES   nothing

-- include lib/call.lua

if redis.call('HGET', operationsKey, operationId .. ':owner') ~= owner then
  return { 0, '', now }
end
local control = redis.call('HGET', operationsKey, operationId .. ':control') or ''
-- If an operator has resumed or cancelled the operation meanwhile, it does not pause.
if phase == 'pause' and control ~= 'pause' then
  phase = 'run'
end
local values = {}
for at = fieldAt, #ARGV, 2 do
  values[#values + 1], values[#values + 2] = operationId .. ':' .. ARGV[at], ARGV[at + 1]
end
if phase == 'end' then
  values[#values + 1], values[#values + 2] = operationId .. ':ended', nowText
end
if #values > 0 then
  redis.call('HSET', operationsKey, unpack(values))
end
if phase == 'run' then
  redis.call('ZADD', operationsRunningKey, string.format('%.0f', now + leaseMs), operationId)
else
  redis.call('HDEL', operationsKey, operationId .. ':owner')
  if phase == 'release' then
    redis.call('ZADD', operationsRunningKey, 0, operationId)
  elseif phase == 'pause' then
    redis.call('ZADD', operationsRunningKey, 'inf', operationId)
  else
    redis.call('ZREM', operationsRunningKey, operationId)
  end
  if phase == 'end' then
    redis.call('HDEL', operationsKey, operationId .. ':spec', operationId .. ':batch', operationId .. ':control', operationId .. ':share')
  end
end
return { 1, control, now }
