#!lua flags=allow-oom
-- progress: store what a running handler reports about its attempt, and what it keeps for the next attempt.
-- Only the holder of the current lease may write.
-- KEYS[1] state  HASH  taskId -> state record
-- KEYS[2] progress  HASH  taskId -> progress[ tab, checkpoint], then log lines
-- ARGV[1] taskId  string
-- ARGV[2] fence  string  the fence of the caller's token
-- ARGV[3] progress  string  JSON text, empty to leave it as it is
-- ARGV[4] checkpoint  string  JSON text, empty to leave it as it is
-- ARGV[5] line  string  percent-encoded, empty for none
-- ARGV[6] maxLines  integer  the most log lines to keep; the oldest ones are dropped
-- RETURNS 1 written, 0 stale
-- TIME    O(m), m = maxLines
-- MOVES   nothing

-- include lib/envelope.lua
-- include lib/record.lua

local record = redis.call('HGET', stateKey, taskId)
if not record or parseLease(record) ~= fence then
  return 0
end
local text, kept, lines = '', '', {}
local stored = redis.call('HGET', progressKey, taskId)
if stored then
  local first = string.match(stored, '^[^\n]*')
  text, kept = string.match(first, '^([^\t]*)(.*)$')
  for logged in string.gmatch(string.sub(stored, #first + 1), '\n([^\n]*)') do
    lines[#lines + 1] = logged
  end
end
if progress ~= '' then
  text = progress
end
if checkpoint ~= '' then
  kept = '\t' .. checkpoint
end
if line ~= '' then
  lines[#lines + 1] = line
end
local from = math.max(1, #lines - maxLines + 1)
local told = { text .. kept }
for i = from, #lines do
  told[#told + 1] = lines[i]
end
redis.call('HSET', progressKey, taskId, table.concat(told, '\n'))
return 1
