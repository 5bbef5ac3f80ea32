-- The order in `scheduled` is by due time and, within one millisecond, by arrival. The score of a task is its due time.
-- If that score is taken, it is the next number that a double can hold behind the last score of that millisecond. A
-- millisecond has 4,096 such numbers until the year 2039. If a millisecond is full, the task gets a score in the next
-- one. So a task is never early, and it is 1 ms late for each 4,096 tasks with its due time that came before it.

-- No task is delayed by more than this. After a million tasks with one due time, all further ones share the last place.
local DUE_SPREAD_MS = 256

-- The last score that is taken in a millisecond; nil if none is.
local function lastPlace(ms)
  local last = redis.call('ZREVRANGEBYSCORE', scheduledKey, string.format('(%.0f', ms + 1), string.format('%.0f', ms), 'WITHSCORES', 'LIMIT', 0, 1)
  return last[2] and tonumber(last[2])
end

local function placeBehind(place)
  local _, exponent = math.frexp(place)
  return place + math.ldexp(1, exponent - 53)
end

-- due: due times and ids in turn, in the order in which they came. Replaces the times by scores and returns the lowest
-- score.
local function placeDue(due)
  local taken, begin, lowest = {}, {}, math.huge
  -- Most tasks are due later than every task before them, and need no search for a free score.
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

-- Whether a task with this score would be the first to become due.
local function isFirstDue(place)
  local first = redis.call('ZRANGE', scheduledKey, 0, 0, 'WITHSCORES')[2]
  return not first or place < tonumber(first)
end

-- How long until the first task is due, ms; -1 if none is scheduled.
local function untilDue()
  local first = redis.call('ZRANGE', scheduledKey, 0, 0, 'WITHSCORES')[2]
  return first and math.max(0, math.floor(tonumber(first)) - now) or -1
end

-- The shorter of two times, where -1 stands for none.
local function sooner(a, b)
  return (a < 0 or b >= 0 and b < a) and b or a
end
