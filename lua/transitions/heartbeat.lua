#!lua flags=allow-oom
-- heartbeat: extend the leases that a worker holds. The caller names each lease by task and fence.
-- So a worker that never got the reply of its acquire keeps no task alive. No lease goes beyond its attempt's deadline.
-- KEYS[1] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[2] state  HASH  taskId -> state record
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] leaseMs  integer
-- ARGV[3..] taskId  string  repeated, at most 500 times: taskId, fence of its token
-- RETURNS a letter per pair: r renewed, c renewed and a cancel was requested, l lost
-- TIME    O(n log p), n pairs given, p = tasks processing
-- MOVES   nothing

-- include lib/call.lua
-- include lib/envelope.lua
-- include lib/record.lua

local ids = {}
for at = taskIdAt, #ARGV, 2 do
  ids[#ids + 1] = ARGV[at]
end
local records = redis.call('HMGET', stateKey, unpack(ids))
local letters, leases = {}, {}
for i, id in ipairs(ids) do
  local record = records[i]
  local fence, _, deadline = parseLease(record or '')
  deadline = tonumber(deadline)
  if fence ~= ARGV[taskIdAt + 2 * i - 1] or deadline <= now then
    letters[i] = 'l'
  else
    leases[#leases + 1] = string.format('%.0f', math.min(now + leaseMs, deadline))
    leases[#leases + 1] = id
    letters[i] = hasFlag(parseCounts(record), FLAG_CANCEL) and 'c' or 'r'
  end
end
if #leases > 0 then
  redis.call('ZADD', processingKey, 'XX', unpack(leases))
end
return table.concat(letters)
