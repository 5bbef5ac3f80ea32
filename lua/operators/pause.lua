#!lua flags=allow-oom
-- pause: stop or resume the granting of tasks. Running tasks continue.
-- KEYS[1] state  HASH  the queue's own fields
-- KEYS[2] wake  CHANNEL
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] paused  integer  1 pauses, 0 resumes
-- ARGV[3] reason  string  percent-encoded, shown to operators
-- ARGV[4] by  string  percent-encoded, who pauses it
-- RETURNS 1
-- TIME    O(1)
-- MOVES   nothing

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/settings.lua
-- include lib/wake.lua

local settings = readSettings(redis.call('HGET', stateKey, '#settings'))
if not settings then
  return layoutError()
end
settings.paused = paused == 1
settings.reason = paused == 1 and table.concat({ reason, nowText, by }, ',') or ''
redis.call('HSET', stateKey, '#settings', writeSettings(settings))
if paused == 0 then
  wake()
end
return 1
