-- The ends of nodes of flows. A script that ends nodes notes this in the commit that ends them (lib/note_ends.lua), and
-- flow_advance does the rest.

-- The ends of this call, in triples: id, mark (lib/flows.lua) with the policy of the node, cause. nil if there are
-- none.
local ends

-- Adds the end of a node. `c` has the counts of its record.
local function addEnd(id, mark, c)
  ends = ends or {}
  local size = #ends
  ends[size + 1], ends[size + 2], ends[size + 3] = id, mark .. (string.match(c.flags, '[cw]') or 'f'), '-'
end
