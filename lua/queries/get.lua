#!lua flags=no-writes
-- get: all that is known about up to 100 tasks.
-- KEYS[1] tasks  HASH  taskId -> envelope
-- KEYS[2] state  HASH  taskId -> state record
-- KEYS[3] results  HASH  taskId -> JSON text
-- KEYS[4] progress  HASH  taskId -> progress, checkpoint and log lines
-- KEYS[5] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[6] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[7] unique  HASH  unique key -> the task that was accepted last for it (lib/unique.lua)
-- ARGV[1..] taskId  string  repeated, at most 100 times
-- RETURNS per task: envelope, record, result, progress, lease expiry or due time, entry of its unique key
--   Each of them is "" if the task does not have it
--   progress: its JSON text[, a tab and the size of the checkpoint in bytes], and the log lines
--   Then, if the queue keeps events: the number of the last event and the life of the stream
-- TIME    O(n), n tasks given
-- MOVES   nothing

-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/unique.lua

local envelopes = redis.call('HMGET', tasksKey, unpack(ARGV))
local records = redis.call('HMGET', stateKey, unpack(ARGV))
local results = redis.call('HMGET', resultsKey, unpack(ARGV))
local progress = redis.call('HMGET', progressKey, unpack(ARGV))
local reply = {}
for i, id in ipairs(ARGV) do
  reply[#reply + 1] = envelopes[i] or ''
  reply[#reply + 1] = records[i] or ''
  reply[#reply + 1] = results[i] or ''
  local told = progress[i] or ''
  local tab = string.find(told, '\t', 1, true)
  if tab and tab < (string.find(told, '\n', 1, true) or math.huge) then -- the checkpoint may be long, and only handlers need it
    local kept = string.match(told, '^[^\n]*', tab + 1)
    told = string.sub(told, 1, tab) .. #kept .. string.sub(told, tab + 1 + #kept)
  end
  reply[#reply + 1] = told
  reply[#reply + 1] = redis.call('ZSCORE', processingKey, id) or redis.call('ZSCORE', scheduledKey, id) or ''
  local terms = envelopes[i] and uniqueTerms(envelopes[i])
  reply[#reply + 1] = terms and redis.call('HGET', uniqueKey, terms.key) or ''
end
local settings = readSettings(redis.call('HGET', stateKey, '#settings'))
if settings and settings.maxEvents then
  reply[#reply + 1] = (redis.call('HGET', stateKey, '#events') or '0') .. ' ' .. settings.life
end
return reply
