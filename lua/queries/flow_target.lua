#!lua flags=no-writes
-- flow_target: say whether this queue or partition takes nodes of a flow that was created in another one.
-- KEYS[1] tasks  HASH  taskId -> envelope, and what was accepted
-- KEYS[2] state  HASH  taskId -> state record, and the queue's own fields
-- ARGV[1] flow  string  the id of the flow
-- ARGV[2] home  string  the queue or partition in which the flow was created
-- ARGV[3] nodes  integer  how many nodes it should take
-- RETURNS n it takes them, o not registered, f full, c it has another flow with this id
-- TIME    O(1)
-- MOVES   nothing

-- include lib/queue.lua
-- include lib/flows.lua

local fields = redis.call('HMGET', stateKey, '#counters', '#settings', '#registered', '#flows', '%' .. flow)
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
local at = readFlow(fields[5])
if fields[3] ~= '1' then
  return 'o'
elseif at and at.home ~= home then
  return 'c'
end
if settings.maxWaiting > 0 then
  local counters, pending, scheduled = unpackCounters(fields[1]), unpackAccepted(redis.call('HGET', tasksKey, '#in'))
  local waiting = readTotals(fields[4]).waiting
  if pending + scheduled + counters[PENDING] + counters[SCHEDULED] + waiting + nodes > settings.maxWaiting then
    return 'f'
  end
end
return 'n'
