-- Counters are one packed field of `state`, so that they change in the same HSET as the records they count.
-- `pending` and `scheduled` hold what happened after the enqueue: enqueue itself counts in `tasks`, field "#in",
-- because that is the hash that its own commit writes.
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
local COUNTERS_FORMAT = '>dddddddddddddddddddddddddd'

local function unpackCounters(raw)
  if not raw then
    return { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
  end
  return { struct.unpack(COUNTERS_FORMAT, raw) }
end

local function packCounters(counters)
  return struct.pack(COUNTERS_FORMAT, unpack(counters, 1, 26))
end

local function add(counters, index, by)
  counters[index] = counters[index] + by
end

-- How many tasks enqueue accepted into pending and into scheduled, and how many were asked for again.
local function unpackAccepted(raw)
  if not raw then
    return 0, 0, 0
  end
  return struct.unpack('>ddd', raw)
end
