#!lua
-- timings: add to the counts of how long tasks of the queue waited and ran.
--   Refused at maxmemory; the worker then drops the counts.
-- KEYS[1] timings  HASH  w<bucket> and r<bucket> -> how many tasks waited and ran that long
-- ARGV[1] ttlMs  integer
-- ARGV[2..] field  string  repeated, at most 192 times: field, count
-- RETURNS how many fields were given
-- TIME    O(n), n fields given
-- MOVES   nothing

for at = fieldAt, #ARGV, 2 do
  redis.call('HINCRBY', timingsKey, ARGV[at], ARGV[at + 1])
end
redis.call('PEXPIRE', timingsKey, ttlMs)
return (#ARGV - fieldAt + 1) / 2
