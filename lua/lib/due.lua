-- The order in `scheduled` is by due time and, within one millisecond, by arrival. The score of a task is its due time.
-- If another task has that score already, the new score is the smallest double above the last score of that
-- millisecond. A millisecond has room for 4,096 scores until the year 2039. If a millisecond is full, the task gets a
-- score in the next one. So a task is never early, and it is late by 1 ms for each 4,096 earlier tasks with the same
-- due time.

-- No task is delayed by more than this. After a million tasks with the same due time, all later ones share the last
-- score.
local DUE_SPREAD_MS = 256

-- Returns the highest score of a task in this millisecond; nil if no task has one.
local function lastPlace(ms)
  local last = redis.call('ZREVRANGEBYSCORE', scheduledKey, string.format('(%.0f', ms + 1), string.format('%.0f', ms), 'WITHSCORES', 'LIMIT', 0, 1)
  return last[2] and tonumber(last[2])
end

local function placeBehind(place)
  local _, exponent = math.frexp(place)
  return place + math.ldexp(1, exponent - 53)
end

-- `due` has due times and ids in turn, in the order in which the tasks came. Replaces the times by scores and returns
-- the lowest score.
local function placeDue(due)
  local taken, begin, lowest = {}, {}, math.huge
  -- Most tasks are due later than all tasks before them. Then the score is free, and no search is needed.
  local highest = redis.call('ZREVRANGE', scheduledKey, 0, 0, 'WITHSCORES')[2]
  highest = highest and tonumber(highest) or -1
  for at = 1, #due, 2 do
    local time = tonumber(due[at])
    local ms, place = begin[time] or time, nil
    while not place do
      local last = taken[ms] or (ms <= highest and lastPlace(ms))
      place = last and placeBehind(last) or ms
      if place >= ms + 1 then
        if ms < time + DUE_SPREAD_MS then
          ms, place = ms + 1, nil
        else
          place = last
        end
      end
    end
    taken[ms], begin[time] = place, ms
    lowest = math.min(lowest, place)
    due[at] = string.format('%.17g', place)
  end
  return lowest
end

-- Returns whether a task with this score would be the first to become due.
local function isFirstDue(place)
  local first = redis.call('ZRANGE', scheduledKey, 0, 0, 'WITHSCORES')[2]
  return not first or place < tonumber(first)
end

-- Returns how long it takes until the first task is due, ms; -1 if no task is scheduled.
local function untilDue()
  local first = redis.call('ZRANGE', scheduledKey, 0, 0, 'WITHSCORES')[2]
  return first and math.max(0, math.floor(tonumber(first)) - now) or -1
end

-- Returns the shorter of two waiting times. -1 means that there is no time.
local function sooner(a, b)
  return (a < 0 or b >= 0 and b < a) and b or a
end
