-- Used by flow_advance: applies the end or the replay of a node to the nodes behind it, which have it in their `after`.

-- Returns the effect of an end or a replay on the nodes behind the node: "go", "fail" or "unfail", explained at
-- `affect`; nil for no effect. lib/flows.lua lists the letters.
local function effectOf(id, letter, policy)
  if letter == 'c' and policy ~= 'c' then
    return 'go'
  elseif letter == 'c' or policy == 'c' and string.find(letter, '[dxvems]') then
    -- A node with the policy "continue" counts as ended from its first end on. Later replays and ends change nothing.
    local record = read(id)
    local flags = record and (string.byte(record) == RECORD_PURGED and string.match(record, '%a*$') or parseCounts(record).flags) or ''
    return not string.find(flags, FLAG_PASSED, 1, true) and 'go' or nil
  elseif policy == 'c' then
    return nil
  elseif letter == 'd' then
    return policy == 'f' and 'fail' or nil
  elseif string.find(letter, '[xvems]') then
    return 'fail'
  elseif letter == 'k' or letter == 'g' then
    return policy == 'w' and 'fail' or nil
  elseif letter == 'b' then
    return policy == 'w' and 'unfail' or nil
  elseif letter == 'y' then
    return policy == 'f' and 'unfail' or nil
  end
  return letter == 'r' and 'unfail' or nil
end

-- Applies an effect to one node, `id`. "go": a node before it completed, or counts as completed. "fail": a node before
-- it did not complete. "unfail": a node before it was replayed, so it may still complete. Waiting nodes often have the
-- same record, so `goOf` caches the new record after "go".
local goOf = {}
local function affect(flow, id, effect, cause)
  local record = values[id] or known[id] or read(id)
  local after = effect == 'go' and record and goOf[record]
  if after and after.text then
    write(id, after.text)
    return
  elseif after then
    flow.waiting, totals.waiting = flow.waiting - 1, totals.waiting - 1
    release(flow, id, after.c, after.options, after.history, after.counts)
    return
  end
  local open, failed, options, own, endedAt = waitingParts(record)
  if not open then
    return
  end
  local c, history = parseCounts(record), historyOf(record)
  open = open - (effect == 'go' and 1 or 0)
  if not failed and effect == 'fail' then
    flow.waiting = flow.waiting - 1
    skip(flow, id, record, open, 1, options, cause)
  elseif not failed then
    local text = open > 0 and waitingText(c, open, options, history) or nil
    if text then
      write(id, text)
    else
      flow.waiting, totals.waiting = flow.waiting - 1, totals.waiting - 1
      release(flow, id, c, options, history)
    end
    if effect == 'go' then
      goOf[record] = { text = text, c = c, options = options, history = history, counts = countsText(c) }
    end
  else
    failed = failed + (effect == 'fail' and 1 or effect == 'unfail' and -1 or 0)
    if failed > 0 then
      write(id, skippedText(c, endedAt, own, open, failed, options, history))
      return
    end
    totals.skipped, flow.skipped = totals.skipped - 1, flow.skipped - 1
    flow.faults = flow.faults - (policyOf(c.flags) == 'c' and 0 or 1)
    addMarked(id, 'r' .. policyOf(c.flags))
    if open > 0 then
      flow.waiting, totals.waiting = flow.waiting + 1, totals.waiting + 1
      write(id, waitingText(c, open, options, history))
      tell(EVENT_WAITING, id)
    else
      release(flow, id, c, options, history)
    end
  end
end

local function setFlags(id, set, clear)
  local record = read(id)
  if record and string.byte(record) == RECORD_PURGED then
    write(id, string.gsub(record, clear, '') .. set)
  elseif record then
    local c = parseCounts(record)
    clearFlag(c, clear)
    if set ~= '' then
      setFlag(c, set)
    end
    local counts, rest = string.match(record, '^%a([^%s@]*)(.*)$')
    write(id, string.sub(record, 1, 1) .. (counts and countsText(c) or '') .. rest)
  end
end

-- Returns the ids of nodes. names: their names, with a space before each.
local function idsOf(flow, names)
  local ids, size, prefix = {}, 0, flow.prefix
  for name in string.gmatch(names, ' (%S+)') do
    size = size + 1
    ids[size] = prefix .. name
  end
  return ids
end

-- Reads with two commands what most ends of a note need: the names and the records of the nodes behind each ended node.
-- Adds two lists to `noted`, by the position of the ended node: `flows` has its flow, and `behind` has the ids of the
-- nodes behind it if their names are on one page.
local function readBehind(noted)
  local ids, fields, unread = noted.ids, {}, {}
  for place = 1, #ids do
    fields[place] = '>' .. ids[place]
  end
  readAll(fields)
  for place = 1, #ids do
    local id, names = ids[place], #unread < limit and known[fields[place]]
    local flow = names and string.byte(names) == 48 and flowWith(id) -- 0 full pages
    if flow then
      local list = idsOf(flow, names)
      noted.flows[place], noted.behind[place] = flow, list
      addUnread(unread, list)
    end
  end
  fetch(unread)
end

-- Applies an effect to the nodes behind a node, beginning at this page and position of their names. If the call reaches
-- its limit, returns where the next call continues; otherwise nil. only: the ids of all these nodes if they were read
-- before; otherwise nil.
local function affectBehind(flow, id, effect, cause, page, place, only)
  local text, full = nil, 0
  if only and place + limit - work >= #only then
    for at = place + 1, #only do
      affect(flow, only[at], effect, cause)
    end
    work = work + #only - place
    return
  elseif not only then
    text = read('>' .. id)
    full = text and tonumber(string.match(text, '^%d+')) or -1
  end
  while page <= full + 1 do
    local ids = only or idsOf(flow, page > full and text or ' ' .. read(string.format('>%s %d', id, page)))
    local last, room = #ids, math.max(limit - work, 1)
    last = last > place + room and place + room or last
    if not only then
      readAll({ unpack(ids, place + 1, last) })
    end
    for at = place + 1, last do
      affect(flow, ids[at], effect, cause)
    end
    work = work + last - place
    if last < #ids then
      return page, last
    end
    page, place = page + 1, 0
    if work >= limit and page <= full + 1 then
      return page, 0
    end
  end
end
