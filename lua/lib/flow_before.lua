-- Used by flow_add: reads how the nodes before a new node have ended, and parses the flags of the new node.

-- Reads state records into `records`, by id. There may be thousands, so each command reads only some of them.
local records = {}
local function readRecords(list)
  for first = 1, #list, SLICE do
    local last = math.min(first + SLICE - 1, #list)
    local read = redis.call('HMGET', stateKey, unpack(list, first, last))
    for place = first, last do
      records[list[place]] = read[place - first + 1]
    end
  end
end

-- Returns whether the end of a node is stored in a note (lib/flows.lua) that flow_advance has not applied completely.
local noted
local function isNoted(id)
  if not noted then
    local numbers = {}
    for number = totals.taken + 1, totals.noted do
      numbers[#numbers + 1] = string.format('&%.0f', number)
    end
    noted = ','
    for _, text in ipairs(#numbers > 0 and redis.call('HMGET', stateKey, unpack(numbers)) or {}) do
      noted = noted .. (text or '') .. ','
    end
  end
  return (string.find(noted, ',' .. id .. ',', 1, true) or string.find(noted, ',' .. id .. ' ', 1, true)) ~= nil
end

-- Returns whether an earlier node blocks a new node behind it. "open": the new node waits for it. "failed": the new
-- node is skipped because of it. nil: it has ended and blocks nothing. Many waiting nodes have the same record, so the
-- result is cached by record.
local waiting = {}
local function countsAs(id)
  local record = records[id]
  if waiting[record] then
    return waiting[record]
  end
  local letter, flags = string.sub(record, 1, 1), parseCounts(record).flags
  if letter == 'r' then
    letter, flags = string.match(record, '^r %S+ %S+ %S+ %- (%a) (%a+)')
    letter, flags = letter or 'c', flags or ''
  end
  if string.find(flags, FLAG_BLOCKED, 1, true) then
    return 'failed'
  elseif string.find(flags, FLAG_PASSED, 1, true) then
    return nil
  end
  waiting[record] = letter == 'w' and 'open' or nil
  return (letter ~= 'c' or isNoted(id)) and 'open' or nil
end

-- Parses the flags of a node. Many nodes of a call have the same flags, so the result is cached. open: how many nodes it
-- comes after. part: the other queue or partition in which it runs; '' for this one.
local kinds = {}
local function kindOf(flags)
  local kind, own, open, part = { waits = {} }, string.match(flags, '^(%a+)(%d+)>?(.*)$')
  kind.c, kind.open, kind.part = newCounts(), tonumber(open), part
  kind.c.flags = own
  kind.counts = countsText(kind.c)
  kinds[flags] = kind
  return kind
end
