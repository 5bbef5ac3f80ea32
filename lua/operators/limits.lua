#!lua flags=allow-oom
-- limits: set the limits of a queue. The next acquire obeys them; `open_keys` looks for the keys that may run now.
-- KEYS[1] state  HASH  the queue's own fields
-- KEYS[2] wake  CHANNEL
-- ARGV[1] lines  string  the lines of lib/accounts.lua, "" for no limits
-- RETURNS 1
-- TIME    O(1)
-- MOVES   nothing

-- include lib/queue.lua
-- include lib/parked.lua

if not readSettings(redis.call('HGET', stateKey, '#settings')) then
  return layoutError()
end
redis.call('HSET', stateKey, '#limits', lines, '#opening', '')
wake()
return 1
