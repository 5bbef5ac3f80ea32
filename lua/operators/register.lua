#!lua flags=allow-oom
-- register: report that a worker lives and what it runs, and learn whether it was told to drain.
-- KEYS[1] :workers  HASH  workerId -> what it says of itself, JSON
-- KEYS[2] :worker_tasks  HASH  workerId -> tasks that it runs, JSON
-- KEYS[3] :draining  SET  workerIds that were told to drain
-- ARGV[1] workerId  string
-- ARGV[2] worker  string  JSON
-- ARGV[3] tasks  string  JSON, "" for none
-- RETURNS 1 if the worker was told to drain, otherwise 0
-- TIME    O(1)
-- MOVES   nothing

redis.call('HSET', workersKey, workerId, worker)
if tasks == '' then
  redis.call('HDEL', workerTasksKey, workerId)
else
  redis.call('HSET', workerTasksKey, workerId, tasks)
end
return redis.call('SISMEMBER', drainingKey, workerId)
