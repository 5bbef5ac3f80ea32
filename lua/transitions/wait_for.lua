#!lua flags=allow-oom
-- wait_for: take the oldest signal that a running handler waits for. If no such signal has come, store when the wait ends.
-- KEYS[1] state  HASH  taskId -> state record
-- KEYS[2] steps  HASH  durable steps (lib/steps.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] taskId  string
-- ARGV[3] fence  string  the fence of the caller's token
-- ARGV[4] place  integer  the place of the step among the steps of the task, from 1
-- ARGV[5] kind  string  w wait, c call. If the handler runs again, a wait keeps its end, and a call gets a new one
-- ARGV[6] timeoutMs  integer  how long a new wait lasts
-- ARGV[7] name  string  percent-encoded
-- ARGV[8] eventNames  string  percent-encoded each, separated by commas
-- RETURNS {"s"} stale | {"d", event, data} | {"t"} timed out | {"o", when the wait ends, ms since the epoch}
--   | {"e"} the called task has ended without a result
-- TIME    O(s), s = signals that are kept for the task, at most 100
-- MOVES   nothing

-- include lib/call.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/steps.lua

local record = redis.call('HGET', stateKey, taskId)
if not record or parseLease(record) ~= fence then
  return { 's' }
end
local head, fields = readHead(taskId), {}
local old = place <= head.places and redis.call('HGET', stepsKey, head.serial .. '/' .. place) or nil
local step = { place = place, kind = kind, outcome = 'o', at = now, name = name, text = eventNames }
local at = placeOfSignal(head, ',' .. eventNames .. ',')
local reply
if at then
  -- One HSET moves the signal from the head into the step, so that no other wait can get it.
  local signal = table.remove(head.signals, at)
  local data = redis.call('HGET', stepsKey, head.serial .. '!' .. signal.number) or ''
  head.dropped[#head.dropped + 1] = signal
  if kind == 'c' and data == '' then
    reply = { 'e' }
  else
    step.outcome, step.text = 'd', kind == 'c' and data or signal.event .. '\n' .. data
    reply = { 'd', signal.event, data }
  end
else
  local endsAt = kind == 'w' and old and tonumber(string.match(old, '^w o (%d+)')) or now + timeoutMs
  if kind == 'w' and endsAt <= now then
    step.outcome, reply = 't', { 't' }
  else
    step.at, reply = endsAt, { 'o', endsAt }
  end
end
noteStep(fields, head, step, old)
noteHead(fields, taskId, head)
redis.call('HSET', stepsKey, unpack(fields))
dropSignals(head)
return reply
