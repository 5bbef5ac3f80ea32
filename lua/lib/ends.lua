-- The ends of nodes of flows. A script that ends nodes notes this in the commit that ends them (lib/note_ends.lua), and
-- flow_advance does the rest. `ends` of lib/queue.lua has their texts in the note (lib/flows.lua).

-- mark: see lib/flows.lua. cause: nil for none.
local function addMarked(id, mark, cause)
  ends = ends or {}
  ends[#ends + 1] = mark == 'cf' and id or id .. ' ' .. mark .. ' ' .. (cause or '-')
end

-- `c` has the counts of the record of a node that ends.
local function addEnd(id, mark, c)
  addMarked(id, mark .. (string.match(c.flags, '[cw]') or 'f'))
end
