-- Used by flow_advance: reads and writes the records of nodes that wait for other nodes or were skipped.

-- Makes a node pending or scheduled, because it waits for no other node any more. If the node runs in another queue or
-- partition, sends it there. counts: the text of the counts `c`, if the caller has it; otherwise nil.
local function release(flow, id, c, options, history, counts)
  local part = options ~= '' and optionOf(options, 'f')
  if part then
    write(id, sendNode(flow.name, part, id, c))
    totals.leaving = totals.leaving + 1
    return
  end
  local record = putInPlace(places, counters, id, c, options, counts)
  write(id, history == '' and record or record .. history)
  released = released + 1
  if events then
    tell(string.byte(record) == RECORD_SCHEDULED and EVENT_SCHEDULED or EVENT_PROMOTED, id)
  end
end

-- Parses the record of a node that waits or was skipped; returns nil for any other record. The first two values are how
-- many nodes before it have not ended, and how many of them failed. The second one is nil if the node waits.
local function waitingParts(record)
  local head = string.match(record or '', '^[^\n]*')
  local open, options = string.match(head, '^w%S+ (%d+)(.*)$')
  if open then
    return tonumber(open), nil, options, '-'
  end
  local endedAt, cause, left, failed, rest = string.match(head, '^x%S+ (%d+) (%S+) (%d+) (%d+)(.*)$')
  if endedAt then
    return tonumber(left), tonumber(failed), rest, cause, endedAt
  end
end

local function waitingText(c, open, options, history)
  return string.format('w%s %d%s%s', countsText(c), open, options, history)
end

local function skippedText(c, endedAt, cause, open, failed, options, history)
  return string.format('x%s %s %s %d %d%s%s', countsText(c), endedAt, cause, open, failed, options, history)
end

-- Ends a waiting node as skipped. cause: the failed task, or "-" if the flow was cancelled. After a cancel no note of
-- this end is needed, because all nodes behind this one are cancelled too.
local function skip(flow, id, record, open, failed, options, cause)
  local c = parseCounts(record)
  write(id, skippedText(c, nowText, cause, open, failed, options, historyOf(record)))
  totals.waiting, totals.skipped = totals.waiting - 1, totals.skipped + 1
  flow.skipped = flow.skipped + 1
  flow.faults = flow.faults + (policyOf(c.flags) == 'c' and 0 or 1)
  ended = ended + 1
  tell(EVENT_CANCELLED, id)
  if flow.home then
    send(flow.home, 'n ' .. id .. ' x' .. policyOf(c.flags))
  elseif cause ~= '-' then
    addMarked(id, 's' .. policyOf(c.flags), cause)
  end
end
