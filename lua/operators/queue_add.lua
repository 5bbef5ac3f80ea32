#!lua flags=allow-oom
-- queue_add: make a queue known to operators and janitors, and end any deletion of it that is under way.
-- KEYS[1] :queues  SET  names of the queues
-- KEYS[2] :partitions  HASH  partitioned queue -> its first number of partitions; queue:step -> the number after that growth
-- KEYS[3] :deleting  HASH  queue -> the deletion that is under way
-- KEYS[4] :queue_makers  HASH  q<queue> -> the key or address that made it; n<key or address> -> how many it made
-- ARGV[1] queue  string
-- ARGV[2] whole  string  the queue of which it is a partition, "" if it is not a partition
-- ARGV[3] partition  integer  the number of the partition
-- ARGV[4] maker  string  the key or address that makes the queue, if it is new; "" to count nobody
-- ARGV[5] most  integer  how many queues one maker may make
-- RETURNS "added" | "too_many" | "partitioned" | "no_partition"
--   too_many: it is new, and its maker has made as many as it may. partitioned: only its partitions take tasks.
--   no_partition: its queue has no partition of this number
-- TIME    O(1)
-- MOVES   nothing

if whole == '' and redis.call('HEXISTS', partitionsKey, queue) == 1 then
  return 'partitioned'
end
if whole ~= '' then
  local count, step = 0, 1
  local field = redis.call('HGET', partitionsKey, whole)
  while field do
    count = math.max(count, tonumber(field))
    field = redis.call('HGET', partitionsKey, string.format('%s:%d', whole, step))
    step = step + 1
  end
  if count <= partition or count == 0 then
    return 'no_partition'
  end
end
if maker ~= '' and redis.call('SISMEMBER', queuesKey, queue) == 0 then
  if tonumber(redis.call('HGET', queueMakersKey, 'n' .. maker) or '0') >= most then
    return 'too_many'
  end
  -- An older version removes a queue without removing its maker. Then the queue is still counted for that maker.
  if redis.call('HSETNX', queueMakersKey, 'q' .. queue, maker) == 1 then
    redis.call('HINCRBY', queueMakersKey, 'n' .. maker, 1)
  end
end
redis.call('SADD', queuesKey, queue)
redis.call('HDEL', deletingKey, queue)
return 'added'
