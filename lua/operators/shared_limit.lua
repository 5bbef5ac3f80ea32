#!lua flags=allow-oom
-- shared_limit: write a limit that several queues share, unless somebody else has written it meanwhile.
-- KEYS[1] :shared_limits  HASH  name -> the limit and the shares into which it was divided, JSON
-- ARGV[1] name  string
-- ARGV[2] before  string  JSON that the caller has read; "" for a new limit
-- ARGV[3] after  string  JSON; "" to forget the limit
-- RETURNS 1, or 0 if the limit has changed since the caller read it
-- TIME    O(1)
-- MOVES   nothing

if (redis.call('HGET', sharedLimitsKey, name) or '') ~= before then
  return 0
end
if after == '' then
  redis.call('HDEL', sharedLimitsKey, name)
else
  redis.call('HSET', sharedLimitsKey, name, after)
end
return 1
