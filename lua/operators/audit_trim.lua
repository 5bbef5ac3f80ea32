#!lua flags=allow-oom
-- audit_trim: remove the oldest records of the audit log beyond maxKept.
-- KEYS[1] :audit_log  LIST  the time, ms since the epoch, and a record as JSON; oldest first
-- KEYS[2] :audit_dropped  STRING  how many records were removed
-- ARGV[1] maxKept  integer
-- RETURNS how many were removed, at most 10,000
-- TIME    O(n), n records that are removed
-- MOVES   nothing

local excess = math.min(10000, redis.call('LLEN', auditLogKey) - maxKept)
if excess <= 0 then
  return 0
end
-- After an abort in between, a reader gets some records twice. In the other order it would miss some.
redis.call('LTRIM', auditLogKey, excess, -1)
redis.call('INCRBY', auditDroppedKey, excess)
return excess
