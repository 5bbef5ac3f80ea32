#!lua flags=allow-oom
-- promote: move due tasks to pending.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  taskIds that crashed their workers twice
-- KEYS[5] pending:typed  ZSET  tasks that stand aside for a worker that runs their type, all with score 0
-- KEYS[6] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[7] tasks  HASH  taskId -> envelope
-- KEYS[8] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[9] wake  CHANNEL
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] limit  integer  1 to 500
-- RETURNS {promoted, ms until the next is due or -1, tasks that stand aside by their type}
-- TIME    O(n log s), n = limit, s = tasks scheduled
-- MOVES   scheduled -> pending

-- include lib/clock.lua
-- include lib/queue.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/parked.lua
-- include lib/due.lua

if not readSettings(redis.call('HGET', stateKey, '#settings')) then
  return layoutError()
end
local promoted = promoteDue(limit)
if promoted > 0 then
  wake()
end
return { promoted, untilDue(), redis.call('ZCARD', pendingTypedKey) }
