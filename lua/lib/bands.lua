-- Pushes collected per band. `push` keeps the order given; the list to fill is found by name.
local bandKeys = { high = pendingHighKey, normal = pendingKey, low = pendingLowKey, solo = pendingSoloKey }
local bandNames = { 'solo', 'high', 'normal', 'low' }

local function newBands()
  return { high = {}, normal = {}, low = {}, solo = {} }
end

local function pushBands(bands, atConsumingEnd)
  for _, name in ipairs(bandNames) do
    local ids = bands[name]
    if #ids > 0 then
      if atConsumingEnd then
        -- LPUSH reverses: the first id given shall be taken first.
        local reversed = {}
        for i = #ids, 1, -1 do
          reversed[#reversed + 1] = ids[i]
        end
        redis.call('LPUSH', bandKeys[name], unpack(reversed))
      else
        redis.call('RPUSH', bandKeys[name], unpack(ids))
      end
    end
  end
end

-- The most due tasks that one acquire promotes, so that it stays quick.
local PROMOTE_LIMIT = 200

-- Moves due tasks to pending. It is a whole transition: push, commit, remove.
local function promoteDue(limit)
  -- Up to the end of this millisecond: tasks that share a due time have parts of it as their scores.
  local due = redis.call('ZRANGEBYSCORE', scheduledKey, '-inf', string.format('(%d', now + 1), 'LIMIT', 0, limit)
  if #due == 0 then
    return 0
  end
  local records = redis.call('HMGET', stateKey, '#counters', unpack(due))
  local envelopes = redis.call('HMGET', tasksKey, unpack(due))
  local counters = unpackCounters(records[1])
  local bands, commit, promoted = newBands(), {}, 0
  for i, id in ipairs(due) do
    local record, envelope = records[i + 1], envelopes[i]
    if isScheduled(record, envelope) then
      local c = record and parseCounts(record) or parseCounts('p0')
      local band = bands[bandOf(envelope, c)]
      band[#band + 1] = id
      commit[#commit + 1] = id
      commit[#commit + 1] = 'p' .. countsText(c) .. historyOf(record)
      promoted = promoted + 1
    end
  end
  if promoted > 0 then
    pushBands(bands, false)
    add(counters, SCHEDULED, -promoted)
    add(counters, PENDING, promoted)
    add(counters, PROMOTED_TOTAL, promoted)
    redis.call('HSET', stateKey, '#counters', packCounters(counters), unpack(commit))
  end
  redis.call('ZREM', scheduledKey, unpack(due))
  return promoted
end
