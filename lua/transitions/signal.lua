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
-- KEYS[12] wake  CHANNEL
-- KEYS[13] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] taskId  string
-- ARGV[3] event  string  percent-encoded
-- ARGV[4] data  string  JSON text, "" for none
-- RETURNS "delivered" (the task waited for it and is pending now) | "kept" | "ended" | "not_found"
-- TIME    O(s + log n), s = signals that are kept for the task, at most 100, n = tasks scheduled
-- MOVES   scheduled -> pending

-- include lib/clock.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/parked.lua
-- include lib/limits.lua
-- include lib/steps.lua

-- 1. Read.
local envelope = redis.call('HGET', tasksKey, taskId)
local known = redis.call('HMGET', stateKey, taskId, '#settings', '#limits')
local record, settings = known[1] or nil, readSettings(known[2])
if not settings then
  return layoutError()
end
local letter = record and string.byte(record)
if not envelope or letter == RECORD_DISCARDED or letter == RECORD_PURGED then
  return headerIn(record) and 'ended' or 'not_found'
end
if endedAtOf(record) then
  return 'ended'
end
local head, fields = readHead(taskId), {}
local waitsFor = string.match(record or '', '^s%S+ %d+ ~([^\n]*)')
local isAwaited = waitsFor and string.find(',' .. waitsFor .. ',', ',' .. event .. ',', 1, true)

-- 2. Write the target. The signal is stored even if the task waits for it, because the handler takes it only when it
-- runs again.
head.number = head.number + 1
head.signals[#head.signals + 1] = { line = string.format('%d %s %d %s', head.number, nowText, #data, event), number = tostring(head.number) }
if #head.signals > SIGNALS_KEPT then
  head.dropped[#head.dropped + 1] = table.remove(head.signals, 1)
end
fields[1], fields[2] = head.serial .. '!' .. head.number, data
noteHead(fields, taskId, head)
redis.call('HSET', stepsKey, unpack(fields))

-- 3. Commit, and remove the source: `promoteDue` does both.
if isAwaited then
  if settings.maxEvents then
-- include lib/events.lua
    events = newEvents(settings)
  end
  limits = newLimits(known[3], settings)
  promoteDue(1, { taskId })
  wake()
end
dropSignals(head)
if events then
  events.tell()
end
return isAwaited and 'delivered' or 'kept'
