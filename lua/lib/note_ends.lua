-- include lib/flows.lua

-- Adds a note with the ends of nodes (lib/flows.lua) to the commit, and `waiting` to the number of waiting nodes.
local function noteEnds(commit, waiting)
  local totals = readTotals(redis.call('HGET', stateKey, '#flows'))
  totals.noted, totals.waiting = totals.noted + 1, totals.waiting + waiting
  local size = #commit
  commit[size + 1], commit[size + 2] = string.format('&%.0f', totals.noted), table.concat(ends, ',')
  commit[size + 3], commit[size + 4] = '#flows', totalsText(totals)
end
