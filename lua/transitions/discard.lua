#!lua flags=allow-oom
-- discard: take dead letters out, but keep them for a while so that the discard can be undone.
-- A task that the caller has already moved to another queue is purged instead, and its record names that queue.
-- KEYS[1] dead_letters  ZSET  taskId -> when the task died, ms since the epoch
-- KEYS[2] remembered  LIST  ids of purged tasks whose ids a caller gave, newest first
-- KEYS[3] tasks  HASH  taskId -> envelope
-- KEYS[4] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[5] results  HASH  taskId -> JSON text
-- KEYS[6] progress  HASH  taskId -> progress and log lines
-- KEYS[7] discarded  ZSET  taskId -> when it was discarded, ms since the epoch
-- KEYS[8] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[9] events  STREAM  entries of events (lib/events.lua)
-- KEYS[10] wake  CHANNEL
-- KEYS[11] steps  HASH  durable steps (lib/steps.lua)
-- KEYS[12] steps:removed  LIST  steps to remove: serial, places, and the numbers of the signals
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] requestSlot  string  "#q:<instance of the caller>:<slot>"
-- ARGV[3] sequence  integer  the number of the call, which grows within the slot
-- ARGV[4] diedBefore  integer  tasks that died after this moment stay; 0 for no limit
-- ARGV[5] discard  string  a name without spaces, by which restore finds the tasks of this discard
-- ARGV[6..] taskId  string  repeated, at most 500 times: taskId, the "queue/taskId" to which it moved or ""
-- RETURNS a letter per task: d discarded (or moved), n not dead, u unknown
-- TIME    O(n log d), n tasks given, d = dead letters
-- MOVES   dead -> discarded | purged (if it moved)

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/ends.lua
-- include lib/errors.lua
-- include lib/purge.lua

-- 1. Read.
local ids, moved = {}, {}
for at = taskIdAt, #ARGV, 2 do
  ids[#ids + 1] = ARGV[at]
  moved[ARGV[at]] = ARGV[at + 1] ~= '' and ARGV[at + 1] or nil
end
local fields = redis.call('HMGET', stateKey, '#counters', '#settings', requestSlot)
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
local previous, refused = previousReply(fields[3])
if refused then
  return refused
end
if previous then
  return previous
end
local counters = unpackCounters(fields[1])
local records = redis.call('HMGET', stateKey, unpack(ids))
local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
local letters, kept, commit, entries, dead, seen, errors = {}, {}, {}, {}, {}, {}, newErrors()
for i, id in ipairs(ids) do
  local record = records[i]
  local isGone = not (envelopes[i] or headerIn(record)) or (record and string.find(record, '^[kr]'))
  local isDead = not isGone and record and string.byte(record) == RECORD_DEAD and not seen[id]
    and (diedBefore == 0 or tonumber(endedAtOf(record)) <= diedBefore)
  letters[i] = isDead and 'd' or isGone and 'u' or 'n'
  dead[i] = isDead and moved[id] ~= nil
  seen[id] = true
  if isDead then
    countDead(errors, record, -1)
  end
  if isDead and not moved[id] then
    local head = string.match(record, '^d([^\n]*)')
    kept[#kept + 1] = id
    local c = parseCounts(record)
    if hasFlag(c, FLAG_NODE) then
      addEnd(id, 'k', c)
    end
    entries[#entries + 1], entries[#entries + 2] = nowText, id
    commit[#commit + 1] = id
    commit[#commit + 1] = 'k' .. head .. ' ' .. nowText .. ' ' .. discard .. historyOf(record)
  end
end
local plan = planPurge(ids, records, settings, function(_, i)
  return dead[i]
end)
-- The record of a moved task says to which queue it was moved.
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
    local ofNode = string.match(plan.commit[at + 1], '^r %S+ %S+ %S+( %- .*)$') or ''
    plan.commit[at + 1] = 'r ' .. nowText .. ' ' .. fingerprint .. ' ' .. to .. ofNode
  end
end
letters = table.concat(letters)

-- 2. Write the targets: where the tasks go.
indexRequest(fields[3], 's', requestSlot)
rememberPurged(plan)
if #kept > 0 then
  redis.call('ZADD', discardedKey, unpack(entries))
end

if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
  for i, id in ipairs(ids) do
    if string.sub(letters, i, i) == 'd' then
      events.note(moved[id] and EVENT_REMOVED or EVENT_DISCARDED, id)
    end
  end
  events.number()
end

-- 3. Commit. A discarded task counts as purged until it is restored.
add(counters, DEAD, -plan.counted - #kept)
add(counters, PURGED, plan.counted + #kept)
for at = 1, #plan.commit do
  commit[#commit + 1] = plan.commit[at]
end
planErrors(errors, commit)
if ends then
-- include lib/note_ends.lua
  noteEnds(commit, 0)
end
redis.call('HSET', stateKey, '#counters', packCounters(counters), requestSlot, keptReply(sequence, letters), unpack(commit))

-- 4. Remove the sources: where the tasks were.
removePurged(plan)
for at = 1, #plan.removed do
  kept[#kept + 1] = plan.removed[at]
end
if #kept > 0 then
  redis.call('ZREM', deadLettersKey, unpack(kept))
end
if events then
  events.tell()
end
return letters
