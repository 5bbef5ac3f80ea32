#!lua flags=allow-oom
-- schedules_due: the schedules whose time has come, oldest first, and how long it takes until the next one is due.
-- An index entry whose time differs from its record is corrected. The janitor that asks counts as running for a while.
-- KEYS[1] :schedules  HASH  d<scheduleId> -> definition, r<scheduleId> -> run record
-- KEYS[2] :schedules_due  ZSET  scheduleId -> when to look at it, ms since the epoch
-- KEYS[3] :janitors  ZSET  janitorId -> until when it counts as running, ms since the epoch
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] limit  integer  at most 200
-- ARGV[3] janitorId  string  "" for a caller that is not a janitor
-- ARGV[4] aliveMs  integer  how long the janitor counts as running from now on
-- RETURNS {now, ms until the next or -1, scheduleId, definition, run record, …}
-- TIME    O(n log s + log j), n schedules due, s = schedules, j = janitors
-- MOVES   nothing

-- include lib/call.lua
-- include lib/schedule.lua

if janitorId ~= '' then
  redis.call('ZADD', janitorsKey, string.format('%.0f', now + aliveMs), janitorId)
  redis.call('ZREMRANGEBYSCORE', janitorsKey, '-inf', nowText)
end
local reply = { now, -1 }
local ids = redis.call('ZRANGEBYSCORE', schedulesDueKey, '-inf', nowText, 'LIMIT', 0, limit)
for _, id in ipairs(ids) do
  local fields = redis.call('HMGET', schedulesKey, 'd' .. id, 'r' .. id)
  local nextAt, _, owed = parseRuns(fields[2])
  if not fields[1] then
    redis.call('ZREM', schedulesDueKey, id)
  elseif owed ~= '-' or (nextAt > 0 and nextAt <= now) then
    reply[#reply + 1] = id
    reply[#reply + 1] = fields[1]
    reply[#reply + 1] = fields[2]
  else
    indexSchedule(id, nextAt, owed)
  end
end
local following = redis.call('ZRANGEBYSCORE', schedulesDueKey, '(' .. nowText, '+inf', 'WITHSCORES', 'LIMIT', 0, 1)
if following[2] then
  reply[2] = math.max(0, tonumber(following[2]) - now)
end
return reply
