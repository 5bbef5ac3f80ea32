#!lua flags=allow-oom
-- queue_add: make a queue known to operators and janitors, and end a deletion of it that is under way.
-- KEYS[1] :queues  SET  names of the queues
-- KEYS[2] :partitions  HASH  partitioned queue -> its first number of partitions; queue:step -> the number after that growth
-- KEYS[3] :deleting  HASH  queue -> the deletion that is under way
-- ARGV[1] queue  string
-- ARGV[2] whole  string  the queue that it is a partition of, "" where it is not a partition
-- ARGV[3] partition  integer  which one it is; -1 where its queue is about to grow
-- RETURNS "added" | "partitioned" (only its partitions take tasks) | "no_partition" (its queue has no such partition)
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
redis.call('SADD', queuesKey, queue)
redis.call('HDEL', deletingKey, queue)
return 'added'
