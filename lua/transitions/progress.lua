#!lua flags=allow-oom
-- progress: store what a running handler reports about its attempt, and what it keeps for the next attempt.
-- Only the holder of the current lease may write.
-- KEYS[1] state  HASH  taskId -> state record
-- KEYS[2] progress  HASH  taskId -> progress[ tab, checkpoint], then log lines: time, tab, level, tab, text
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] taskId  string
-- ARGV[3] fence  string  the fence of the caller's token
-- ARGV[4] progress  string  JSON text, empty to leave it as it is
-- ARGV[5] checkpoint  string  JSON text, empty to leave it as it is
-- ARGV[6] line  string  level, tab, percent-encoded text; empty for none
-- ARGV[7] maxLines  integer  the most log lines to keep; the oldest ones are dropped
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
-- include lib/call.lua
  lines[#lines + 1] = nowText .. '\t' .. line
end
local from = math.max(1, #lines - maxLines + 1)
local told = { text .. kept }
for i = from, #lines do
  told[#told + 1] = lines[i]
end
redis.call('HSET', progressKey, taskId, table.concat(told, '\n'))
return 1
