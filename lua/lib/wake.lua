-- A wake-up is a hint: a worker that found nothing left its request in "#parked", and polls once a second all the same.
local function wake()
  if redis.call('HDEL', stateKey, '#parked') == 1 then
    redis.call('SPUBLISH', wakeKey, '')
  end
end
