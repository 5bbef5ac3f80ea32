-- The only clock is Redis TIME, read once per script. Tests inject `clockMs`; 0 asks Redis.
local now = clockMs
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local nowText = string.format('%d', now)
