#!lua flags=allow-oom
-- schedule_delete: remove a schedule. Its tasks stay.
-- KEYS[1] :schedules  HASH  d<scheduleId> -> definition, r<scheduleId> -> run record
-- KEYS[2] :schedules_due  ZSET  scheduleId -> when to look at it, ms since the epoch
-- ARGV[1] scheduleId  string
-- RETURNS 1 if it existed, otherwise 0
-- TIME    O(log s), s = schedules
-- MOVES   nothing

local removed = redis.call('HDEL', schedulesKey, 'd' .. scheduleId, 'r' .. scheduleId)
redis.call('ZREM', schedulesDueKey, scheduleId)
return removed > 0 and 1 or 0
