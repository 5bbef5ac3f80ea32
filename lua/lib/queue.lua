-- All counters of a queue are one field of `state`, so that they change in the same HSET as the records. PENDING and
-- SCHEDULED count only changes after the enqueue. Enqueues are counted in the field "#in" of `tasks`, because the
-- commit of an enqueue writes that hash.
local PENDING, SCHEDULED, PROCESSING, COMPLETED, DEAD, CANCELLED, EXPIRED, PURGED = 1, 2, 3, 4, 5, 6, 7, 8
-- Tombstones: entries of the pending lists whose task is no longer pending. `acquire` removes them.
local TOMBSTONES = 9
-- The number of grants of the queue. It never goes down. Each grant is one attempt.
local GRANTS = 10
local ACKED_TOTAL, FAILED_TOTAL, RETRIED_TOTAL, CRASHED_TOTAL, RELEASED_TOTAL = 11, 12, 13, 14, 15
local DEAD_TOTAL, REPLAYED_TOTAL, PROMOTED_TOTAL, CANCELLED_TOTAL, EXPIRED_TOTAL, STALE_TOTAL = 16, 17, 18, 19, 20, 21
-- How many tombstones are in each band except normal, and in `pending:typed` (all bands together).
local TOMBSTONES_HIGH, TOMBSTONES_LOW, TOMBSTONES_SOLO, TOMBSTONES_ASIDE = 22, 23, 24, 25
-- How many completed tasks have the header of the envelope in their record, and therefore no entry in `tasks`.
local HEADERS = 26
-- How many tombstones are in `pending:keyed`.
local TOMBSTONES_KEYED = 27
local COUNTERS_FORMAT = '>ddddddddddddddddddddddddddd'
local COUNTERS_BYTES = 216

local function unpackCounters(raw)
  if not raw then
    return { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
  end
  -- Versions that had no keys wrote one counter less.
  return { struct.unpack(COUNTERS_FORMAT, #raw < COUNTERS_BYTES and raw .. string.rep('\0', COUNTERS_BYTES - #raw) or raw) }
end

local function packCounters(counters)
  return struct.pack(COUNTERS_FORMAT, unpack(counters, 1, 27))
end

local function add(counters, index, by)
  counters[index] = counters[index] + by
end

-- Returns how many tasks enqueue has accepted as pending and as scheduled, and how many duplicates it has answered.
local function unpackAccepted(raw)
  if not raw then
    return 0, 0, 0
  end
  return struct.unpack('>ddd', raw)
end

-- The settings of a queue are the field "#settings" of `state`: "layout paused maxWaiting retentionMs retentionCount
-- idempotencyMs reason", followed by the durability if it is not "memory". `reason` is "reason,pausedAt,pausedBy" of
-- the pause, each percent-encoded; it is empty if the queue is not paused. `layout` is 1, or 2 after the first key or
-- limit, 3 while the queue keeps events, and 4 after the first flow. With 3 and 4 the text ends with "durability
-- maxEvents life layout": this last layout is 1 or 2, and `maxEvents` and `life` are 0 if the queue keeps no events. A
-- script refuses a layout that is newer than it knows, because it would exceed limits, leave out events, or lose ends
-- of nodes.
local NEWEST_LAYOUT = 4

-- The events of this call (lib/events.lua); nil if the queue keeps no events.
local events
-- The ends of nodes of flows in this call (lib/ends.lua); nil if there are none.
local ends

local function readSettings(raw)
  if not raw then
    return { layout = 1, paused = false, maxWaiting = 0, retentionMs = 86400000, retentionCount = 10000, idempotencyMs = 3600000, reason = '', durability = '' }
  end
  local layout, paused, maxWaiting, retentionMs, retentionCount, idempotencyMs, reason, durability =
    string.match(raw, '^(%d+) (%d) (%d+) (%d+) (%d+) (%d+) (%S*) ?(.*)$')
  if not layout or tonumber(layout) > NEWEST_LAYOUT then
    return nil
  end
  local maxEvents, life
  local hasFlows = layout == '4'
  if hasFlows or layout == '3' then
    durability, maxEvents, life, layout = string.match(durability, '^(%S+) (%d+) (%d+) (%d)$')
    durability = durability == 'memory' and '' or durability
    maxEvents = maxEvents ~= '0' and maxEvents or nil
  end
  local settings = {
    layout = tonumber(layout),
    maxEvents = tonumber(maxEvents),
    life = life,
    paused = paused == '1',
    maxWaiting = tonumber(maxWaiting),
    retentionMs = tonumber(retentionMs),
    retentionCount = tonumber(retentionCount),
    idempotencyMs = tonumber(idempotencyMs),
    reason = reason,
    durability = durability,
  }
  if hasFlows then -- only then, because a larger table costs every call
    settings.hasFlows = true
  end
  return settings
end

local function layoutError()
  return redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')
end

-- Writes a field of the queue, or removes the field if the text is empty.
local function writeField(name, text)
  if text == '' then
    redis.call('HDEL', stateKey, name)
  else
    redis.call('HSET', stateKey, name, text)
  end
end
