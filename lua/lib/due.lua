-- Scores for `scheduled`: tasks become pending by due time, and tasks with the same due time in the order in which they
-- came. The score of the first task of a millisecond is its due time. Each later one gets the next larger double, of
-- which one millisecond has 4,096 until the year 2039. After that the task gets a score in the next millisecond. So a
-- task is never early, and it is 1 ms late for each 4,096 tasks before it with the same due time.

-- If all doubles of a millisecond are used, the next one is tried, at most for this many milliseconds. So after a
-- million tasks with one due time, all others share the last score.
local DUE_SPREAD_MS = 256

-- Returns the highest score in use in this millisecond; nil if there is none.
local function lastPlace(ms)
  local last = redis.call('ZREVRANGEBYSCORE', scheduledKey, string.format('(%.0f', ms + 1), string.format('%.0f', ms), 'WITHSCORES', 'LIMIT', 0, 1)
  return last[2] and tonumber(last[2])
end

local function placeBehind(place)
  local _, exponent = math.frexp(place)
  return place + math.ldexp(1, exponent - 53)
end

-- Replaces due times by scores, and returns the lowest. `due` is time, id, time, id … in the order of arrival.
local function placeDue(due)
  local taken, begin, lowest = {}, {}, math.huge
  -- Most tasks are due later than all scheduled tasks. Then their score is free, and no search is needed.
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

-- Returns whether a task with this score becomes due before all scheduled tasks.
local function isFirstDue(place)
  local first = redis.call('ZRANGE', scheduledKey, 0, 0, 'WITHSCORES')[2]
  return not first or place < tonumber(first)
end

-- Returns how long it takes until the next task is due, ms; -1 if no task is scheduled.
local function untilDue()
  local first = redis.call('ZRANGE', scheduledKey, 0, 0, 'WITHSCORES')[2]
  return first and math.max(0, math.floor(tonumber(first)) - now) or -1
end

-- Returns the shorter of two waits. -1 stands for "no wait known".
local function sooner(a, b)
  return (a < 0 or b >= 0 and b < a) and b or a
end
