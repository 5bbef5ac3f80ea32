#!lua
-- type_timings: add to the counts of one task type: how many attempts ended and failed, and how long they waited and ran.
-- Redis refuses this script at maxmemory; the worker then drops the counts.
-- KEYS[1] type_timings  HASH  n, f, w<bucket> and r<bucket>, each followed by a space and a type -> count; types -> how many types there are
-- ARGV[1] ttlMs  integer
-- ARGV[2] maxTypes  integer  a further type is counted as `other`
-- ARGV[3] taskType  string
-- ARGV[4] other  string
-- ARGV[5..] field  string  repeated, at most 194 times: field without the type, count; n is one of them
-- RETURNS the type under which the attempts were counted
-- TIME    O(n), n fields given
-- MOVES   nothing

local name = taskType
if redis.call('HEXISTS', typeTimingsKey, 'n ' .. taskType) == 0 then
  if tonumber(redis.call('HGET', typeTimingsKey, 'types') or '0') >= maxTypes then
    name = other
  else
    redis.call('HINCRBY', typeTimingsKey, 'types', 1)
  end
end
for at = fieldAt, #ARGV, 2 do
  redis.call('HINCRBY', typeTimingsKey, ARGV[at] .. ' ' .. name, ARGV[at + 1])
end
redis.call('PEXPIRE', typeTimingsKey, ttlMs)
return name
