#!lua flags=allow-oom
-- step: store a durable step of a running handler. Only the holder of the current lease may write.
-- KEYS[1] state  HASH  taskId -> state record
-- KEYS[2] steps  HASH  durable steps (lib/steps.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] taskId  string
-- ARGV[3] fence  string  the fence of the caller's token
-- ARGV[4] place  integer  the place of the step among the steps of the task, from 1
-- ARGV[5] kind  string  s step, z sleep, c call
-- ARGV[6] outcome  string  d done, o open
-- ARGV[7] waitMs  integer  how long a sleep lasts; 0 for other kinds
-- ARGV[8] name  string  percent-encoded
-- ARGV[9] text  string  what is kept of the step, "" for nothing
-- RETURNS when the step was done, or when the sleep ends, ms since the epoch; 0 if the fence is stale
-- TIME    O(s), s = signals that are kept for the task, at most 100
-- MOVES   nothing

-- include lib/call.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/steps.lua

local record = redis.call('HGET', stateKey, taskId)
if not record or parseLease(record) ~= fence then
  return 0
end
local head, fields, at = readHead(taskId), {}, now + waitMs
local old = place <= head.places and redis.call('HGET', stepsKey, head.serial .. '/' .. place) or nil
noteStep(fields, head, { place = place, kind = kind, outcome = outcome, at = at, name = name, text = text }, old)
noteHead(fields, taskId, head)
redis.call('HSET', stepsKey, unpack(fields))
dropSignals(head)
return at
