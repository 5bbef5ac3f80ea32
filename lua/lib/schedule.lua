-- The run record of a schedule: a head line, then one line per run, oldest first, at most RUN_LINES of them.
--
--   head   nextAt revision owed count    nextAt 0: no run follows
--                                        owed: the times of runs that were decided on, but whose tasks may not be
--                                        enqueued yet; "-" for none
--                                        count: the number of times ever owed; earlier versions do not write it
--   run    at outcome taskId manual      outcome: e enqueued, m missed, o overlapped, d deduplicated, r replaced;
--                                        taskId: "-" for no task
--
-- The record decides; `schedules_due` is the index by which it is found. The time in the index is never later than that
-- in the record. So a script that moves the time forward writes the index before the record, and one that moves the
-- time back writes it after the record.
local RUN_LINES = 10

local function parseRuns(record)
  local nextAt, revision, owed, count = string.match(record or '', '^(%d+) (%d+) (%S+) ?(%d*)')
  return tonumber(nextAt or 0), tonumber(revision or 0), owed or '-', tonumber(count or 0) or 0
end

local function runLines(record)
  local newline = record and string.find(record, '\n', 1, true)
  return newline and string.sub(record, newline) or ''
end

-- The last run with a task is always kept, because the next run checks whether that task has ended.
local function appendRuns(lines, added)
  if added ~= '' then
    lines = lines .. '\n' .. added
  end
  local _, count = string.gsub(lines, '\n', '')
  while count > RUN_LINES do
    local second = string.find(lines, '\n', 2, true)
    local others = string.sub(lines, second)
    if string.find(lines, '^\n%d+ e ') and not string.find(others, '\n%d+ e ') then
      others = string.sub(lines, 1, second - 1) .. string.sub(lines, (string.find(lines, '\n', second + 1, true)))
    end
    lines = others
    count = count - 1
  end
  return lines
end

local function countOwed(owed)
  local _, count = string.gsub(owed, '%d+', '')
  return count
end

local function runsText(nextAt, revision, owed, count, lines)
  return string.format('%.0f %.0f %s %.0f', nextAt, revision, owed, count) .. lines
end

local function writeRuns(id, text)
  redis.call('HSET', schedulesKey, 'r' .. id, text)
end

local function indexSchedule(id, nextAt, owed)
  if owed ~= '-' then
    redis.call('ZADD', schedulesDueKey, string.match(owed, '^%d+'), id)
  elseif nextAt > 0 then
    redis.call('ZADD', schedulesDueKey, string.format('%.0f', nextAt), id)
  else
    redis.call('ZREM', schedulesDueKey, id)
  end
end
