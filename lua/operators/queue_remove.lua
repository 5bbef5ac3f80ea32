#!lua flags=allow-oom
-- queue_remove: take a deleted queue out of the registry, unless it was registered again since the deletion began.
-- KEYS[1] :queues  SET  names of the queues
-- KEYS[2] :deleting  HASH  queue -> the deletion that is under way
-- KEYS[3] :queue_makers  HASH  q<queue> -> the key or address that made it; n<key or address> -> how many it made
-- ARGV[1] queue  string
-- ARGV[2] deletion  string  what the caller wrote to :deleting before it deleted the keys
-- RETURNS 1, or 0 if the queue is in use again
-- TIME    O(1)
-- MOVES   nothing

if redis.call('HGET', deletingKey, queue) ~= deletion then
  return 0
end
redis.call('SREM', queuesKey, queue)
redis.call('HDEL', deletingKey, queue)
local maker = redis.call('HGET', queueMakersKey, 'q' .. queue)
if maker then
  redis.call('HDEL', queueMakersKey, 'q' .. queue)
  if redis.call('HINCRBY', queueMakersKey, 'n' .. maker, -1) <= 0 then
    redis.call('HDEL', queueMakersKey, 'n' .. maker)
  end
end
return 1
