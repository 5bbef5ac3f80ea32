-- Plans the acks of a settle: which tasks completed, and their new records. Hot path. The calling script writes.

-- Returns an empty plan. `commit` is the list of fields to write, and `size` its length. `completed`: ids to remove
-- from `processing`. `awaited`: ids of tasks for whose end another task waits (lib/next.lua). `keeping`: ids of tasks
-- with the option `keep`; nil if there are none.
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

-- Returns the verdict about an ack with an old fence: a repeat, a task that is gone, or held by another worker.
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

-- Plans one ack. Returns five values: the letter of the verdict; whether tasks with the same record get the same new
-- record; the accounts that count these tasks, as text (lib/record.lua); when they were granted; and for nodes of a
-- flow the mark of their ends (lib/flows.lua). If the second value is true, the caller has to release the tasks
-- (lib/ready.lua). It always has to add the ends of nodes (lib/ends.lua).
local function planAck(settled, counters, id, fence, record)
  local counts, current, grantedAt, at = string.match(record or '', '^l(%S+) (%S+) (%d+) %d+ %d+ ()')
  if current ~= fence then
    return verdictWithoutLease(counters, record, fence), false
  end
  local drops, counted = false, nil
  local hasNext, keeps, mark = false, false, nil
  if string.find(counts, '[xknlf@]') then
    local attempts
    attempts, counted = string.match(counts, '^(%d+)@(.*)$')
    if attempts then -- the counts have no flags
      counts = attempts
    else
      local c = parseCounts(record)
      drops = hasFlag(c, FLAG_DROPS)
      hasNext = hasFlag(c, FLAG_NEXT)
      keeps = hasFlag(c, FLAG_KEEP)
      mark = hasFlag(c, FLAG_NODE) and 'c' .. (string.match(c.flags, '[cw]') or 'f') or nil
      clearFlag(c, '[xknl]')
      counted = string.match(counts, '@(.*)$')
      counts = countsText(c)
    end
    counted = counted ~= '' and counted or nil
    if drops then
      settled.dropped[#settled.dropped + 1] = id
      -- The header of the envelope is added to this record later, so this stores the index of the record in the commit.
      settled.dropped[id] = { at = settled.size + 2, grantedAt = tonumber(grantedAt) }
    end
    if hasNext then
      settled.awaited[#settled.awaited + 1] = id
    end
    if keeps then
      settled.keeping = settled.keeping or {}
      settled.keeping[#settled.keeping + 1] = id
    end
  end
  -- The rest of the record, which is the worker and the history, is copied.
  complete(settled, id, table.concat({ 'c', counts, ' ', fence, string.format(' %d ', now - grantedAt), nowText, ' ', string.sub(record, at) }))
  local needsMore = drops or hasNext or keeps
  if needsMore and limits then
    limits.release(limits, counted, 1, tonumber(grantedAt))
  end
  return 'a', not needsMore, counted, tonumber(grantedAt), mark
end

-- Plans the acks of tasks that one call granted. Most of them have the same record as the task before them, and so get
-- the same new record. Tasks of several keys may alternate, so the plan of each record is kept in `known`.
local function planAcks(settled, counters, fence, ids, fields, reserved, from, to, letters, seen)
  local commit, completed = settled.commit, settled.completed
  local size, acked, alike = settled.size, settled.acked, 0
  -- `known` maps a record before the ack to the record after it (`ended`) and the number of its tasks. Neighbouring
  -- tasks with the same record form a run, which begins at `first`. The tasks of a run are counted at its end, because
  -- counting each of them would cost more than the rest of the loop.
  local known, leased, same, ended, first = {}, nil, nil, nil, from
  -- `marks`: how nodes ended, by their record. `repeated`: positions of ids that came before in this call, or nil.
  local marks, repeated
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
      local letter, shared, counted, grantedAt, mark = 's', false, nil, nil, nil
      if not seen[id] then
        settled.size, settled.acked = size, acked
        letter, shared, counted, grantedAt, mark = planAck(settled, counters, id, fence, record)
        if settled.size > size then
          seen[id] = true
        end
        if mark then
          marks = marks or {}
          marks[record] = mark
        end
        size, acked = settled.size, settled.acked
      else
        repeated = repeated or {}
        repeated[i] = true
      end
      letters[#letters + 1] = letter
      if same then
        same.count = same.count - 1 -- the same id came before in this call
      elseif shared then
        ended = commit[size]
        same = { ended = ended, counted = counted, count = first - i, grantedAt = grantedAt }
        known[record] = same
      end
    end
  end
  if same then
    same.count = same.count + to + 1 - first
  end
  if marks then
-- include lib/ends.lua
    for i = from, to do
      local mark = marks[fields[reserved + i]]
      if mark and not (repeated and repeated[i]) then
        addMarked(ids[i], mark)
      end
    end
  end
  if limits then
    limits.releaseAll(limits, known)
  end
  letters[#letters + 1] = string.rep('a', alike)
  settled.size, settled.acked = size, acked
end

local function countAcked(settled, counters)
  add(counters, PROCESSING, -settled.acked)
  add(counters, COMPLETED, settled.acked)
  add(counters, ACKED_TOTAL, settled.acked)
end
