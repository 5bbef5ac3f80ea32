-- Counters are one packed field of `state`, so that they change in the same HSET as the records they count.
-- `PENDING` and `SCHEDULED` count only what happened after the enqueue. The enqueue itself counts in the field "#in" of
-- `tasks`, because that is the hash that its own commit writes.
local PENDING, SCHEDULED, PROCESSING, COMPLETED, DEAD, CANCELLED, EXPIRED, PURGED = 1, 2, 3, 4, 5, 6, 7, 8
-- Entries of the pending lists whose task is no longer pending. `acquire` drops them.
local TOMBSTONES = 9
-- The grant counter of the queue: it never goes down, and each grant is one attempt.
local GRANTS = 10
local ACKED_TOTAL, FAILED_TOTAL, RETRIED_TOTAL, CRASHED_TOTAL, RELEASED_TOTAL = 11, 12, 13, 14, 15
local DEAD_TOTAL, REPLAYED_TOTAL, PROMOTED_TOTAL, CANCELLED_TOTAL, EXPIRED_TOTAL, STALE_TOTAL = 16, 17, 18, 19, 20, 21
-- The tombstones that are not in the normal band, by band, and those in `pending:typed`, whatever their band.
local TOMBSTONES_HIGH, TOMBSTONES_LOW, TOMBSTONES_SOLO, TOMBSTONES_ASIDE = 22, 23, 24, 25
-- The completed tasks whose records have the header of the envelope, so that `tasks` has no entry for them.
local HEADERS = 26
-- The tombstones in `pending:keyed`.
local TOMBSTONES_KEYED = 27
local COUNTERS_FORMAT = '>ddddddddddddddddddddddddddd'
local COUNTERS_BYTES = 216

local function unpackCounters(raw)
  if not raw then
    return { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
  end
  -- A version without keys wrote one counter less.
  return { struct.unpack(COUNTERS_FORMAT, #raw < COUNTERS_BYTES and raw .. string.rep('\0', COUNTERS_BYTES - #raw) or raw) }
end

local function packCounters(counters)
  return struct.pack(COUNTERS_FORMAT, unpack(counters, 1, 27))
end

local function add(counters, index, by)
  counters[index] = counters[index] + by
end

-- How many tasks enqueue accepted into pending and into scheduled, and how many duplicates it answered.
local function unpackAccepted(raw)
  if not raw then
    return 0, 0, 0
  end
  return struct.unpack('>ddd', raw)
end

-- Settings of a queue: one text field of `state`, "layout paused maxWaiting retentionMs retentionCount idempotencyMs reason",
-- and the durability after it if it is not "memory". The reason is that of the pause, followed by its time and its author: "reason,pausedAt,pausedBy", each percent-encoded. It is empty while the queue is not paused.
-- layout: 1, or 2 once the queue has had keys or limits. While the queue keeps events it is 3, and once it has had a flow it is 4. With 3 and
-- 4 the text ends with "durability maxEvents life layout", where layout is 1 or 2, and maxEvents and life are 0 without events. A script
-- refuses a queue with a newer layout than it knows, because it would exceed the limits, or leave out events or the ends of nodes.
local NEWEST_LAYOUT = 4

-- Where the events of this call are collected (lib/events.lua); nil if the queue keeps none.
local events

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
    maxEvents = maxEvents ~= '0' and maxEvents
  end
  return {
    layout = tonumber(layout),
    hasFlows = hasFlows,
    maxEvents = maxEvents and tonumber(maxEvents),
    life = life,
    paused = paused == '1',
    maxWaiting = tonumber(maxWaiting),
    retentionMs = tonumber(retentionMs),
    retentionCount = tonumber(retentionCount),
    idempotencyMs = tonumber(idempotencyMs),
    reason = reason,
    durability = durability,
  }
end

local function writeSettings(s)
  local tail = s.durability ~= '' and ' ' .. s.durability or ''
  if s.hasFlows or s.maxEvents then
    tail = string.format(' %s %.0f %s %d', s.durability ~= '' and s.durability or 'memory', s.maxEvents or 0, s.maxEvents and s.life or '0', s.layout)
  end
  return string.format('%d %d %.0f %.0f %.0f %.0f %s', s.hasFlows and 4 or s.maxEvents and 3 or s.layout, s.paused and 1 or 0, s.maxWaiting, s.retentionMs,
    s.retentionCount, s.idempotencyMs, s.reason) .. tail
end

-- The caps of the dead letters, in a field of their own, `#dead_caps`, which earlier versions leave alone: "maxDead maxDeadAgeMs". 0 is no cap.
local function readDeadCaps(raw)
  local maxDead, maxDeadAgeMs = string.match(raw or '', '^(%d+) (%d+)$')
  return tonumber(maxDead or 0), tonumber(maxDeadAgeMs or 0)
end

-- The settings as stats shows them and as delete compares them.
local function settingsText(raw, deadCaps)
  return (raw or '') .. (deadCaps and '\n' .. deadCaps or '')
end

-- Called with the first key or limit of a queue.
local function adoptLimits(settings)
  settings.layout = 2
  redis.call('HSET', stateKey, '#settings', writeSettings(settings), '#limits', '')
end

local function layoutError()
  return redis.error_reply('HOLDFAST_LAYOUT this queue was written by a newer Holdfast')
end

-- Adds `by` to the number of tombstones. source: where the entry is: the name of its band, "keyed", or its member of
-- `pending:typed`, which begins with the number of the band. aside: the entry is in `pending:typed`.
local function countTombstone(counters, source, aside, by)
  counters[TOMBSTONES] = math.max(0, counters[TOMBSTONES] + by)
  local first = string.byte(source)
  local part = (first == 104 or first == 49) and TOMBSTONES_HIGH -- h, 1
    or (first == 108 or first == 51) and TOMBSTONES_LOW -- l, 3
    or (first == 115 or first == 48) and TOMBSTONES_SOLO -- s, 0
    or first == 107 and TOMBSTONES_KEYED -- k
  if part then
    counters[part] = math.max(0, counters[part] + by)
  end
  if aside then
    counters[TOMBSTONES_ASIDE] = math.max(0, counters[TOMBSTONES_ASIDE] + by)
  end
end
