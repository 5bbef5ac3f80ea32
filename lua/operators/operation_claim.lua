#!lua flags=allow-oom
-- operation_claim: take an operation that no process runs, or whose process let its lease expire.
-- KEYS[1] :operations  HASH  operationId:field -> text
-- KEYS[2] :operations:index  ZSET  operationId -> start, ms since the epoch
-- KEYS[3] :operations:running  ZSET  operationId -> end of the lease of the process that runs it; inf: paused
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] owner  string  a name that nobody else has
-- ARGV[3] leaseMs  integer
-- ARGV[4] only  string  the only operation to take; "" for any
-- ARGV[5..] share  string  repeated: operations that were created with this `share` are not taken now
-- RETURNS {operationId, start, spec, view, batch, control, failures, share}, or nothing
-- TIME    O(log n + m), m operations of those shares
-- MOVES   nothing

-- include lib/call.lua

local operationId
if only == '' then
  local passedOver = {}
  for at = shareAt, #ARGV do
    passedOver[ARGV[at]] = true
  end
  local from, found = 0, nil
  repeat
    found = redis.call('ZRANGEBYSCORE', operationsRunningKey, '-inf', nowText, 'LIMIT', from, 50)
    for _, id in ipairs(found) do
      if not operationId and not passedOver[redis.call('HGET', operationsKey, id .. ':share') or ''] then
        operationId = id
      end
    end
    from = from + 50
  until operationId or #found < 50
elseif tonumber(redis.call('ZSCORE', operationsRunningKey, only) or now + 1) <= now then
  operationId = only
end
if not operationId then
  return {}
end
local values = redis.call('HMGET', operationsKey, operationId .. ':spec', operationId .. ':view', operationId .. ':batch',
  operationId .. ':control', operationId .. ':failures', operationId .. ':ended', operationId .. ':share')
local start = redis.call('ZSCORE', operationsIndexKey, operationId)
if not values[1] or not start or values[6] then
  redis.call('ZREM', operationsRunningKey, operationId)
  return {}
end
redis.call('ZADD', operationsRunningKey, string.format('%.0f', now + leaseMs), operationId)
redis.call('HSET', operationsKey, operationId .. ':owner', owner)
return { operationId, start, values[1], values[2], values[3] or '', values[4] or '', values[5] or '0', values[7] or '' }
