-- Wakes the workers with parked requests. If the message is lost, they notice the tasks when they poll.
local function wake()
  if redis.call('HDEL', stateKey, '#parked') == 1 then
    redis.call('SPUBLISH', wakeKey, '')
  end
end
