-- Used by flow_advance: handles the flows whose time in `flows_due` has come, and forgets flows if too many are kept.

-- Handles a flow at its time in `flows_due`. A flow that is over is forgotten, and a flow that was not sealed (closed
-- for new nodes) in time is cancelled. isExcess: its time has not come, but the queue keeps too many flows.
local function lookAtFlow(name, isExcess)
  local flow = flowNamed(name)
  if not flow then
    due[name] = HELD_FOR_EVER
  elseif isFlow(flow, 'k') then
    flow.letters, totals.kept = string.gsub(flow.letters, 'k', 'g'), totals.kept - flow.total - 1
    due[name] = HELD_FOR_EVER
    addMarked('%' .. name, 'f')
  elseif not isExcess then
    if not isFlow(flow, 's') then
      flow.letters = flow.letters .. 'sx'
      addMarked('%' .. name, 'x')
    end
    due[name] = heldScore(flow)
  end
end

for _, name in ipairs(flowsDue) do
  lookAtFlow(name, false)
end
-- If too many nodes of finished flows are kept, the oldest of these flows are forgotten. The newest one is always kept.
if totals.kept > settings.retentionCount then
  local kept = redis.call('ZRANGEBYSCORE', flowsDueKey, '(' .. nowText, '(' .. HELD_FOR_EVER, 'LIMIT', 0, FLOWS_DUE)
  for place = 1, #kept - 1 do
    if totals.kept <= settings.retentionCount then
      break
    end
    lookAtFlow(kept[place], true)
  end
end
