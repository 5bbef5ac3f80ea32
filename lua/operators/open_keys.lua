#!lua flags=allow-oom
-- open_keys: after a change of limits, add keys that may run now to `ready`. It continues where the last call ended.
-- KEYS[1] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[2] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[3] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[4] state  HASH  the queue's own fields
-- KEYS[5] wake  CHANNEL
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] limit  integer  keys to look at, 1 to 500
-- RETURNS the last key that was looked at, "" if there are no more
-- TIME    O(n log w), n = limit, w = tasks with a key that wait
-- MOVES   nothing

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/wake.lua
-- include lib/limits.lua

local fields = redis.call('HMGET', stateKey, '#settings', '#limits', '#opening')
local settings = readSettings(fields[1])
if not settings then
  return layoutError()
end
local last = openKeys(newLimits(fields[2], settings), fields[3] or '', limit)
wake()
return last
