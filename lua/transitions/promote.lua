#!lua flags=allow-oom
-- promote: move due tasks to pending.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  ids of tasks that crashed their workers twice
-- KEYS[5] pending:typed  ZSET  tasks put aside for a worker that runs their type (lib/typed.lua), all with score 0
-- KEYS[6] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[7] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[8] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[9] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[10] tasks  HASH  taskId -> envelope
-- KEYS[11] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[12] wake  CHANNEL
-- KEYS[13] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] limit  integer  1 to 500
-- RETURNS {promoted, ms until the next task is due or -1, tasks in pending:typed}
-- TIME    O(n log s), n = limit, s = tasks scheduled
-- MOVES   scheduled -> pending

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/wake.lua
-- include lib/due.lua
-- include lib/limits.lua

local fields = redis.call('HMGET', stateKey, '#settings', '#limits', '#opening')
local settings = readSettings(fields[1])
if not settings then
  return layoutError()
end
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
end
limits = newLimits(fields[2], settings)
limits.wakeResting(limits)
if fields[3] then
  openKeys(limits, fields[3], limit)
  limits.woke = true
end
local promoted = promoteDue(limit)
if promoted > 0 or limits.woke then
  wake()
end
if events then
  events.tell()
end
return { promoted, sooner(untilDue(), limits.untilRoom(limits)), redis.call('ZCARD', pendingTypedKey) }
