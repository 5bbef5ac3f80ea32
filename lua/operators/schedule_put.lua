#!lua
-- schedule_put: write a schedule, unless somebody else wrote it meanwhile.
-- The runs of the schedule stay, and the times that it owes (lib/schedule.lua) still get their tasks.
-- KEYS[1] :schedules  HASH  d<scheduleId> -> definition, r<scheduleId> -> run record
-- KEYS[2] :schedules_due  ZSET  scheduleId -> when to look at it, ms since the epoch
-- ARGV[1] scheduleId  string
-- ARGV[2] expected  string  the definition that the caller has seen, "" for none
-- ARGV[3] definition  string  the new definition
-- ARGV[4] revision  integer  of the new definition
-- ARGV[5] expectedAt  integer  the next time that the caller has seen
-- ARGV[6] nextAt  integer  ms since the epoch, 0 for none, -1 to leave it as it is
-- ARGV[7] owed  string  times that were due by the definition before and are still to be enqueued, oldest first,
--   separated by commas; "-" for none
-- ARGV[8] runs  string  run lines of the times that were due and are not enqueued, "" for none
-- RETURNS "written" | "changed" (also if a janitor has decided about the times that were due)
-- TIME    O(log s), s = schedules
-- MOVES   nothing

-- include lib/schedule.lua

local fields = redis.call('HMGET', schedulesKey, 'd' .. scheduleId, 'r' .. scheduleId)
local current = fields[1] or ''
-- This call is a repeat, because the reply to the first one was lost.
if current == definition then
  return 'written'
end
if current ~= expected then
  return 'changed'
end
local before, _, owedBefore, count = parseRuns(fields[2])
count = count + countOwed(owed)
if nextAt == -1 then
  nextAt = before
elseif before ~= expectedAt then
  return 'changed'
end
if owedBefore ~= '-' then
  owed = owed == '-' and owedBefore or owedBefore .. ',' .. owed
end
local lines = appendRuns(runLines(fields[2]), runs)
redis.call('ZADD', schedulesDueKey, '0', scheduleId)
redis.call('HSET', schedulesKey, 'd' .. scheduleId, definition, 'r' .. scheduleId, runsText(nextAt, revision, owed, count, lines))
indexSchedule(scheduleId, nextAt, owed)
return 'written'
