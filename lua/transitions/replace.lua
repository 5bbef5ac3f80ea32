#!lua
-- replace: give waiting tasks another envelope, for enqueues whose unique keys these tasks hold.
-- Refused at maxmemory, like every enqueue.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  ids of tasks that crashed their workers twice
-- KEYS[5] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[6] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[7] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[8] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[9] tasks  HASH  taskId -> envelope
-- KEYS[10] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[11] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[12] unique  HASH  unique key -> the task that was accepted last for it (lib/unique.lua)
-- KEYS[13] wake  CHANNEL
-- KEYS[14] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] requestSlot  string  "#q:<instance of the caller>:<slot>"
-- ARGV[3] sequence  integer  the number of the call, which grows within the slot
-- ARGV[4..] taskId  string  repeated, at most 500 times: id of the task that holds the key, new envelope
-- RETURNS a letter per pair: p replaced and pending, s replaced and scheduled, g no longer waits under this key, x mismatch
--   mismatch: the task has another type or another key of flow control
-- TIME    O(n log s), n pairs given, s = tasks scheduled
-- MOVES   pending -> scheduled; scheduled -> pending (otherwise the task stays where it is, or moves to another band)

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/tombstones.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/limits.lua
-- include lib/unique.lua
-- include lib/due.lua
-- include lib/wake.lua

-- 1. Read.
local ids, offered = {}, {}
for at = taskIdAt, #ARGV, 2 do
  ids[#ids + 1], offered[#offered + 1] = ARGV[at], ARGV[at + 1]
end
local records = redis.call('HMGET', stateKey, '#counters', '#settings', requestSlot, '#limits', unpack(ids))
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
limits = newLimits(records[4], settings)
local counters = unpackCounters(records[1])
local holders = newUnique(offered).holders
local envelopes = redis.call('HMGET', tasksKey, unpack(ids))

-- Returns when the task is due with its new envelope, ms since the epoch; nil if it is due at once.
local function dueWith(envelope, terms, holder)
  local time = dueTime(envelope)
  if terms.onConflict == 'd' then
    holder.latest = holder.latest or now + terms.ms
    time = time and math.min(time, holder.latest)
  end
  return time and time > now and time or nil
end

-- Returns the new envelope with two things from the old one: the fingerprint, by which a repeat of the first enqueue is
-- recognized, and the first byte, which is the state of a task without a record until the commit.
local function replacing(envelope, old)
  local header, payload = string.match(envelope, '^([^\n]*)(.*)$')
  local print = option(old, 'h')
  header = string.gsub(header, ' h=%S+', '') .. (print and ' h=' .. print or '')
  local flag = string.byte(old) == ENVELOPE_SCHEDULED and '@' or '+'
  return flag .. string.sub(header, 2) .. payload
end

-- Returns the history with one line that sums up all replacements of the task: "0 <generation> replaced <first time>
-- <last time> <instance> <number of replacements> -".
local function historyWith(history, generation, times)
  local before, first, count, after = string.match(history, '^(.-)\n0 %d+ replaced (%d+) %d+ %S+ (%d+) %-(.*)$')
  local by = string.match(requestSlot, '^#q:(%S+):%d+$') or '-'
  return (before and before .. after or roomIn(history))
    .. string.format('\n0 %d replaced %s %s %s %d -', generation, first or nowText, nowText, by, (count or 0) + times)
end

local plans, order, letters = {}, {}, {}
for i, id in ipairs(ids) do
  local envelope = offered[i]
  local terms = uniqueTerms(envelope)
  local holder, record, old = holders[terms.key], records[i + 4] or nil, envelopes[i] or nil
  local plan = plans[id]
  local isWaiting = isPending(record, old) or isScheduled(record, old)
  local isNext = holder and holder.next == id
  if not holder or holder.id ~= id and not isNext or not isWaiting then
    letters[i] = 'g'
  elseif typeOf(old) ~= typeOf(envelope) or keyOption(old) ~= keyOption(envelope) then
    letters[i] = 'x'
  else
    if not plan then
      plan = { id = id, record = record, old = old, c = parseCounts(record or 'p0'), was = isPending(record, old) and 'p' or 's', times = 0 }
      plans[id], order[#order + 1] = plan, plan
    end
    plan.envelope, plan.holder, plan.key, plan.times = envelope, holder, terms.key, plan.times + 1
    -- A task in `pending:typed` waits for a worker that runs its type, and not for a time, so it stays there.
    plan.due = plan.c.unroutedSince == 0 and dueWith(envelope, terms, holder) or nil
    if isNext then
      plan.stays, plan.due = true, math.floor(tonumber(redis.call('ZSCORE', scheduledKey, id) or now))
    end
    letters[i] = plan.due and 's' or 'p'
  end
end
letters = table.concat(letters)
if #order == 0 then
  return letters
end

local bands, due, left, stored, commit, entries = newBands(), {}, {}, {}, {}, {}
local wakes = false
for _, plan in ipairs(order) do
  local id, c, old, envelope = plan.id, plan.c, plan.old, plan.envelope
  local history = historyWith(historyOf(plan.record), c.generation, plan.times)
  local isInPlace = plan.was == 'p' and not plan.due and (c.unroutedSince > 0 or bandOf(old, c) == bandOf(envelope, c))
  if plan.was == 'p' and not isInPlace then
    countTombstone(counters, keyOption(old) and 'keyed' or bandOf(old, c), false, 1)
  end
  if plan.due and not plan.stays then
    due[#due + 1], due[#due + 2] = string.format('%.0f', plan.due), id
  elseif not plan.due and not isInPlace then
    addPending(bands, id, envelope, c)
    wakes = true
  elseif isInPlace and c.unroutedSince > 0 then -- its batch may start now (lib/fill.lua)
    wakes = wakes or bandOf(old, c) ~= bandOf(envelope, c) or option(old, 'e') ~= option(envelope, 'e')
  end
  if plan.was == 's' and not plan.due then
    left[#left + 1] = id
  end
  add(counters, plan.was == 'p' and PENDING or SCHEDULED, -1)
  add(counters, plan.due and SCHEDULED or PENDING, 1)
  local head = plan.due and 's' .. countsText(c) .. string.format(' %.0f', plan.due) or 'p' .. countsText(c)
  stored[#stored + 1], stored[#stored + 2] = id, replacing(envelope, old)
  commit[#commit + 1], commit[#commit + 2] = id, head .. history
  entries[#entries + 1], entries[#entries + 2] = plan.key, entryText(plan.holder)
end

-- 2. Write the targets: where the tasks go.
indexRequest(records[3], 's', requestSlot)
pushBands(bands, false)
local isSooner = false
if #due > 0 then
  isSooner = isFirstDue(placeDue(due))
  redis.call('ZADD', scheduledKey, unpack(due))
end
redis.call('HSET', uniqueKey, unpack(entries))
redis.call('HSET', tasksKey, unpack(stored))

-- 3. Commit: one HSET.
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
  for _, plan in ipairs(order) do
    events.note(EVENT_REPLACED, plan.id)
  end
  events.number()
end
redis.call('HSET', stateKey, '#counters', packCounters(counters), requestSlot, keptReply(sequence, letters), unpack(commit))

-- 4. Remove the sources. If a task moved to another band, its old entry stays as a tombstone.
if #left > 0 then
  redis.call('ZREM', scheduledKey, unpack(left))
end
if (wakes or isSooner) and not settings.paused then
  wake()
end
if events then
  events.tell()
end
return letters
