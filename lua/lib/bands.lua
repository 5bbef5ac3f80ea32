-- Collects the ids of tasks that become pending, by band (a pending list of one priority). `pushBands` writes them to
-- their lists in the same order. Tasks with a key are collected apart, because they go to `pending:keyed`.

-- The limits of the queue (lib/limits.lua); nil in a call that does not need them.
local limits
local bandKeys = { high = pendingHighKey, normal = pendingKey, low = pendingLowKey, solo = pendingSoloKey }
local bandNames = { 'solo', 'high', 'normal', 'low' }
local BAND_CODES = { solo = '0', high = '1', normal = '2', low = '3' }

local function newBands()
  return { high = {}, normal = {}, low = {}, solo = {}, keyed = {} }
end

local function addPending(bands, id, envelope, c)
  local key, band = keyOption(envelope), bandOf(envelope, c)
  local ids = key and bands.keyed or bands[band]
  ids[#ids + 1] = key and { key = key, code = tonumber(BAND_CODES[band]), id = id } or id
end

-- Writes the collected ids to their lists. With `keyedAtHead`, tasks with a key go to the head of their line in any
-- case.
local function pushBands(bands, atConsumingEnd, keyedAtHead)
  for _, name in ipairs(bandNames) do
    local ids = bands[name]
    if #ids > 0 then
      if atConsumingEnd then
        -- LPUSH reverses the order, so the ids are reversed first: the first id is to be taken first.
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
  if #bands.keyed > 0 then
    limits.lineUp(limits, bands.keyed, atConsumingEnd or keyedAtHead)
  end
end

-- An acquire promotes at most this many due tasks, so that it stays fast.
local PROMOTE_LIMIT = 200

-- Makes due tasks pending, or the tasks in `given`. Commits this separately, before the commit of the script.
local function promoteDue(limit, given)
  -- The range ends with the current millisecond, because the scores within one millisecond differ (lib/due.lua).
  local due = given or redis.call('ZRANGEBYSCORE', scheduledKey, '-inf', string.format('(%d', now + 1), 'LIMIT', 0, limit)
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
      addPending(bands, id, envelope, c)
      commit[#commit + 1] = id
      commit[#commit + 1] = 'p' .. countsText(c) .. historyOf(record)
      promoted = promoted + 1
      if events then
        events.note(EVENT_PROMOTED, id)
      end
    end
  end
  if promoted > 0 then
    pushBands(bands, false)
    add(counters, SCHEDULED, -promoted)
    add(counters, PENDING, promoted)
    add(counters, PROMOTED_TOTAL, promoted)
    if events then
      events.number()
    end
    redis.call('HSET', stateKey, '#counters', packCounters(counters), unpack(commit))
  end
  redis.call('ZREM', scheduledKey, unpack(due))
  return promoted
end
