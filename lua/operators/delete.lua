#!lua flags=allow-oom
-- delete: remove the keys of an empty queue, or only end its registration; `how` says which.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  ids of tasks that crashed their workers twice
-- KEYS[5] pending:typed  ZSET  tasks put aside for a worker that runs their type (lib/typed.lua), all with score 0
-- KEYS[6] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[7] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[8] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[9] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[10] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[11] dead_letters  ZSET  taskId -> when the task died, ms since the epoch
-- KEYS[12] completed  LIST  taskIds, newest first
-- KEYS[13] cancelled  LIST  taskIds, newest first
-- KEYS[14] expired  LIST  taskIds, newest first
-- KEYS[15] remembered  LIST  ids of purged tasks whose ids a caller gave, newest first
-- KEYS[16] tasks  HASH  taskId -> envelope
-- KEYS[17] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[18] results  HASH  taskId -> JSON text
-- KEYS[19] progress  HASH  taskId -> progress and log lines
-- KEYS[20] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[21] discarded  ZSET  taskId -> when it was discarded, ms since the epoch
-- KEYS[22] stale_verdicts  LIST  verdicts that came too late, newest first
-- KEYS[23] timings  HASH  how long tasks waited and ran
-- KEYS[24] series  LIST  buckets of 10 s
-- KEYS[25] series_long  LIST  buckets of 5 minutes
-- KEYS[26] series_last  STRING  when the last bucket ended, and what was counted by then
-- KEYS[27] unique  HASH  unique key -> the task that was accepted last for it (lib/unique.lua)
-- KEYS[28] events  STREAM  entries of events (lib/events.lua)
-- KEYS[29] kept  ZSET  completed tasks with `keep`: taskId -> when it is removed, ms since the epoch
-- KEYS[30] kept:types  ZSET  those with a count, a line for each type (lib/keep.lua), all with score 0
-- KEYS[31] kept:dead  ZSET  dead letters with `keep`: taskId -> when it is dropped, ms since the epoch
-- KEYS[32] flows_due  ZSET  flow -> when a janitor has to look at it, ms since the epoch
-- KEYS[33] steps  HASH  durable steps (lib/steps.lua)
-- KEYS[34] steps:removed  LIST  steps to remove: serial, places, and the numbers of the signals
-- KEYS[35] errors  HASH  signature -> type and error of the first failure
-- KEYS[36] type_timings  HASH  how long tasks of each type waited and ran
-- KEYS[37] series_types  LIST  buckets of 5 minutes by type
-- ARGV[1] how  string  "paused" | "taken_over" | "close"
--   paused: the queue has to be paused. taken_over: its settings have to be those that the caller knows.
--   close: only its registration ends, so that the next enqueue looks into the registry
-- ARGV[2] settings  string  the settings that the caller knows, "" for the defaults
-- RETURNS "deleted" | "closed" | "not_paused" | "changed" (the settings are not the given ones) | "busy"
-- TIME    O(r), r = remembered ids and request records
-- MOVES   nothing: every task has to be purged first

-- include lib/queue.lua
-- include lib/dead_caps.lua
-- include lib/flows.lua

local fields = redis.call('HMGET', stateKey, '#settings', '#dead_caps', '#flows', '#out')
local current = readSettings(fields[1])
if not current then
  return layoutError()
end
if how == 'paused' and not current.paused then
  return 'not_paused'
end
if how == 'taken_over' and settingsText(fields[1], fields[2]) ~= settings then
  return 'changed'
end
local flows = readTotals(fields[3] or nil)
-- The ends of nodes, and the messages for other queues and partitions, have to be delivered first.
if flows.taken < flows.noted or (fields[4] or '') ~= '' then
  return 'busy'
end
if redis.call('ZCARD', processingKey) + redis.call('ZCARD', scheduledKey) + redis.call('ZCARD', deadLettersKey)
  + redis.call('LLEN', pendingHighKey) + redis.call('LLEN', pendingKey) + redis.call('LLEN', pendingLowKey)
  + redis.call('LLEN', pendingSoloKey) + redis.call('ZCARD', pendingTypedKey) + redis.call('ZCARD', pendingKeyedKey) + redis.call('LLEN', completedKey) + redis.call('ZCARD', keptKey) + redis.call('LLEN', cancelledKey)
  + redis.call('LLEN', expiredKey) + flows.waiting > 0 then
  return 'busy'
end
if how == 'close' then
  redis.call('HDEL', stateKey, '#registered')
  return 'closed'
end
redis.call('UNLINK', unpack(KEYS))
return 'deleted'
