-- Puts nodes that may run into the lists in which they wait for workers, or into the schedule.

-- Returns the options that decide where a task waits (priority, key, delay and time), with a space before each. They
-- are copied into the record of a waiting node, so that the node can be released without reading its payload.
local function optionsOfPlace(envelope)
  -- Most envelopes have no "=" at all, and looking for one is faster than finding the end of the first line.
  local header, kept = string.find(envelope, '=', 1, true) and headerOf(envelope) or '', ''
  if not string.find(header, '=', 1, true) then
    return kept
  end
  for _, name in ipairs({ 'p', 'q', 'd', 'r' }) do
    local value = optionOf(header, name)
    kept = value and kept .. ' ' .. name .. '=' .. value or kept
  end
  return kept
end

-- Returns an empty plan. due: time, id, time, id … lists: nodes without options, by the text of their counts.
local function newPlaces()
  return { bands = newBands(), due = {}, count = 0, hasKeys = false, lists = {} }
end

-- Adds a node to the plan. Returns its new record. counts: the text of the counts `c` if the caller has it, or nil.
local function putInPlace(places, counters, id, c, options, counts)
  local time
  if options ~= '' then
    local delayMs = optionOf(options, 'd')
    time = delayMs and now + tonumber(delayMs) or tonumber(optionOf(options, 'r'))
    places.hasKeys = places.hasKeys or optionOf(options, 'q') ~= nil
  end
  if time and time > now then
    add(counters, SCHEDULED, 1)
    places.due[#places.due + 1], places.due[#places.due + 2] = string.format('%.0f', time), id
    return 's' .. (counts or countsText(c)) .. string.format(' %.0f', time)
  end
  add(counters, PENDING, 1)
  places.count = places.count + 1
  counts = counts or countsText(c)
  if options == '' then
    local ids = places.lists[counts] or needsSolo(c) and places.bands.solo or places.bands.normal
    ids[#ids + 1], places.lists[counts] = id, ids
  else
    addPending(places.bands, id, '&' .. options, c) -- this text stands for the header of the envelope
  end
  return 'p' .. counts
end

-- Writes the planned nodes into their lists. Called before the commit. limitsText: the field `#limits` of the queue.
-- Returns whether one of the nodes is due before all scheduled tasks, so that sleeping workers have to be told.
local function writePlaces(places, settings, limitsText)
  if limitsText or places.hasKeys then
-- include lib/limits.lua
    limits = newLimits(limitsText, settings)
    if not limits.used then
      adoptLimits(settings)
    end
  end
  pushBands(places.bands, false)
  if #places.due == 0 then
    return false
  end
-- include lib/due.lua
  local isSooner = isFirstDue(placeDue(places.due))
  redis.call('ZADD', scheduledKey, unpack(places.due))
  return isSooner
end
