#!lua flags=allow-oom
-- epoch: count a visit of a janitor. If the count is lower than before, Redis has lost writes.
-- KEYS[1] state  HASH  the queue's own fields
-- RETURNS {epoch, run id of the server}; epoch 0 if the queue has no state
-- TIME    O(1)
-- MOVES   nothing

local runId = string.match(redis.call('INFO', 'server'), 'run_id:(%x+)') or ''
-- HINCRBY would create the key of a deleted queue again.
if redis.call('EXISTS', stateKey) == 0 then
  return { 0, runId }
end
return { redis.call('HINCRBY', stateKey, '#epoch', 1), runId }
