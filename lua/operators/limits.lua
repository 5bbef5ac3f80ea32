#!lua flags=allow-oom
-- limits: set the limits of a queue. The next acquire obeys them; `open_keys` looks for the keys that may run now.
-- KEYS[1] state  HASH  the queue's own fields
-- KEYS[2] wake  CHANNEL
-- ARGV[1] lines  string  the lines of lib/accounts.lua, "" for no limits; shares stay as they are
-- RETURNS 1
-- TIME    O(1)
-- MOVES   nothing

-- include lib/queue.lua
-- include lib/shares.lua
-- include lib/parked.lua

local fields = redis.call('HMGET', stateKey, '#settings', '#limits')
local settings = readSettings(fields[1])
if not settings then
  return layoutError()
end
settings.layout = 2
redis.call('HSET', stateKey, '#settings', writeSettings(settings), '#limits', withShares(lines, fields[2]), '#opening', '')
wake()
return 1
