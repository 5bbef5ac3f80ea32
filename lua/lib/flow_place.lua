-- Puts nodes that may run into the lists where they wait for workers.

-- Returns the options of an envelope that decide where its task waits (priority, key, delay and time), each with a
-- space before it. The record of a waiting node has a copy of them, so that a script can release the node without
-- reading its payload.
local function optionsOfPlace(envelope)
  -- Most envelopes have no sign of an option, and looking for one is faster than cutting off the header.
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

-- Makes an empty plan of which nodes become pending or scheduled. due: due times and ids in turn. lists: the list of
-- nodes without options, by the text of their counts.
local function newPlaces()
  return { bands = newBands(), due = {}, count = 0, hasKeys = false, lists = {} }
end

-- Adds a node to the plan, as pending or scheduled, and returns its new record. counts: the text of `c` if the caller
-- has it already; otherwise nil.
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

-- Writes the planned nodes into their lists, before the commit. Returns whether one of the nodes becomes due before
-- every other scheduled task, so that sleeping workers have to hear of it.
local function writePlaces(places, settings)
  if places.hasKeys and not limits.used then
    adoptLimits(settings)
  end
  pushBands(places.bands, false)
  if #places.due == 0 then
    return false
  end
  local isSooner = isFirstDue(placeDue(places.due))
  redis.call('ZADD', scheduledKey, unpack(places.due))
  return isSooner
end
