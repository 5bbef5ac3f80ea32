-- Wakes the workers whose requests are parked. If the message is lost, a worker still notices the tasks, because it
-- polls once a second.
local function wake()
  if redis.call('HDEL', stateKey, '#parked') == 1 then
    redis.call('SPUBLISH', wakeKey, '')
  end
end
