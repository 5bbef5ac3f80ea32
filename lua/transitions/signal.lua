#!lua
-- signal: give a signal to a task that has not ended. The signal is kept until the handler of the task waits for its
-- event. If the task waits for that event now, the task becomes pending. Refused at maxmemory, like an enqueue.
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
-- KEYS[11] steps  HASH  durable steps (lib/steps.lua)
-- KEYS[12] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[13] wake  CHANNEL
-- KEYS[14] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] requestSlot  string  "#q:<instance of the caller>:<slot>"
-- ARGV[3] sequence  integer  the number of the call, which grows within the slot
-- ARGV[4] taskId  string
-- ARGV[5] event  string  percent-encoded
-- ARGV[6] data  string  JSON text, "" for none
-- RETURNS "delivered" (the task waited for it and is pending now) | "kept" | "ended" | "not_found"
-- TIME    O(s + log n), s = signals that are kept for the task, at most 100, n = tasks scheduled
-- MOVES   scheduled -> pending

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/wake.lua
-- include lib/limits.lua
-- include lib/steps.lua

-- Returns whether the signal still waits for a handler. `field`: the field of its data.
local function isSignalKept(head, field)
  for _, signal in ipairs(head.signals) do
    if head.serial .. '!' .. signal.number == field then
      return true
    end
  end
  return false
end

-- 1. Read.
local envelope = redis.call('HGET', tasksKey, taskId)
local known = redis.call('HMGET', stateKey, taskId, '#settings', '#limits')
local stored = redis.call('HGET', stepsKey, requestSlot)
local record, settings = known[1] or nil, readSettings(known[2])
if not settings then
  return layoutError()
end
local previous, refused = previousReply(stored)
if refused then
  return refused
end
local letter = record and string.byte(record)
if previous then
  -- An earlier call has stored the signal, so the state of the task does not matter now.
elseif not envelope or letter == RECORD_DISCARDED or letter == RECORD_PURGED then
  return headerIn(record) and 'ended' or 'not_found'
elseif endedAtOf(record) then
  return 'ended'
end
local head, fields = readHead(taskId), {}
local waitsFor = string.match(record or '', '^s%S+ %d+ ~([^\n]*)')
local isAwaited = waitsFor and string.find(',' .. waitsFor .. ',', ',' .. event .. ',', 1, true)
local reply = previous and string.match(previous, '^%a+') or isAwaited and 'delivered' or 'kept'

-- 2. Write the target, and 3. commit it with the reply, so that a repeat does not add a second signal. The signal is
-- stored even if the task waits for it, because the handler takes the signal when it runs again.
if previous then
  -- An earlier call may have been aborted here. If a handler has taken the signal, the task waits for another one.
  isAwaited = isAwaited and isSignalKept(head, string.match(previous, '%S+$'))
else
  indexRequest(stored, 'p', requestSlot)
  head.number = head.number + 1
  head.signals[#head.signals + 1] = { line = string.format('%d %s %d %s', head.number, nowText, #data, event), number = tostring(head.number) }
  if #head.signals > SIGNALS_KEPT then
    head.dropped[#head.dropped + 1] = table.remove(head.signals, 1)
  end
  local field = head.serial .. '!' .. head.number
  fields[1], fields[2], fields[3], fields[4] = field, data, requestSlot, keptReply(sequence, reply .. ' ' .. field)
  noteHead(fields, taskId, head)
  redis.call('HSET', stepsKey, unpack(fields))
end

-- 4. Make the task pending, and remove the source: `promoteDue` does both.
if isAwaited then
  if settings.maxEvents then
-- include lib/events.lua
    events = newEvents(settings)
  end
  limits = newLimits(known[3], settings)
  promoteDue(1, { taskId })
  wake()
end
if not previous then
  dropSignals(head)
end
if events then
  events.tell()
end
return reply
