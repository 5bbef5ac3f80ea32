#!lua flags=allow-oom
-- schedule_plan: store what a janitor decided about the times of a schedule that are due. Several janitors may see the
-- same time, but only the first one stores its plan: the next time, and the times that are owed, whose tasks have to be
-- enqueued. Any janitor may enqueue these tasks later.
-- KEYS[1] :schedules  HASH  d<scheduleId> -> definition, r<scheduleId> -> run record
-- KEYS[2] :schedules_due  ZSET  scheduleId -> when to look at it, ms since the epoch
-- ARGV[1] scheduleId  string
-- ARGV[2] revision  integer  of the definition on which the caller decided
-- ARGV[3] expectedAt  integer  the next time that the caller has seen
-- ARGV[4] nextAt  integer  the next time after those decided on, 0 for none
-- ARGV[5] owed  string  times to enqueue, oldest first, separated by commas; "-" for none
-- ARGV[6] runs  string  run lines of the times that are not enqueued, "" for none
-- RETURNS "planned" | "changed"
-- TIME    O(log s), s = schedules
-- MOVES   nothing

-- include lib/schedule.lua

local record = redis.call('HGET', schedulesKey, 'r' .. scheduleId)
local knownAt, knownRevision, knownOwed, count = parseRuns(record)
if not record or knownAt ~= expectedAt or knownRevision ~= revision or knownOwed ~= '-' then
  return 'changed'
end
writeRuns(scheduleId, runsText(nextAt, revision, owed, count + countOwed(owed), appendRuns(runLines(record), runs)))
indexSchedule(scheduleId, nextAt, owed)
return 'planned'
