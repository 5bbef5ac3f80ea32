-- Places in `scheduled`: by due time, and within one millisecond first come, first served. A score is the due time, or the
-- next number that a double can hold behind the last one in that millisecond. Until the year 2039 there are 4,096 of them.
-- If a millisecond is full, the task takes a place in the next one: it is never early, and late by one millisecond for each 4,096
-- tasks that were there before it.

-- No task is delayed by more than this. After a million tasks with one due time, all further ones share the last place.
local DUE_SPREAD_MS = 256

-- The last place that is taken in a millisecond; nil if none is.
local function lastPlace(ms)
  local last = redis.call('ZREVRANGEBYSCORE', scheduledKey, string.format('(%.0f', ms + 1), string.format('%.0f', ms), 'WITHSCORES', 'LIMIT', 0, 1)
  return last[2] and tonumber(last[2])
end

local function placeBehind(place)
  local _, exponent = math.frexp(place)
  return place + math.ldexp(1, exponent - 53)
end

-- due: due times and ids in turn, in the order in which they came. The times become scores. Returns the lowest of them.
local function placeDue(due)
  local taken, begin, lowest = {}, {}, math.huge
  -- Most tasks go behind the last one of all, and then no place has to be searched.
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
