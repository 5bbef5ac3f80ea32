#!lua flags=allow-oom
-- audit_append: store a record of what an operator did. Only audit_trim removes records.
-- KEYS[1] :audit_log  LIST  the time, ms since the epoch, and a record as JSON; oldest first
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] record  string  JSON; this script does not read it
-- RETURNS how many records there are
-- TIME    O(1)
-- MOVES   nothing

-- include lib/call.lua

return redis.call('RPUSH', auditLogKey, nowText .. ' ' .. record)
