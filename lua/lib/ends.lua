-- The ends of nodes of flows. A script that ends nodes notes this in the commit that ends them (lib/note_ends.lua), and
-- flow_advance does the rest. `ends` of lib/queue.lua has them in triples: id, mark (lib/flows.lua) with the policy of
-- the node, cause.

local function addMarked(id, mark)
  ends = ends or {}
  local size = #ends
  ends[size + 1], ends[size + 2], ends[size + 3] = id, mark, '-'
end

-- `c` has the counts of the record of a node that ends.
local function addEnd(id, mark, c)
  addMarked(id, mark .. (string.match(c.flags, '[cw]') or 'f'))
end
