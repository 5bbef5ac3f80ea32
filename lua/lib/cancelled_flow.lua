-- Returns whether the flow of a node was cancelled. If so, the node does not start, and flow_advance ends it.
local function isOfCancelledFlow(grants, id)
  local last = grants.flow
  if last and string.find(id, last.prefix, 1, true) == 1 then -- unlike string.match, this makes no string
    return last.isCancelled
  end
  local flow = string.match(id, '^([%w_-]+)%.')
  if not flow then -- the callbacks of a cancelled flow run
    return false
  end
  grants.flows = grants.flows or {}
  last = grants.flows[flow]
  if not last then
    last = { prefix = flow .. '.', isCancelled = string.match(redis.call('HGET', stateKey, '%' .. flow) or '', '^%S*x') ~= nil }
    grants.flows[flow] = last
  end
  grants.flow = last
  return last.isCancelled
end
