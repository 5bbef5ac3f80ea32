#!lua flags=allow-oom
-- operation_control: ask an operation to pause, to go on, or to end.
-- KEYS[1] :operations  HASH  operationId:field -> text
-- KEYS[2] :operations:running  ZSET  operationId -> end of the lease of the process that runs it; inf: paused
-- ARGV[1] operationId  string
-- ARGV[2] control  string  pause | resume | cancel
-- RETURNS "asked" | "ended" | "unknown"
-- TIME    O(log n)
-- MOVES   nothing

if redis.call('HEXISTS', operationsKey, operationId .. ':view') == 0 then
  return 'unknown'
end
if redis.call('HEXISTS', operationsKey, operationId .. ':ended') == 1 then
  return 'ended'
end
redis.call('HSET', operationsKey, operationId .. ':control', control)
if control ~= 'pause' and redis.call('ZSCORE', operationsRunningKey, operationId) == 'inf' then
  redis.call('ZADD', operationsRunningKey, 0, operationId)
end
return 'asked'
