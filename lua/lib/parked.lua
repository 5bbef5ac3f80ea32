-- Parked requests: idle workers whose last request found no task. The field "#parked" of `state` has a line for each of
-- them, oldest first, at most one per worker. An enqueue grants its tasks to the first request.
--
--   workerId requestSlot sequence want leaseMs maxRetries nonce[ rule …]
--
-- The rules are there if the worker named its types (lib/routes.lua). Then it gets only tasks of these types.
local PARKED_MAX = 64

local function parkedLines(parked)
  local lines = {}
  for line in string.gmatch(parked or '', '[^\n]+') do
    lines[#lines + 1] = line
  end
  return lines
end

local function writeParked(parked)
  if parked == '' then
    redis.call('HDEL', stateKey, '#parked')
  else
    redis.call('HSET', stateKey, '#parked', parked)
  end
end

-- Returns the parked requests after this call, and whether the caller's request is one of them. `line` is that request;
-- nil if it is not parked.
local function parkedAfter(parked, line)
  if line and parked and string.find('\n' .. parked .. '\n', '\n' .. line .. '\n', 1, true) then
    return parked, true
  end
  local others = {}
  for _, other in ipairs(parkedLines(parked)) do
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

-- Wakes the workers whose requests are parked. If the message is lost, a worker still notices the tasks, because it
-- polls once a second.
local function wake()
  if redis.call('HDEL', stateKey, '#parked') == 1 then
    redis.call('SPUBLISH', wakeKey, '')
  end
end
