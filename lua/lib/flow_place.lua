-- Puts nodes that may run into the lists where they wait for workers.

-- The options of an envelope that decide where its task waits, each with a space before it. A waiting node has them in
-- its record, so that nobody reads its payload to release it.
local function optionsOfPlace(envelope)
  local header, kept = headerOf(envelope), ''
  if not string.find(header, '=', 1, true) then
    return kept
  end
  for _, name in ipairs({ 'p', 'q', 'd', 'r' }) do
    local value = optionOf(header, name)
    kept = value and kept .. ' ' .. name .. '=' .. value or kept
  end
  return kept
end

-- due: due times and ids in turn. ids: in the order in which they came.
local function newPlaces()
  return { bands = newBands(), due = {}, count = 0, hasKeys = false }
end

-- Plans that a node becomes pending or scheduled. Returns its record. counts: the text of `c`; nil: it is made here.
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
  -- The first byte of an envelope without options, or with them.
  addPending(places.bands, id, options == '' and '.' or '&' .. options, c)
  return 'p' .. (counts or countsText(c))
end

-- Before the commit. Returns whether a node is the first that becomes due.
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
