#!lua flags=allow-oom
-- flow_cancel: cancel a flow. No node of it is granted after this call. flow_advance ends the nodes that wait, and asks
-- those that run to stop.
-- KEYS[1] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[2] flows_due  ZSET  flow -> when a janitor has to look at it, ms since the epoch
-- ARGV[1] flow  string  the id of the flow
-- ARGV[2] forget  integer  1: the queue is about to be deleted, so the flow is forgotten
-- RETURNS "cancelled" | "elsewhere" (cancelled, and other queues or partitions have nodes of it) | "too_late" (every node has ended) | "not_found"
-- TIME    O(1)
-- MOVES   nothing

-- include lib/queue.lua
-- include lib/flows.lua

local fields = redis.call('HMGET', stateKey, '#settings', '#flows', '%' .. flow, '%' .. flow .. '>')
if not readSettings(fields[1]) then
  return layoutError()
end
local at = readFlow(fields[3])
if not at or at.home then
  return 'not_found'
elseif forget == 1 then
  local totals = readTotals(fields[2])
  if isFlow(at, 'g') then
    return 'not_found'
  end
  totals.noted, totals.running = totals.noted + 1, totals.running - (at.endedAt == 0 and 1 or 0)
  totals.kept = totals.kept - (isFlow(at, 'k') and at.total + 1 or 0)
  at.letters = string.gsub(at.letters, 'k', '') .. 'g'
  redis.call('HSET', stateKey, '%' .. flow, flowText(at), '#flows', totalsText(totals), string.format('&%.0f', totals.noted),
    '%' .. flow .. ' f -')
  return 'cancelled'
elseif isFlow(at, 'x') then
  return fields[4] and 'elsewhere' or 'cancelled'
elseif isFlow(at, 'g') or at.endedAt > 0 then
  return 'too_late'
end
local totals = readTotals(fields[2])
totals.noted = totals.noted + 1
at.letters = at.letters .. (isFlow(at, 's') and 'x' or 'sx')
redis.call('HSET', stateKey, '%' .. flow, flowText(at), '#flows', totalsText(totals), string.format('&%.0f', totals.noted),
  '%' .. flow .. ' x -')
redis.call('ZADD', flowsDueKey, string.format('%.0f', heldScore(at)), flow)
return fields[4] and 'elsewhere' or 'cancelled'
