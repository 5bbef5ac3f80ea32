#!lua flags=allow-oom
-- open: ask whether the queue is registered, or confirm that it is. Enqueues are refused until it is confirmed.
-- KEYS[1] state  HASH  the queue's own fields
-- ARGV[1] nonce  string  new for each call, not "1"
-- ARGV[2] confirmed  string  the text that the first call returned; "" to ask
-- RETURNS "1" if the queue is registered; "" if it was deleted meanwhile; otherwise the text to confirm
--   The caller registers the queue, and then confirms that text
-- TIME    O(1)
-- MOVES   nothing

-- include lib/queue.lua

local fields = redis.call('HMGET', stateKey, '#registered', '#settings')
if not readSettings(fields[2]) then
  return layoutError()
end
local registered = fields[1] or ''
if registered == '1' then
  return '1'
end
if confirmed == '' then
  if registered == '' then
    redis.call('HSET', stateKey, '#registered', nonce)
    return nonce
  end
  return registered
end
-- If the field has changed, the queue was deleted after the first call. Then the registry may not have it any more, so
-- the caller has to register it again.
if registered == confirmed then
  redis.call('HSET', stateKey, '#registered', '1')
  return '1'
end
return ''
