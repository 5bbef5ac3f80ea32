-- Collects the ends of nodes of flows. A script that ends nodes stores these ends in its commit (lib/note_ends.lua),
-- and flow_advance applies them to the flow later. `ends` (lib/queue.lua) has their texts in the form of lib/flows.lua.

-- Adds the end of a node. mark: how it ended (lib/flows.lua). cause: the task that caused it, nil for none.
local function addMarked(id, mark, cause)
  ends = ends or {}
  ends[#ends + 1] = mark == 'cf' and id or id .. ' ' .. mark .. ' ' .. (cause or '-')
end

-- Adds the end of a node with its policy. `c` has the counts of its record.
local function addEnd(id, mark, c)
  addMarked(id, mark .. (string.match(c.flags, '[cw]') or 'f'))
end
