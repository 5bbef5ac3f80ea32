#!lua
-- series_write: keep one bucket of the series of a queue, unless another process has written it. Refused at maxmemory.
-- KEYS[1] series  LIST  buckets of 10 s, oldest first
-- KEYS[2] series_long  LIST  buckets of 5 minutes, oldest first
-- KEYS[3] series_last  STRING  when the last bucket ended, and what was counted by then
-- KEYS[4] series_types  LIST  buckets of 5 minutes by task type, oldest first
-- ARGV[1] expectedAt  string  end of the last bucket as the caller has seen it, "" for none
-- ARGV[2] last  string  the new value of series_last
-- ARGV[3] bucket  string  the bucket of 10 s, "" for none
-- ARGV[4] replaces  integer  1: the bucket extends the last one, and replaces it
-- ARGV[5] longBucket  string  the bucket of 5 minutes, "" for none
-- ARGV[6] keep  integer  how many buckets of 10 s are kept
-- ARGV[7] keepLong  integer  how many buckets of 5 minutes are kept
-- ARGV[8] ttlMs  integer
-- ARGV[9] typesBucket  string  the bucket by task type, "" for none
-- ARGV[10] keepTypes  integer  how many buckets by task type are kept
-- RETURNS 1 kept, 0 another process was faster
-- TIME    O(n), n = buckets that are older than what is kept
-- MOVES   nothing

local known = string.match(redis.call('GET', seriesLastKey) or '', '^%d+') or ''
if known ~= expectedAt then
  return 0
end
if longBucket ~= '' then
  redis.call('RPUSH', seriesLongKey, longBucket)
  redis.call('LTRIM', seriesLongKey, -keepLong, -1)
end
if bucket ~= '' then
  if replaces == 1 and redis.call('LLEN', seriesKey) > 0 then
    redis.call('LSET', seriesKey, -1, bucket)
  else
    redis.call('RPUSH', seriesKey, bucket)
    redis.call('LTRIM', seriesKey, -keep, -1)
  end
end
if typesBucket ~= '' then
  redis.call('RPUSH', seriesTypesKey, typesBucket)
  redis.call('LTRIM', seriesTypesKey, -keepTypes, -1)
  redis.call('PEXPIRE', seriesTypesKey, ttlMs)
end
redis.call('SET', seriesLastKey, last, 'PX', ttlMs)
redis.call('PEXPIRE', seriesKey, ttlMs)
redis.call('PEXPIRE', seriesLongKey, ttlMs)
return 1
