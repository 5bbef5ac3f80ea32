-- Finds out, for a new node, whether the nodes that it comes after have ended, and what its flags say. Used by flow_add.

-- Reads state records into `records`, by id. There may be thousands, so each command reads a part of them.
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

-- Returns whether the end of a node is in a note that flow_advance has not taken, or has taken only in part. Then the
-- end has not been applied to all nodes behind it yet.
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

-- Returns what a node means for a new node behind it. "open": the new node waits for it. "failed": the new node is
-- skipped because of it. nil: it has ended, and the new node need not wait for it. Many nodes that wait have the same
-- record, so what such a record means is found out once.
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

-- Many nodes of a call have the same flags, so what follows from the flags is found out once. part: the other part in
-- which the nodes run; '' if it is this part.
local kinds = {}
local function kindOf(flags)
  local kind, own, part = { waits = {} }, string.match(flags, '^(%a+)>?(.*)$')
  kind.c, kind.part = newCounts(), part
  kind.c.flags = own
  kind.counts = countsText(kind.c)
  kinds[flags] = kind
  return kind
end
