#!lua
-- enqueue_again: give ids whose tasks ended without completing a new life, when the ids are enqueued again.
-- Refused at maxmemory, like every enqueue.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  ids of tasks that crashed their workers twice
-- KEYS[5] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[6] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[7] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[8] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[9] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[10] dead_letters  ZSET  taskId -> when the task died, ms since the epoch
-- KEYS[11] discarded  ZSET  taskId -> when it was discarded, ms since the epoch
-- KEYS[12] cancelled  LIST  taskIds, newest first
-- KEYS[13] expired  LIST  taskIds, newest first
-- KEYS[14] tasks  HASH  taskId -> envelope, and the numbers of accepted tasks
-- KEYS[15] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[16] progress  HASH  taskId -> progress and log lines
-- KEYS[17] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[18] unique  HASH  unique key -> the task that was accepted last for it (lib/unique.lua)
-- KEYS[19] wake  CHANNEL
-- KEYS[20] events  STREAM  entries of events (lib/events.lua)
-- KEYS[21] steps  HASH  durable steps (lib/steps.lua)
-- KEYS[22] steps:removed  LIST  steps to remove: serial, places, and the numbers of the signals
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] requestSlot  string  "#q:<instance of the caller>:<slot>"
-- ARGV[3] sequence  integer  the number of the call, which grows within the slot
-- ARGV[4..] taskId  string  repeated, at most 500 times: taskId, envelope
-- RETURNS {verdicts, states, owners}
--   verdicts: a letter per task, as enqueue gives it, or g if nothing is known about the id any more
--   states: of the tasks with d, c, o, u and w. owners: the ids of the tasks that hold the unique keys of tasks with
--     o, u and w, separated by spaces
-- TIME    O(n (log s + c)), n tasks given, s = tasks scheduled, c = tasks that were cancelled or expired after them
-- MOVES   dead | cancelled | expired | discarded -> pending | scheduled

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/known_ids.lua
-- include lib/unique.lua
-- include lib/bands.lua
-- include lib/limits.lua
-- include lib/stop.lua
-- include lib/ends.lua
-- include lib/policies.lua
-- include lib/due.lua
-- include lib/wake.lua
-- include lib/errors.lua

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
  local verdicts, states, owners = string.match(previous, '^(%a*) (%a*) ?(.*)$')
  return { verdicts, states, owners ~= '' and owners or nil }
end
local known = redis.call('HMGET', tasksKey, '#in', unpack(ids))
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
end
limits = newLimits(records[4], settings)
local unique = newUnique(offered)
local counters = unpackCounters(records[1])
local acceptedPending, acceptedScheduled = unpackAccepted(known[1])
local room = math.huge
if settings.maxWaiting > 0 then
  room = settings.maxWaiting - (acceptedPending + acceptedScheduled + counters[PENDING] + counters[SCHEDULED])
end
-- Returns whether the key of a task accepts one more. A task that is scheduled for later is always accepted.
local function admitsAgain(envelope)
  local key, time = keyOption(envelope), dueTime(envelope)
  return not key or time and time > now or admits(limits, key)
end
local COUNTER = { d = DEAD, x = CANCELLED, e = EXPIRED, k = PURGED }
local sources = { d = {}, x = {}, e = {}, k = {} }
local bands, due, envelopes, commit, again, letters, states, begun = newBands(), {}, {}, {}, {}, {}, {}, {}
local pushed, isKeyed, errors = 0, false, newErrors()
for i, id in ipairs(ids) do
  local record, envelope = records[i + 4] or nil, offered[i]
  if begun[id] then -- the id came before in this call, and has its new life already
    record = nil
  end
  local verdict, state = standing(begun[id] or known[i + 1] or envelopeIn(record), record, envelope, true)
  local conflict, holderState
  if verdict == 'e' then
    conflict, holderState = unique.conflict(i, id)
  end
  if conflict then
    verdict, states[#states + 1] = conflict, holderState
  elseif verdict == 'e' and room < 1 then
    verdict = 'f'
  elseif verdict == 'n' then
    verdict = 'g'
  elseif verdict == 'd' or verdict == 'c' then
    states[#states + 1] = state
  elseif verdict == 'e' and not admitsAgain(envelope) then
    verdict = 'k'
  elseif verdict == 'e' then
    verdict, room = 'n', room - 1
    local c = parseCounts(record)
    -- A task that crashed its workers still has to run alone, so that no other task crashes with it.
    c.flags = needsSolo(c) and FLAG_ALONE or ''
    c.attempts, c.failures, c.crashes, c.releases, c.unroutedSince, c.limited = 0, 0, 0, 0, 0, 0
    c.generation = c.generation + 1
    local time = dueTime(envelope)
    local head
    if time and time > now then
      due[#due + 1], due[#due + 2] = string.format('%.0f', time), id
      isKeyed = isKeyed or keyOption(envelope) ~= nil
      add(counters, SCHEDULED, 1)
      head = 's' .. countsText(c) .. string.format(' %.0f', time)
    else
      if time then
        envelope, verdict = '+' .. string.sub(envelope, 2), 'p'
      end
      addPending(bands, id, envelope, c)
      add(counters, PENDING, 1)
      pushed = pushed + 1
      head = 'p' .. countsText(c)
    end
    add(counters, COUNTER[state], -1)
    if state == 'd' then
      countDead(errors, record, -1)
    end
    add(counters, REPLAYED_TOTAL, 1)
    local source = sources[state]
    source[#source + 1], again[#again + 1], begun[id] = id, id, envelope
    unique.take(i, id, string.sub(head, 1, 1))
    if events then
      events.note(string.byte(head) == RECORD_SCHEDULED and EVENT_SCHEDULED or EVENT_ENQUEUED, id)
    end
    envelopes[#envelopes + 1], envelopes[#envelopes + 2] = id, envelope
    commit[#commit + 1], commit[#commit + 2] = id, head .. appendReplay(record, c)
  end
  letters[i] = verdict
end
local verdicts, owners = table.concat(letters), #unique.owners > 0 and table.concat(unique.owners, ' ') or nil
states = table.concat(states)
if #again == 0 then
  return { verdicts, states, owners }
end

-- 2. Write the targets. After an abort before the commit, the record still says that the task has ended.
indexRequest(records[3], 's', requestSlot)
pushBands(bands, false)
local isSooner = false
if isKeyed and not limits.used then
  adoptLimits(settings)
end
if #due > 0 then
  isSooner = isFirstDue(placeDue(due))
  redis.call('ZADD', scheduledKey, unpack(due))
end
redis.call('HSET', tasksKey, unpack(envelopes))
unique.write()

if events then
  events.number()
end
planErrors(errors, commit)

-- 3. Commit. The new records have no fence, so a late verdict about an earlier attempt changes nothing.
redis.call('HSET', stateKey, '#counters', packCounters(counters), requestSlot,
  keptReply(sequence, verdicts .. ' ' .. states .. (owners and ' ' .. owners or '')), unpack(commit))
unique.writeWindows()

-- 4. Remove the sources, and the progress and the steps of the earlier life.
if #sources.d > 0 then
  redis.call('ZREM', deadLettersKey, unpack(sources.d))
end
if #sources.k > 0 then
  redis.call('ZREM', discardedKey, unpack(sources.k))
end
-- LREM searches from the newest entry, because most tasks that are enqueued again have ended recently.
for _, id in ipairs(sources.x) do
  redis.call('LREM', cancelledKey, '1', id)
end
for _, id in ipairs(sources.e) do
  redis.call('LREM', expiredKey, '1', id)
end
redis.call('HDEL', progressKey, unpack(again))
-- include lib/forget_steps.lua
forgetSteps(again)
if limits.full == 'cancel' and #bands.keyed > 0 then
  supersede(limits, counters, bands.keyed)
end
if (pushed > 0 or isSooner) and not settings.paused then
  wake()
end
if events then
  events.tell()
end
return { verdicts, states, owners }
