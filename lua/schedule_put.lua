#!lua
-- schedule_put: write a schedule, unless somebody else has meanwhile. Its runs stay, and what it owes is still enqueued.
-- KEYS[1] :schedules  HASH  d<scheduleId> -> definition, r<scheduleId> -> run record
-- KEYS[2] :schedules_due  ZSET  scheduleId -> when to look at it, ms since the epoch
-- ARGV[1] scheduleId  string
-- ARGV[2] expected  string  the definition that the caller has seen, "" for none
-- ARGV[3] definition  string  the new one
-- ARGV[4] revision  integer  of the new one
-- ARGV[5] nextAt  integer  ms since the epoch, 0 for none, -1 for as it is
-- RETURNS "written" | "changed"
-- TIME    O(log s), s = schedules
-- MOVES   nothing

-- include lib/schedule.lua

local fields = redis.call('HMGET', schedulesKey, 'd' .. scheduleId, 'r' .. scheduleId)
local current = fields[1] or ''
-- The same call again, after a reply that was lost.
if current == definition then
  return 'written'
end
if current ~= expected then
  return 'changed'
end
local before, _, owed = parseRuns(fields[2])
local after = nextAt == -1 and before or nextAt
redis.call('ZADD', schedulesDueKey, '0', scheduleId)
redis.call('HSET', schedulesKey, 'd' .. scheduleId, definition, 'r' .. scheduleId,
  string.format('%.0f %.0f %s', after, revision, owed) .. runLines(fields[2]))
indexSchedule(scheduleId, after, owed)
return 'written'
