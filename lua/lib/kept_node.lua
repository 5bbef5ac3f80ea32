-- Adds the end of a node of a flow if the purge ends it, or if it was a dead letter. Returns the record that stays
-- until the flow is forgotten; nil if the flow is forgotten already.
local function keptOfNode(plan, id, record, letter, c)
  if letter == RECORD_PENDING or letter == RECORD_SCHEDULED then
    addEnd(id, 'm', c)
  elseif letter == RECORD_DEAD then
    addEnd(id, 'g', c)
  end
  local flow = string.match(id, '^([%w_-]+)%.') -- nil for a callback
  plan.flows = plan.flows or {}
  if flow and plan.flows[flow] == nil then
    plan.flows[flow] = string.match(redis.call('HGET', stateKey, '%' .. flow) or 'g', '^[^ g]+ ') ~= nil
  end
  if not plan.flows[flow or ''] then
    return nil
  end
  plan.nodes = plan.nodes or {}
  plan.nodes[id] = true
  return 'r ' .. (endedAtOf(record) or nowText) .. ' - - - ' .. string.char(letter) .. ' ' .. c.flags
end
