#!lua flags=allow-oom
-- epoch: count a visit of a janitor. A count lower than one that it has seen, in a Redis that was restarted: writes were lost.
-- KEYS[1] state  HASH  the queue's own fields
-- RETURNS {epoch, run id of the server}; epoch 0 where the queue has no state yet
-- TIME    O(1)
-- MOVES   nothing

local runId = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
-- A queue that was deleted is not brought back.
if redis.call('EXISTS', stateKey) == 0 then
  return { 0, runId }
end
return { redis.call('HINCRBY', stateKey, '#epoch', 1), runId }
