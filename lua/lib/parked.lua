-- Parked requests: idle workers whose last request found no task. The field "#parked" of `state` has a line for each of
-- them, oldest first, at most one per worker. An enqueue grants its tasks to the first request.
--
--   workerId requestSlot sequence want leaseMs maxRetries nonce[ rule …]
--
-- The rules are there if the worker named its types (lib/routes.lua). Then it gets only tasks of these types.
local PARKED_MAX = 64

-- Returns the parked requests after this call, and whether `line`, the caller's request (or nil), is one of them.
local function parkedAfter(parked, line)
  if line and parked and string.find('\n' .. parked .. '\n', '\n' .. line .. '\n', 1, true) then
    return parked, true
  end
  local others = {}
  for other in string.gmatch(parked or '', '[^\n]+') do
    if string.match(other, '^%S+') ~= workerId then
      others[#others + 1] = other
    end
  end
  local parks = line ~= nil and #others < PARKED_MAX
  if parks then
    others[#others + 1] = line
  end
  return table.concat(others, '\n'), parks
end
