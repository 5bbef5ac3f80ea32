#!lua flags=allow-oom
-- share: give a queue its share of a limit that several queues share. The next acquire obeys it.
-- KEYS[1] state  HASH  the queue's own fields
-- KEYS[2] wake  CHANNEL
-- ARGV[1] name  string  the name of the limit
-- ARGV[2] version  integer  a share that is older than the present share of the queue is refused
-- ARGV[3] limit  string  "concurrency rate periodMs burst"; "" takes the share away
-- RETURNS how many tasks run; -1 if the share is refused
-- TIME    O(1)
-- MOVES   nothing

-- include lib/queue.lua
-- include lib/settings.lua
-- include lib/shares.lua
-- include lib/wake.lua

local fields = redis.call('HMGET', stateKey, '#settings', '#limits', '#counters')
local settings, text = readSettings(fields[1]), fields[2] or ''
if not settings then
  return layoutError()
end
local before = shareIn(text, name)
if before and tonumber(string.match(before, '^%d+')) > version then
  return -1
end
local processing = unpackCounters(fields[3])[PROCESSING]
local after = limit ~= '' and string.format('%d ', version) .. limit or nil
if before == after then
  return processing
end
local own = string.gsub(string.gsub('\n' .. text, '\nshare [^\n]+', ''), '^\n', '')
local lines = withShares(own, text, name)
settings.layout = 2
redis.call('HSET', stateKey, '#settings', writeSettings(settings), '#limits', lines .. (after and (lines ~= '' and '\n' or '') .. 'share ' .. name .. ' ' .. after or ''))
if not after then
  redis.call('HDEL', stateKey, '@ ' .. name)
end
wake()
return processing
