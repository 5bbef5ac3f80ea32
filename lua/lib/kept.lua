-- Completed tasks that have the option `keep` (lib/keep.lua): where a settle puts them, and how they are removed (lib/purge.lua).

local function lineMember(header, endedAt, id)
  return string.format('%s %015.0f %s', string.match(header, '^[+@]?(%S+)'), endedAt, id)
end

-- Sorts out the tasks that a settle completes. others: those that go to the list `completed`. entries: those that go to `kept`. members,
-- counts: those that join a line, and the length of each line; the task that ended last decides.
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

-- The entries of `kept:types` that these tasks of `kept` have.
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

-- A transition of its own: removes tasks of `kept` for good.
local function purgeKept(ids, counters, settings)
  local records = redis.call('HMGET', stateKey, unpack(ids))
  local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
  local members = linesOf(ids, records, envelopes)
  local plan = planPurge(ids, records, settings, function(record, place, letter)
    -- A settle that was cut short may have left an entry of a task that was replaced since, and has no such option now.
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

-- After the commit: adds the tasks to their lines, and removes the oldest ones of each line that is too long, at most `most`.
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
