#!lua flags=allow-oom
-- discard: remove dead letters for good, or mark them as moved to another queue, where they were enqueued before.
-- KEYS[1] dead_letters  ZSET  taskId -> when, ms since the epoch
-- KEYS[2] remembered  LIST  purged taskIds whose id a caller gave, newest first
-- KEYS[3] tasks  HASH  taskId -> envelope
-- KEYS[4] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[5] results  HASH  taskId -> JSON text
-- KEYS[6] progress  HASH  taskId -> progress and log lines
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2..] taskId  string  repeated, at most 500 times: taskId, "queue/taskId" that it moved to or ""
-- RETURNS a letter per task: d discarded (or moved), n not dead, u unknown
-- TIME    O(n log d), n tasks given, d = dead letters
-- MOVES   dead -> purged

-- include lib/clock.lua
-- include lib/counters.lua
-- include lib/settings.lua
-- include lib/record.lua
-- include lib/purge.lua

local ids, moved = {}, {}
for at = taskIdAt, #ARGV, 2 do
  ids[#ids + 1] = ARGV[at]
  moved[ARGV[at]] = ARGV[at + 1] ~= '' and ARGV[at + 1] or nil
end
local fields = redis.call('HMGET', stateKey, '#counters', '#settings')
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
local counters = unpackCounters(fields[1])
local records = redis.call('HMGET', stateKey, unpack(ids))
local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
local letters, dead, seen = {}, {}, {}
for i, id in ipairs(ids) do
  local record = records[i]
  local isDead = record and envelopes[i] and string.byte(record) == 100 and not seen[id] -- d
  letters[i] = isDead and 'd' or envelopes[i] and 'n' or 'u'
  dead[i] = isDead
  seen[id] = true
end
local plan = planPurge(ids, records, settings, function(_, i)
  return dead[i]
end)
-- The record of a moved task names where it went.
for at = 1, #plan.commit, 2 do
  local to = moved[plan.commit[at]]
  if to then
    local fingerprint = string.match(plan.commit[at + 1], '^r %d+ (%S+)') or '-'
    if plan.commit[at + 1] == 'r' then
      plan.remembered[#plan.remembered + 1] = plan.commit[at]
      for k, id in ipairs(plan.forgotten) do
        if id == plan.commit[at] then
          table.remove(plan.forgotten, k)
          break
        end
      end
    end
    plan.commit[at + 1] = 'r ' .. nowText .. ' ' .. fingerprint .. ' ' .. to
  end
end
rememberPurged(plan)
add(counters, DEAD, -plan.counted)
add(counters, PURGED, plan.counted)
if #plan.commit > 0 then
  redis.call('HSET', stateKey, '#counters', packCounters(counters), unpack(plan.commit))
end
removePurged(plan)
if #plan.removed > 0 then
  redis.call('ZREM', deadLettersKey, unpack(plan.removed))
end
return table.concat(letters)
