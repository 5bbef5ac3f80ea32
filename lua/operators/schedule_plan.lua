#!lua flags=allow-oom
-- schedule_plan: store the plan of a janitor for the due times of a schedule. The plan says which of these times are
-- owed, so that their tasks have to be enqueued, and which time comes next. If several janitors make a plan for the
-- same times, only the first one is stored. Any janitor may enqueue the owed tasks later.
-- KEYS[1] :schedules  HASH  d<scheduleId> -> definition, r<scheduleId> -> run record
-- KEYS[2] :schedules_due  ZSET  scheduleId -> when to look at it, ms since the epoch
-- ARGV[1] scheduleId  string
-- ARGV[2] revision  integer  the revision of the definition that the plan was made for
-- ARGV[3] expectedAt  integer  the next time in the record that the plan was made for
-- ARGV[4] nextAt  integer  the next time after the plan, 0 for none
-- ARGV[5] owed  string  times to enqueue, oldest first, separated by commas; "-" for none
-- ARGV[6] runs  string  run lines (lib/schedule.lua) of the times that are not enqueued, "" for none
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
