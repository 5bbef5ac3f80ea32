#!lua flags=allow-oom
-- empty: remove up to `limit` tasks from one index.
-- KEYS[1] index  LIST|ZSET  the index to empty, of this queue
-- KEYS[2] remembered  LIST  ids of purged tasks whose ids a caller gave, newest first
-- KEYS[3] tasks  HASH  taskId -> envelope
-- KEYS[4] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[5] results  HASH  taskId -> JSON text
-- KEYS[6] progress  HASH  taskId -> progress and log lines
-- KEYS[7] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[8] unique  HASH  unique key -> the task that was accepted last for it (lib/unique.lua)
-- KEYS[9] events  STREAM  entries of events (lib/events.lua)
-- KEYS[10] wake  CHANNEL
-- KEYS[11] kept:types  ZSET  those with a count, a line for each type (lib/keep.lua), all with score 0
-- KEYS[12] steps  HASH  durable steps (lib/steps.lua)
-- KEYS[13] steps:removed  LIST  steps to remove: serial, places, and the numbers of the signals
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] requestSlot  string  "#q:<instance of the caller>:<slot>"
-- ARGV[3] sequence  integer  the number of the call, which grows within the slot
-- ARGV[4] target  string  pending | scheduled | dead | completed | cancelled | expired: what the index holds
-- ARGV[5] limit  integer  1 to 500
-- RETURNS {removed, entries looked at}
-- TIME    O(n), n = limit
-- MOVES   target -> purged

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/tombstones.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/purge.lua
-- include lib/unique.lua
-- include lib/errors.lua

local fields = redis.call('HMGET', stateKey, '#counters', '#settings', requestSlot, '#purging')
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
local previous, refused = previousReply(fields[3])
if refused then
  return refused
end
if previous then
  local removed, looked = string.match(previous, '^(%d+) (%d+)$')
  return { tonumber(removed), tonumber(looked) }
end
finishPurge(fields[4])
local sorted = redis.call('TYPE', indexKey).ok == 'zset'
local members = redis.call(sorted and 'ZRANGE' or 'LRANGE', indexKey, 0, limit - 1)
if #members == 0 then
  return { 0, 0 }
end
local ids = {}
for i, member in ipairs(members) do
  ids[i] = string.match(member, '%S+$') -- in `pending:typed` and `pending:keyed` a member ends with the id
end
local counters = unpackCounters(fields[1])
local records = redis.call('HMGET', stateKey, unpack(ids))
local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
local LETTERS = { dead = 'd', completed = 'c', cancelled = 'x', expired = 'e' }
local COUNTER = { pending = PENDING, scheduled = SCHEDULED, dead = DEAD, completed = COMPLETED, cancelled = CANCELLED, expired = EXPIRED }
local stood, texts = {}, {}
for i, id in ipairs(ids) do
  local header = headerIn(records[i])
  texts[id] = envelopes[i] or header and '+' .. header
end
local errors = newErrors()
local plan = planPurge(ids, records, settings, function(record, i)
  if target == 'pending' then
    stood[i] = isPending(record, envelopes[i])
    return stood[i]
  elseif target == 'scheduled' then
    return isScheduled(record, envelopes[i])
  end
  local belongs = record and string.sub(record, 1, 1) == LETTERS[target]
  if belongs and target == 'dead' then
    countDead(errors, record, -1)
  end
  return belongs
end)
indexRequest(fields[3], 's', requestSlot)
rememberPurged(plan)
if sorted and target == 'completed' then
-- include lib/keep.lua
-- include lib/kept.lua
  local lined = linesOf(ids, records, envelopes)
  if #lined > 0 then
    redis.call('ZREM', keptTypesKey, unpack(lined))
  end
end
add(counters, COUNTER[target], -plan.counted)
add(counters, PURGED, plan.counted)
add(counters, HEADERS, -plan.headers)
if target == 'pending' then
  local band = string.match(indexKey, 'pending:(%a+)$') or 'normal'
  for i, member in ipairs(members) do
    if not stood[i] then
      countTombstone(counters, band ~= 'keyed' and sorted and member or band, band ~= 'keyed' and sorted, -1)
    end
  end
end
local reply = string.format('%d %d', plan.counted, #ids)
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
  for at = 1, #plan.commit, 2 do
    events.note(EVENT_REMOVED, plan.commit[at])
  end
  events.number()
end
if ends then
-- include lib/note_ends.lua
  noteEnds(plan.commit, 0)
end
planErrors(errors, plan.commit)
redis.call('HSET', stateKey, '#counters', packCounters(counters), requestSlot, keptReply(sequence, reply), unpack(plan.commit))
removePurged(plan)
freeWindows(plan.removed, texts)
if sorted then
  redis.call('ZREM', indexKey, unpack(members))
else
  redis.call('LTRIM', indexKey, #ids, -1)
end
if events then
  events.tell()
end
return { plan.counted, #ids }
