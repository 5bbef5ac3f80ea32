#!lua flags=no-writes
-- flow_outbox: read messages that wait for another queue or partition.
-- KEYS[1] tasks  HASH  taskId -> envelope
-- KEYS[2] state  HASH  taskId -> state record, and the queue's own fields
-- ARGV[1] place  integer  which of the queues and partitions for which messages wait, counted from 1
-- ARGV[2] limit  integer  how many messages at most, 1 to 200
-- ARGV[3] bytes  integer  no further message is read after this many bytes of envelopes
-- RETURNS {} if there is no such place; otherwise {queue or partition, number of the last message, message, envelope, ...}
-- TIME    O(n), n = limit
-- MOVES   nothing

local parts = {}
for part in string.gmatch(redis.call('HGET', stateKey, '#out') or '', '%S+') do
  parts[#parts + 1] = part
end
local part = parts[place]
if not part then
  return {}
end
local header = '^' .. part
local written, sent = string.match(redis.call('HGET', stateKey, header) or '0 0', '^(%d+) (%d+)')
local names = {}
for number = sent + 1, math.min(tonumber(written), sent + limit) do
  names[#names + 1] = string.format('%s %.0f', header, number)
end
local reply, size = { part, tonumber(sent) }, 0
for _, text in ipairs(#names > 0 and redis.call('HMGET', stateKey, unpack(names)) or {}) do
  local id = string.match(text or '', '^%d+ e (%S+)')
  local envelope = id and redis.call('HGET', tasksKey, id) or ''
  size = size + #envelope
  reply[2] = reply[2] + 1
  reply[#reply + 1], reply[#reply + 2] = text or '', envelope
  if size > bytes then
    break
  end
end
return reply
