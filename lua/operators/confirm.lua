#!lua flags=allow-oom
-- confirm: find out whether accepted tasks still exist.
--   It also writes a field, so that the WAIT that follows has a write to wait for.
-- KEYS[1] tasks  HASH  taskId -> envelope
-- KEYS[2] state  HASH  taskId -> state record, and the queue's own fields
-- ARGV[1] marker  string  any text: written to the field #confirmed
-- ARGV[2..] taskId  string  repeated, at most 500 times: taskId
-- RETURNS a letter per task: y known, n gone
-- TIME    O(n)
-- MOVES   nothing

local ids = {}
for at = taskIdAt, #ARGV do
  ids[#ids + 1] = ARGV[at]
end
local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
local records = redis.call('HMGET', stateKey, unpack(ids))
local known = {}
for i = 1, #ids do
  known[i] = (envelopes[i] or records[i]) and 'y' or 'n'
end
-- WAIT waits for the last write of its connection. Without a write it would succeed at once.
redis.call('HSET', stateKey, '#confirmed', marker)
return table.concat(known)
