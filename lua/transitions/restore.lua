#!lua flags=allow-oom
-- restore: undo a discard. The tasks that the discard took become dead letters again, unchanged.
-- KEYS[1] discarded  ZSET  taskId -> when it was discarded, ms since the epoch
-- KEYS[2] dead_letters  ZSET  taskId -> when the task died, ms since the epoch
-- KEYS[3] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[4] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[5] events  STREAM  entries of events (lib/events.lua)
-- KEYS[6] wake  CHANNEL
-- KEYS[7] tasks  HASH  taskId -> envelope
-- KEYS[8] kept:dead  ZSET  dead letters with `keep`: taskId -> when it is dropped, ms since the epoch
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] requestSlot  string  "#q:<instance of the caller>:<slot>"
-- ARGV[3] sequence  integer  the number of the call, which grows within the slot
-- ARGV[4] discard  string  the name of the discard: only tasks that it took are restored
-- ARGV[5..] taskId  string  repeated, at most 500 times
-- RETURNS a letter per task: r restored, n not discarded, or discarded by another discard
-- TIME    O(n log d), n tasks given, d = dead letters
-- MOVES   discarded -> dead

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/ends.lua
-- include lib/errors.lua

-- 1. Read.
local ids = { unpack(ARGV, taskIdAt) }
local records = redis.call('HMGET', stateKey, '#counters', '#settings', requestSlot, unpack(ids))
local settings = readSettings(records[2])
if not settings then
  return layoutError()
end
local previous, refused = previousReply(records[3])
if refused then
  return refused
end
if previous then
  return previous
end
local counters = unpackCounters(records[1])
local letters, commit, dead, restored, seen = {}, {}, {}, {}, {}
local deadUntil, errors = {}, newErrors()
for i, id in ipairs(ids) do
  local record = records[i + 3]
  local counts, endedAt, reason, by = string.match(record or '', '^k(%S+) (%d+) (%S+[ !%x]-) %d+ ([^\n ]+)')
  letters[i] = counts and by == discard and not seen[id] and 'r' or 'n'
  seen[id] = true
  if letters[i] == 'r' then
    restored[#restored + 1] = id
    local c = parseCounts(record)
    if hasFlag(c, FLAG_KEEP) then
-- include lib/keep.lua
      noteDeadUntil(deadUntil, id, redis.call('HGET', tasksKey, id), tonumber(endedAt))
    end
    if hasFlag(c, FLAG_NODE) then
      addEnd(id, 'b', c)
    end
    dead[#dead + 1], dead[#dead + 2] = endedAt, id
    if not countDead(errors, record, 1) then
      reason = string.match(reason, '^%S+')
    end
    commit[#commit + 1], commit[#commit + 2] = id, 'd' .. counts .. ' ' .. endedAt .. ' ' .. reason .. historyOf(record)
  end
end
letters = table.concat(letters)

-- 2. Write the targets: where the tasks go.
indexRequest(records[3], 's', requestSlot)
if #restored > 0 then
  redis.call('ZADD', deadLettersKey, unpack(dead))
end
if #deadUntil > 0 then
  redis.call('ZADD', keptDeadKey, unpack(deadUntil))
end

-- 3. Commit: one HSET.
planErrors(errors, commit)
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
  events.noteAll(EVENT_RESTORED, table.concat(restored, ' '), #restored)
  events.number()
end
add(counters, DEAD, #restored)
add(counters, PURGED, -#restored)
if ends then
-- include lib/note_ends.lua
  noteEnds(commit, 0)
end
redis.call('HSET', stateKey, '#counters', packCounters(counters), requestSlot, keptReply(sequence, letters), unpack(commit))

-- 4. Remove the source: where the tasks were.
if #restored > 0 then
  redis.call('ZREM', discardedKey, unpack(restored))
end
if events then
  events.tell()
end
return letters
