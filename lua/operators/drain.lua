#!lua flags=allow-oom
-- drain: tell one worker to acquire no more tasks, or to acquire again. The worker obeys with its next heartbeat.
-- KEYS[1] :workers  HASH  workerId -> what it says of itself, JSON
-- KEYS[2] :draining  SET  workerIds that were told to drain
-- ARGV[1] workerId  string
-- ARGV[2] draining  integer  1: drain, 0: go on
-- RETURNS 1, or 0 if no such worker is registered
-- TIME    O(1)
-- MOVES   nothing

if redis.call('HEXISTS', workersKey, workerId) == 0 then
  return 0
end
if draining == 1 then
  redis.call('SADD', drainingKey, workerId)
else
  redis.call('SREM', drainingKey, workerId)
end
return 1
