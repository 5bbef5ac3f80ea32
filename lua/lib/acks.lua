-- Plans the acks of a settle, the hot path. These functions only read; the calling script writes.

-- completed: ids that leave `processing` by an ack. awaited: ids of tasks for whose end another task waits
-- (lib/next.lua). ends: those of nodes of flows (lib/ends.lua); nil if there are none. The records are appended to `commit`; `size` counts its entries.
local function newSettled(commit)
  return { commit = commit, size = #commit, completed = {}, acked = 0, dropped = {}, awaited = {} }
end

local function write(settled, id, record)
  local size = settled.size
  settled.commit[size + 1], settled.commit[size + 2] = id, record
  settled.size = size + 2
end

local function complete(settled, id, record)
  settled.acked = settled.acked + 1
  settled.completed[settled.acked] = id
  write(settled, id, record)
end

-- Answers an ack whose task is no longer leased under this fence: it was acked before (a repeat), is gone, or has another holder.
local function verdictWithoutLease(counters, record, fence)
  if fence and record and string.match(record, '^c%S+ (%S+)') == fence then
    return 'a'
  end
  if not record or string.byte(record) == RECORD_PURGED then
    return 'u'
  end
  add(counters, STALE_TOTAL, 1)
  return 's'
end

-- Plans one ack and returns its verdict. The second value says whether every other task with the same record gets the
-- same new record. The third is the text under which these tasks are counted, and the fourth is when they were granted;
-- the caller releases them.
local function planAck(settled, counters, id, fence, record)
  local counts, current, grantedAt, at = string.match(record or '', '^l(%S+) (%S+) (%d+) %d+ %d+ ()')
  if current ~= fence then
    return verdictWithoutLease(counters, record, fence), false
  end
  local drops, counted = false, nil
  local hasNext, isNode = false, false
  if string.find(counts, '[xknf@]') then
    local attempts
    attempts, counted = string.match(counts, '^(%d*)[^@]*@?(.*)$')
    if #attempts + #counted + 1 == #counts then -- it has no flags
      counts = attempts
    else
      local c = parseCounts(record)
      drops = hasFlag(c, FLAG_DROPS)
      hasNext, isNode = hasFlag(c, FLAG_NEXT), hasFlag(c, FLAG_NODE)
      clearFlag(c, '[xkn]')
      if isNode then
        settled.ends = addEnd(settled.ends, id, 'c', c)
      end
      counts = countsText(c)
    end
    counted = counted ~= '' and counted or nil
    if drops then
      settled.dropped[#settled.dropped + 1] = id
      -- The place of the task's record in the commit, and when the task was granted. The header of the envelope will be
      -- added to that record.
      settled.dropped[id] = { at = settled.size + 2, grantedAt = tonumber(grantedAt) }
    end
    if hasNext then
      settled.awaited[#settled.awaited + 1] = id
    end
  end
  -- The worker, and the history behind it, are unchanged.
  complete(settled, id, table.concat({ 'c', counts, ' ', fence, string.format(' %d ', now - grantedAt), nowText, ' ', string.sub(record, at) }))
  if (drops or hasNext or isNode) and limits then
    limits.release(limits, counted, 1, tonumber(grantedAt))
  end
  return 'a', not (drops or hasNext or isNode), counted, tonumber(grantedAt)
end

-- Plans the acks of tasks that one call granted. Most of them have the same record as the task before, and so get the
-- same new record. If tasks of several keys take turns, a few records come again and again.
local function planAcks(settled, counters, fence, ids, fields, reserved, from, to, letters, seen)
  local commit, completed = settled.commit, settled.completed
  local size, acked, alike = settled.size, settled.acked, 0
  -- Tasks with the same record before the ack have the same record after it, `ended`. `known` has, for each record
  -- before the ack, the record after it and the number of tasks. The tasks of the present run, which begins at the
  -- place `first`, are added to that number at the end of the run, because adding them one by one would cost more than
  -- the rest of the loop.
  local known, leased, same, ended, first = {}, nil, nil, nil, from
  for i = from, to do
    local id, record = ids[i], fields[reserved + i] or nil
    if record ~= leased then
      if same then
        same.count = same.count + i - first
      end
      leased, same, first = record, record and known[record], i
      ended = same and same.ended
    end
    if same and not seen[id] then
      size, acked, alike = size + 2, acked + 1, alike + 1
      commit[size - 1], commit[size], completed[acked] = id, ended, id
      seen[id] = true
    else
      letters[#letters + 1], alike = string.rep('a', alike), 0
      local letter, shared, counted, grantedAt = 's', false, nil, nil
      if not seen[id] then
        settled.size, settled.acked = size, acked
        letter, shared, counted, grantedAt = planAck(settled, counters, id, fence, record)
        if settled.size > size then
          seen[id] = true
        end
        size, acked = settled.size, settled.acked
      end
      letters[#letters + 1] = letter
      if same then
        same.count = same.count - 1 -- it was answered before
      elseif shared then
        ended = commit[size]
        same = { ended = ended, counted = counted, count = first - i, grantedAt = grantedAt }
        known[record] = same
      end
    end
  end
  if limits then
    if same then
      same.count = same.count + to + 1 - first
    end
    limits.releaseAll(limits, known)
  end
  letters[#letters + 1] = string.rep('a', alike)
  settled.size, settled.acked = size, acked
end

-- Counts the tasks that `planAck` completed.
local function countAcked(settled, counters)
  add(counters, PROCESSING, -settled.acked)
  add(counters, COMPLETED, settled.acked)
  add(counters, ACKED_TOTAL, settled.acked)
end
