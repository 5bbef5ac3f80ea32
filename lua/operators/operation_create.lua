#!lua flags=allow-oom
-- operation_create: store an operation, unless too many are open, and forget the oldest ones that have ended.
-- KEYS[1] :operations  HASH  operationId:field -> text
-- KEYS[2] :operations:index  ZSET  operationId -> start, ms since the epoch
-- KEYS[3] :operations:running  ZSET  operationId -> end of the lease of the process that runs it; inf: paused
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] operationId  string
-- ARGV[3] spec  string  what to do; this script does not read it
-- ARGV[4] view  string  how far the operation is; this script does not read it
-- ARGV[5] undoes  string  the discard that this operation undoes, or ""; a discard can be undone once
-- ARGV[6] share  string  "large" or "small", a space, and the caller to whose share the operation counts; or ""
-- ARGV[7] maxOfShare  integer  at most this many operations of that share may be open
-- ARGV[8] maxRunning  integer  at most this many operations may run, small ones not counted
-- ARGV[9] maxKept  integer  how many operations are kept
-- RETURNS {1 created, 0 too many run, -1 the discard was undone before, -2 the share is used up; now}
-- TIME    O(n), n operations that have not ended
-- MOVES   nothing

-- include lib/call.lua

local function field(name)
  return operationId .. ':' .. name
end

if redis.call('HEXISTS', operationsKey, field('view')) == 1 then
  return { 1, tonumber(redis.call('ZSCORE', operationsIndexKey, operationId)) }
end
local function isSmall(text)
  return string.sub(text, 1, 6) == 'small '
end

local open = redis.call('ZRANGE', operationsRunningKey, 0, -1, 'WITHSCORES')
local running, ofShare = 0, 0
-- The ids are read in slices of 2,000, because `unpack` fails at 8,000 values.
for first = 1, #open, 2000 do
  local names = {}
  for at = first, math.min(#open, first + 1998), 2 do
    names[#names + 1] = open[at] .. ':share'
  end
  for i, found in ipairs(redis.call('HMGET', operationsKey, unpack(names))) do
    if found == share then
      ofShare = ofShare + 1
    end
    if open[first + 2 * i - 1] ~= 'inf' and not isSmall(found or '') then
      running = running + 1
    end
  end
end
if share ~= '' and ofShare >= maxOfShare then
  return { -2, now }
end
if not isSmall(share) and running >= maxRunning then
  return { 0, now }
end
if undoes ~= '' and redis.call('HEXISTS', operationsKey, undoes .. ':undoneAt') == 1 then
  return { -1, now }
end
-- The HSET comes last, because it creates the operation. An index entry without an operation does no harm. The same
-- HSET marks the discard that this operation undoes.
redis.call('ZADD', operationsIndexKey, nowText, operationId)
redis.call('ZADD', operationsRunningKey, 0, operationId)
local fields = { field('spec'), spec, field('share'), share, field('view'), view }
if undoes ~= '' then
  fields[#fields + 1], fields[#fields + 2] = undoes .. ':undoneAt', nowText
end
redis.call('HSET', operationsKey, unpack(fields))

local excess = redis.call('ZCARD', operationsIndexKey) - maxKept
if excess > 0 then
  for _, old in ipairs(redis.call('ZRANGE', operationsIndexKey, 0, math.min(excess, 10) - 1)) do
    local known = redis.call('HMGET', operationsKey, old .. ':ended', old .. ':view')
    if known[1] or not known[2] then
      local names = { old .. ':spec', old .. ':view', old .. ':batch', old .. ':control', old .. ':owner', old .. ':share', old .. ':ended', old .. ':undoneAt' }
      local failures = tonumber(redis.call('HGET', operationsKey, old .. ':failures') or 0)
      names[#names + 1] = old .. ':failures'
      for i = 0, failures - 1 do
        names[#names + 1] = old .. ':failure:' .. i
      end
      redis.call('HDEL', operationsKey, unpack(names))
      redis.call('ZREM', operationsIndexKey, old)
    end
  end
end
return { 1, now }
