#!lua flags=allow-oom
-- queue_add: make a queue known to operators and janitors, and end a deletion of it that is under way.
-- KEYS[1] :queues  SET  names of the queues
-- KEYS[2] :partitions  HASH  partitioned queue -> its first number of partitions; queue:step -> the number after that growth
-- KEYS[3] :deleting  HASH  queue -> the deletion that is under way
-- KEYS[4] :queue_makers  HASH  q<queue> -> the key or address that made it; n<key or address> -> how many of these queues are in the registry
-- ARGV[1] queue  string
-- ARGV[2] whole  string  the queue that it is a partition of, "" where it is not a partition
-- ARGV[3] partition  integer  which one it is
-- ARGV[4] maker  string  the key or address that makes the queue, if it is new; "" to count nobody
-- ARGV[5] most  integer  queues that a maker may have made
-- RETURNS "added" | "too_many" (it is new, and its maker has made as many as it may) | "partitioned" (only its partitions take tasks) | "no_partition" (its queue has no such partition)
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
  -- A process of an older version removes a queue without its maker: that one is counted still, and stays.
  if redis.call('HSETNX', queueMakersKey, 'q' .. queue, maker) == 1 then
    redis.call('HINCRBY', queueMakersKey, 'n' .. maker, 1)
  end
end
redis.call('SADD', queuesKey, queue)
redis.call('HDEL', deletingKey, queue)
return 'added'
