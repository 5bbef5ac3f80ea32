-- Used by flow_advance: goes through the nodes of a flow that is cancelled or forgotten, one page of names at a time.
-- include lib/stop.lua
-- include lib/tombstones.lua

-- Cancels a pending or scheduled node, because its flow was cancelled.
local function cancelNode(flow, id, record)
  local c, envelope = parseCounts(record), redis.call('HGET', tasksKey, id) or '&'
  local isDue = string.byte(record) == RECORD_PENDING
  if isDue then
    local aside = c.unroutedSince > 0
    countTombstone(counters, not aside and keyOption(envelope) and 'keyed' or bandOf(envelope, c), aside, 1)
  else
    unscheduled[#unscheduled + 1] = id
  end
  add(counters, isDue and PENDING or SCHEDULED, -1)
  add(counters, CANCELLED, 1)
  add(counters, CANCELLED_TOTAL, 1)
  cancelled[#cancelled + 1] = id
  if flow.home then
    send(flow.home, 'n ' .. id .. ' x' .. policyOf(c.flags))
  end
  flow.cancelled, flow.faults, ended = flow.cancelled + 1, flow.faults + (policyOf(c.flags) == 'c' and 0 or 1), ended + 1
  write(id, 'x' .. countsText(c) .. ' ' .. nowText .. historyOf(record))
  tell(EVENT_CANCELLED, id)
end

local function cancelPage(flow, ids)
  for _, id in ipairs(ids) do
    local record = read(id)
    local letter = record and string.sub(record, 1, 1)
    if letter == 'w' then
      local open, _, options = waitingParts(record)
      -- A grant that finds the flow cancelled makes the node waiting, although the node waits for no other one. Such a
      -- node was not added to `flow.waiting`, so it must not be subtracted.
      flow.waiting = flow.waiting - (open > 0 and 1 or 0)
      skip(flow, id, record, open, 0, options, '-')
    elseif letter == 'p' or letter == 's' then
      cancelNode(flow, id, record)
    elseif letter == 'l' and not hasFlag(parseCounts(record), FLAG_CANCEL) then
      write(id, askToStop(id, record))
    elseif letter == 'o' then
      local part, mark = string.match(record, '^%S+ (%S+) (%S)')
      if mark == '-' then
        send(part, 'q ' .. id .. ' ' .. parseCounts(record).flags)
      end
    end
  end
end

-- Removes what is stored for these nodes of a forgotten flow. Skipped nodes are removed too. The other tasks stay until
-- the retention of the queue ends.
local function forgetPage(ids)
  for _, id in ipairs(ids) do
    local record, removed = read(id), gone.state
    local _, failed = waitingParts(record)
    if failed then
      totals.skipped = totals.skipped - 1
      add(counters, PURGED, 1)
      gone.tasks[#gone.tasks + 1] = id
      write(id, 'r')
      removed[#removed + 1] = id
    elseif record and string.byte(record) == RECORD_ELSEWHERE then
      removed[#removed + 1] = id
    elseif record and string.byte(record) == RECORD_PURGED then
      gone.bodies[#gone.bodies + 1] = id
      removed[#removed + 1] = id
    end
    local text = read('>' .. id)
    for page = 1, text and tonumber(string.match(text, '^%d+')) or 0 do
      removed[#removed + 1] = string.format('>%s %d', id, page)
    end
    removed[#removed + 1], removed[#removed + 2] = '>' .. id, '<' .. id
  end
end

-- Sends a message to every queue or partition that has nodes of the flow, also to those that get their first one now.
local function tellParts(name, letter)
  local told = {}
  for part in string.gmatch(read('%' .. name .. '>') or '', '%S+') do
    told[part] = true
    send(part, letter .. ' ' .. name)
  end
  for part in pairs(partsWith[name] or {}) do
    if not told[part] then
      send(part, letter .. ' ' .. name)
    end
  end
end

-- Handles one page of the nodes of a flow. Returns the mark of the next page; nil after the last one.
local function takeFlow(name, mark)
  local letter, page = string.match(mark, '^(%a):?(%d*)$')
  local flow = flowNamed(name) or letter == 'f' and flows[name] or nil
  if not flow or letter == 's' then
    return nil
  end
  page = tonumber(page) or 0
  local field, ids, behind = string.format('%%%s %d', name, page), {}, {}
  for each in string.gmatch(read(field) or '', '%S+') do
    ids[#ids + 1] = name .. '.' .. each
    behind[#ids] = '>' .. ids[#ids]
  end
  readAll(ids)
  work = work + FLOW_PAGE
  if letter == 'x' then
    if page == 0 then
      tellParts(name, 'x')
    end
    cancelPage(flow, ids)
  else
    readAll(behind)
    forgetPage(ids)
    gone.state[#gone.state + 1] = field
  end
  if (page + 1) * FLOW_PAGE < flow.total then
    return string.format('%s:%d', letter, page + 1)
  elseif letter == 'f' then
    tellParts(name, 'f')
    gone.state[#gone.state + 1], gone.state[#gone.state + 2] = '%' .. name, '%' .. name .. '>'
    for moment in pairs(MOMENT_LETTERS) do
      local id = name .. ':' .. moment
      local isElsewhere = string.byte(read(id) or '') == RECORD_ELSEWHERE
      gone.state[#gone.state + 1], gone.state[#gone.state + 2] = '%' .. id, isElsewhere and id or nil
    end
    flow.isGone, due[name] = true, HELD_FOR_EVER
  end
end
