#!lua flags=allow-oom
-- mute: mute an error of a queue, or end the mute.
-- KEYS[1] state  HASH  taskId -> state record, and the queue's own fields
-- ARGV[1] signature  string
-- ARGV[2] mute  string  who muted the error, when, and until when, JSON; "" ends the mute
-- RETURNS 1, or 0 if the queue has no such error
-- TIME    O(1)
-- MOVES   nothing

if redis.call('HEXISTS', stateKey, '#!' .. signature) == 0 then
  return 0
end
if mute == '' then
  redis.call('HDEL', stateKey, '#mute:' .. signature)
else
  redis.call('HSET', stateKey, '#mute:' .. signature, mute)
end
return 1
