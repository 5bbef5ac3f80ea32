#!lua flags=allow-oom
-- partition: give a queue partitions and register them, or add partitions, or forget deleted partitions.
-- They are forgotten together, when all of them are deleted.
-- KEYS[1] :queues  SET  names of the queues
-- KEYS[2] :partitions  HASH  partitioned queue -> its first number of partitions; queue:step -> the number after that
--   growth
-- KEYS[3] :deleting  HASH  queue -> the deletion that is under way
-- KEYS[4] :queue_makers  HASH  q<queue> -> the key or address that made it; n<key or address> -> how many it made
-- ARGV[1] queue  string
-- ARGV[2] before  integer  the number of partitions that the caller knows; 0 if there are none
-- ARGV[3] count  integer  the number of partitions that the queue gets; 0 to forget them
-- ARGV[4] deletion  string  what the caller wrote to :deleting before it closed the unpartitioned queue; "" if there is
--   none
-- RETURNS the number of partitions that the queue has now; -1 if the queue is registered without partitions
--   It is not `count` if another caller was faster or used a deleted partition
-- TIME    O(n), n = partitions
-- MOVES   nothing

local known, step = 0, 0
local field = queue
local value = redis.call('HGET', partitionsKey, field)
while value do
  known, step = math.max(known, tonumber(value)), step + 1
  field = string.format('%s:%d', queue, step)
  value = redis.call('HGET', partitionsKey, field)
end
if known ~= before then
  return known
end
if count == 0 then
  for partition = 0, known - 1 do
    if redis.call('SISMEMBER', queuesKey, string.format('%s/%d', queue, partition)) == 1 then
      return known
    end
  end
  redis.call('HDEL', partitionsKey, queue)
  for growth = 1, step - 1 do
    redis.call('HDEL', partitionsKey, string.format('%s:%d', queue, growth))
  end
  return 0
end
if known == 0 and redis.call('SISMEMBER', queuesKey, queue) == 1 then
  if redis.call('HGET', deletingKey, queue) ~= deletion then
    return -1
  end
  redis.call('SREM', queuesKey, queue)
  redis.call('HDEL', deletingKey, queue)
  -- Each maker may create a limited number of queues. The first partition counts in place of the queue from now on.
  local maker = redis.call('HGET', queueMakersKey, 'q' .. queue)
  if maker then
    redis.call('HDEL', queueMakersKey, 'q' .. queue)
    redis.call('HSET', queueMakersKey, 'q' .. queue .. '/0', maker)
  end
end
redis.call('HSET', partitionsKey, field, count)
for partition = known, count - 1 do
  local name = string.format('%s/%d', queue, partition)
  redis.call('SADD', queuesKey, name)
  redis.call('HDEL', deletingKey, name)
end
return count
