-- The only clock of a script is the TIME of Redis, read once. Tests pass another time in `clockMs`; 0 means Redis time.
local now = clockMs
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local nowText = string.format('%d', now)
