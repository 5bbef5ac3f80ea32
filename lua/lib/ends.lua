-- The ends of nodes of flows. A script that ends nodes notes this in the commit that ends them, and flow_advance does the rest.

-- Adds an end to a list, which is made if it is nil. mark: see lib/flows.lua. c: the counts of the record.
local function addEnd(ends, id, mark, c)
  ends = ends or {}
  local size = #ends
  ends[size + 1], ends[size + 2], ends[size + 3] = id, mark .. (string.match(c.flags, '[cw]') or 'f'), '-'
  return ends
end
