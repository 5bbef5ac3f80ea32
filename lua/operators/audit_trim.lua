#!lua flags=allow-oom
-- audit_trim: forget the oldest records of the audit log beyond a bound.
-- KEYS[1] :audit_log  LIST  when, ms since the epoch, and a record as JSON; oldest first
-- KEYS[2] :audit_dropped  STRING  how many records were forgotten: the place of the first one that is left
-- ARGV[1] maxKept  integer
-- RETURNS how many were forgotten, at most 10,000
-- TIME    O(n), n records that are forgotten
-- MOVES   nothing

local excess = math.min(10000, redis.call('LLEN', auditLogKey) - maxKept)
if excess <= 0 then
  return 0
end
-- Cut short after the first call, a page that goes on shows records twice; the other way round it would skip some.
redis.call('LTRIM', auditLogKey, excess, -1)
redis.call('INCRBY', auditDroppedKey, excess)
return excess
