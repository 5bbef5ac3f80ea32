#!lua flags=allow-oom
-- schedule_settle: write how a run went. Its time is then no longer owed (lib/schedule.lua).
-- If the time was not owed any more, another janitor has written the run.
-- KEYS[1] :schedules  HASH  d<scheduleId> -> definition, r<scheduleId> -> run record
-- KEYS[2] :schedules_due  ZSET  scheduleId -> when to look at it, ms since the epoch
-- ARGV[1] scheduleId  string
-- ARGV[2] at  string  the time that was owed; "" for a run that an operator asked for
-- ARGV[3] run  string  its run line
-- RETURNS 1 written, 0 not owed any more
-- TIME    O(log s), s = schedules
-- MOVES   nothing

-- include lib/schedule.lua

local record = redis.call('HGET', schedulesKey, 'r' .. scheduleId)
if not record then
  return 0
end
local nextAt, revision, owed, count = parseRuns(record)
if at ~= '' then
  local left, found = {}, false
  for time in string.gmatch(owed, '%d+') do
    if time == at then
      found = true
    else
      left[#left + 1] = time
    end
  end
  if not found then
    return 0
  end
  owed = #left > 0 and table.concat(left, ',') or '-'
elseif string.find(runLines(record) .. '\n', '\n' .. run .. '\n', 1, true) then
  -- This call is a repeat, because the reply to the first one was lost.
  return 1
end
writeRuns(scheduleId, runsText(nextAt, revision, owed, count, appendRuns(runLines(record), run)))
indexSchedule(scheduleId, nextAt, owed)
return 1
