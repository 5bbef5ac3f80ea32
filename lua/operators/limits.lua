#!lua flags=allow-oom
-- limits: set the limits of a queue. The next acquire obeys them; `open_keys` finds the keys that may run now.
-- KEYS[1] state  HASH  the queue's own fields
-- KEYS[2] wake  CHANNEL
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] lines  string  the lines of lib/accounts.lua, "" for no limits; shares, and holds of types, stay as they are
-- RETURNS 1
-- TIME    O(t), t = types with a limit
-- MOVES   nothing

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/settings.lua
-- include lib/shares.lua
-- include lib/wake.lua

local fields = redis.call('HMGET', stateKey, '#settings', '#limits')
local settings = readSettings(fields[1])
if not settings then
  return layoutError()
end
for name in string.gmatch('\n' .. (fields[2] or ''), '\ntype (%S+)') do
  local isGone = not string.find('\n' .. lines, '\ntype ' .. name .. ' ', 1, true)
  local heldUntil = isGone and string.match(redis.call('HGET', stateKey, '@ /' .. name) or '', '^%S+ %S+ %S+ (%d+)')
  if heldUntil and tonumber(heldUntil) > now then
    lines = lines .. (lines == '' and '' or '\n') .. 'type ' .. name .. ' - - 0 0 1'
  end
end
settings.layout = 2
redis.call('HSET', stateKey, '#settings', writeSettings(settings), '#limits', withShares(lines, fields[2]), '#opening', '')
wake()
return 1
