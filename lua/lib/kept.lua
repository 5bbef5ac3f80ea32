-- How completed tasks with the option `keep` (lib/keep.lua) are stored and removed.

local function lineMember(header, endedAt, id)
  return string.format('%s %015.0f %s', string.match(header, '^[+@]?(%S+)'), endedAt, id)
end

-- Decides where a settle puts the tasks that it completes. Returns a plan:
--
--   others    ids for the list `completed`
--   entries   entries for `kept`
--   members   members for `kept:types`
--   counts    how long the line of each type may be. If the tasks of one call have different counts, the last one counts
local function planKept(completed, keeping, retentionMs)
  local plan = { others = {}, entries = {}, members = {}, counts = {} }
  local isKept = {}
  for i, envelope in ipairs(redis.call('HMGET', tasksKey, unpack(keeping))) do
    local id, header = keeping[i], headerOf(envelope or '.')
    local completedMs, _, count = keepOf(header)
    if completedMs or count then
      isKept[id] = true
      plan.entries[#plan.entries + 1], plan.entries[#plan.entries + 2] = string.format('%.0f', now + (completedMs or retentionMs)), id
    end
    if count then
      plan.members[#plan.members + 1], plan.members[#plan.members + 2] = '0', lineMember(header, now, id)
      plan.counts[string.match(header, '^.(%S+)')] = count
    end
  end
  for _, id in ipairs(completed) do
    plan.others[#plan.others + 1] = not isKept[id] and id or nil
  end
  return plan
end

local function keptHeader(record, envelope)
  return headerIn(record) or envelope and headerOf(envelope)
end

-- Returns the entries of these tasks in `kept:types`.
local function linesOf(ids, records, envelopes)
  local members = {}
  for i, id in ipairs(ids) do
    local header = keptHeader(records[i], envelopes[i])
    local _, _, count = keepOf(header)
    local endedAt = count and endedAtOf(records[i])
    members[#members + 1] = endedAt and lineMember(header, tonumber(endedAt), id) or nil
  end
  return members
end

-- Removes these tasks of `kept`, with a commit of its own.
local function purgeKept(ids, counters, settings)
  local records = redis.call('HMGET', stateKey, unpack(ids))
  local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
  local members = linesOf(ids, records, envelopes)
  local plan = planPurge(ids, records, settings, function(record, place, letter)
    -- After an aborted settle an entry may be wrong: a new task without `keep` may have the id.
    local completedMs, _, count = keepOf(keptHeader(record, envelopes[place]))
    return letter == RECORD_COMPLETED and (completedMs or count)
  end)
  rememberPurged(plan)
  if #members > 0 then
    redis.call('ZREM', keptTypesKey, unpack(members))
  end
  add(counters, COMPLETED, -plan.counted)
  add(counters, PURGED, plan.counted)
  add(counters, HEADERS, -plan.headers)
  redis.call('HSET', stateKey, '#counters', packCounters(counters), unpack(plan.commit))
  removePurged(plan)
  redis.call('ZREM', keptKey, unpack(ids))
end

-- Adds the tasks to the lines of their types, and removes the oldest ones of lines that are too long, at most `most`.
-- Called after the commit.
local function trimLines(plan, counters, settings, most)
  redis.call('ZADD', keptTypesKey, unpack(plan.members))
  local ids = {}
  for name, count in pairs(plan.counts) do
    local from, to = '[' .. name .. ' ', '(' .. name .. '!'
    local excess = math.min(redis.call('ZLEXCOUNT', keptTypesKey, from, to) - count, most - #ids)
    for _, member in ipairs(excess > 0 and redis.call('ZRANGEBYLEX', keptTypesKey, from, to, 'LIMIT', 0, excess) or {}) do
      ids[#ids + 1] = string.match(member, '%S+$')
    end
  end
  if #ids > 0 then
    purgeKept(ids, counters, settings)
  end
end
