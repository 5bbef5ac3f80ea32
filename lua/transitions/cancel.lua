#!lua flags=allow-oom
-- cancel: end a waiting task at once, or ask the worker of a running one to stop.
-- KEYS[1] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[2] cancelled  LIST  taskIds, newest first
-- KEYS[3] tasks  HASH  taskId -> envelope
-- KEYS[4] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[5] wake  CHANNEL
-- KEYS[6] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] taskId  string
-- RETURNS "cancelled" | "requested" | "too_late" | "not_found"
-- TIME    O(log s), s = tasks scheduled; the list entry of a pending task stays as a tombstone, which acquire drops
-- MOVES   pending | scheduled | waiting -> cancelled

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/tombstones.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/stop.lua
-- include lib/ends.lua

local envelope = redis.call('HGET', tasksKey, taskId)
local fields = redis.call('HMGET', stateKey, '#counters', taskId, '#settings')
local settings = readSettings(fields[3])
if not settings then
  return layoutError()
end
local counters, record = unpackCounters(fields[1]), fields[2]
if not envelope then
  return headerIn(record) and 'too_late' or 'not_found'
end
local letter = record and string.sub(record, 1, 1)

if letter == 'l' then
  redis.call('HSET', stateKey, taskId, askToStop(taskId, record))
  return 'requested'
end
if letter == 'x' then
  return 'cancelled'
end
if letter == 'k' or letter == 'o' then
  return 'not_found'
end
local waiting, behind = isScheduled(record, envelope), letter == 'w'
if not waiting and not behind and not isPending(record, envelope) then
  return 'too_late'
end

local c = parseCounts(record or 'p0')
if option(envelope, 'h') then
  setFlag(c, FLAG_GIVEN)
end
redis.call('LPUSH', cancelledKey, taskId)
if waiting then
  add(counters, SCHEDULED, -1)
elseif not behind then
  add(counters, PENDING, -1)
  local aside = c.unroutedSince > 0
  countTombstone(counters, not aside and keyOption(envelope) and 'keyed' or bandOf(envelope, c), aside, 1)
end
add(counters, CANCELLED, 1)
add(counters, CANCELLED_TOTAL, 1)
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
  events.note(EVENT_CANCELLED, taskId)
  events.number()
end
local commit = { taskId, 'x' .. countsText(c) .. ' ' .. nowText .. historyOf(record) }
if hasFlag(c, FLAG_NODE) then
-- include lib/note_ends.lua
  -- A grant that finds the flow cancelled makes the node waiting, although the node waits for no other one. Such a node
  -- was not counted as waiting, so it must not be subtracted.
  local isBehind = behind and not string.find(record, '^w%S+ 0')
  addEnd(taskId, isBehind and 'v' or 'x', c)
  noteEnds(commit, behind and -1 or 0)
end
redis.call('HSET', stateKey, '#counters', packCounters(counters), unpack(commit))
if waiting then
  redis.call('ZREM', scheduledKey, taskId)
end
if hasFlag(c, FLAG_NEXT) then
-- include lib/next.lua
-- include lib/wake.lua
  releaseNext({ taskId })
  if not settings.paused then
    wake()
  end
end
if events then
  events.tell()
end
return 'cancelled'
