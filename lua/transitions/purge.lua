#!lua flags=allow-oom
-- purge: enforce retention, the caps of the dead letters and the option `keep`, and forget what is not needed any more.
-- The last part means remembered ids, and the request records of client instances that are gone.
-- KEYS[1] completed  LIST  taskIds, newest first
-- KEYS[2] cancelled  LIST  taskIds, newest first
-- KEYS[3] expired  LIST  taskIds, newest first
-- KEYS[4] remembered  LIST  ids of purged tasks whose ids a caller gave, newest first
-- KEYS[5] tasks  HASH  taskId -> envelope
-- KEYS[6] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[7] results  HASH  taskId -> JSON text
-- KEYS[8] progress  HASH  taskId -> progress and log lines
-- KEYS[9] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[10] discarded  ZSET  taskId -> when it was discarded, ms since the epoch
-- KEYS[11] dead_letters  ZSET  taskId -> when the task died, ms since the epoch
-- KEYS[12] unique  HASH  unique key -> the task that was accepted last for it (lib/unique.lua)
-- KEYS[13] kept  ZSET  completed tasks with `keep`: taskId -> when it is removed, ms since the epoch
-- KEYS[14] kept:types  ZSET  those with a count, a line for each type (lib/keep.lua), all with score 0
-- KEYS[15] kept:dead  ZSET  dead letters with `keep`: taskId -> when it is dropped, ms since the epoch
-- KEYS[16] steps  HASH  durable steps (lib/steps.lua)
-- KEYS[17] steps:removed  LIST  steps to remove: serial, places, and the numbers of the signals
-- KEYS[18] errors  HASH  signature -> type and error of the first failure
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] limit  integer  entries looked at per list, 1 to 200
-- ARGV[3] requestIdleMs  integer  a request slot that was idle for longer is dropped
-- ARGV[4] undoMs  integer  how long a discard can be undone
-- RETURNS {tasks purged, ids, request slots and entries of `kept:dead` forgotten, entries of `unique`, dead letters dropped,
--   1 if the queue has had flows, entries of `steps:removed`}
-- TIME    O(n), n = limit
-- MOVES   completed | cancelled | expired | dead | discarded -> purged

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/dead_caps.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/purge.lua

local fields = redis.call('HMGET', stateKey, '#counters', '#settings', '#purging', '#dead_caps', '#dropped', '#flows')
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
local counters = unpackCounters(fields[1])
finishPurge(fields[3])
local purged, forgotten = 0, 0

-- Removes the oldest tasks of one list beyond the retention of the queue, by number and by age.
local function purgeList(key, counter, letter)
  local excess = math.max(0, redis.call('LLEN', key) - settings.retentionCount)
  local oldest = redis.call('LRANGE', key, -limit, -1)
  if #oldest == 0 then
    return
  end
  local records = redis.call('HMGET', stateKey, unpack(oldest))
  local ids, kept = {}, {}
  for i = #oldest, 1, -1 do
    local record = records[i]
    local endedAt = tonumber(endedAtOf(record) or 0)
    if #ids >= excess and endedAt + settings.retentionMs > now then
      break
    end
    ids[#ids + 1], kept[#kept + 1] = oldest[i], record
  end
  if #ids == 0 then
    return
  end
  local plan = planPurge(ids, kept, settings, function(record)
    return record and string.sub(record, 1, 1) == letter
  end)
  rememberPurged(plan)
  add(counters, counter, -plan.counted)
  add(counters, PURGED, plan.counted)
  add(counters, HEADERS, -plan.headers)
  redis.call('HSET', stateKey, '#counters', packCounters(counters), unpack(plan.commit))
  removePurged(plan)
  redis.call('LTRIM', key, 0, -#ids - 1)
  purged = purged + #ids
end

purgeList(completedKey, COMPLETED, 'c')
purgeList(cancelledKey, CANCELLED, 'x')
purgeList(expiredKey, EXPIRED, 'e')

-- Removes completed tasks whose time by the option `keep` is over.
local due = redis.call('ZRANGEBYSCORE', keptKey, '-inf', nowText, 'LIMIT', 0, limit)
if #due > 0 then
-- include lib/keep.lua
-- include lib/kept.lua
  purgeKept(due, counters, settings)
  purged = purged + #due
end

-- Removes dead letters. The field "#dropped" counts those that are removed because there are too many or because they
-- are too old: nobody has dealt with these tasks.
local dropped = 0
local function dropDead(ids, records)
-- include lib/errors.lua
  local errors = newErrors()
  local plan = planPurge(ids, records, settings, function(record, _, letter)
    if letter == RECORD_DEAD then
      countDead(errors, record, -1)
    end
    return letter == RECORD_DEAD
  end)
  planErrors(errors, plan.commit)
  dropped = dropped + plan.counted
  rememberPurged(plan)
  add(counters, DEAD, -plan.counted)
  add(counters, PURGED, plan.counted)
  if ends then
-- include lib/note_ends.lua
    noteEnds(plan.commit, 0)
    ends = nil
  end
  redis.call('HSET', stateKey, '#counters', packCounters(counters), '#dropped', string.format('%.0f', tonumber(fields[5] or 0) + dropped),
    unpack(plan.commit))
  removePurged(plan)
  redis.call('ZREM', deadLettersKey, unpack(ids))
end

-- The oldest dead letters, if the queue has more than `maxDead`, or if they are older than `maxDeadAgeMs`.
local maxDead, maxDeadAgeMs = readDeadCaps(fields[4])
if maxDead + maxDeadAgeMs > 0 then
  local excess = maxDead > 0 and redis.call('ZCARD', deadLettersKey) - maxDead or 0
  local diedBefore = maxDeadAgeMs > 0 and now - maxDeadAgeMs or -1
  local oldest, ids = redis.call('ZRANGE', deadLettersKey, 0, limit - 1, 'WITHSCORES'), {}
  for i = 1, #oldest, 2 do
    if #ids >= excess and tonumber(oldest[i + 1]) > diedBefore then
      break
    end
    ids[#ids + 1] = oldest[i]
  end
  if #ids > 0 then
    dropDead(ids, redis.call('HMGET', stateKey, unpack(ids)))
  end
end

-- Removes dead letters whose time by `keep` is over. Entries are hints: a task may have been replayed or have died
-- again.
local hints = redis.call('ZRANGEBYSCORE', keptDeadKey, '-inf', nowText, 'LIMIT', 0, limit)
if #hints > 0 then
-- include lib/keep.lua
  local records, envelopes = redis.call('HMGET', stateKey, unpack(hints)), redis.call('HMGET', tasksKey, unpack(hints))
  local ids, theirs, gone, later = {}, {}, {}, {}
  for i, id in ipairs(hints) do
    local record = records[i]
    local _, deadMs = keepOf(headerOf(envelopes[i] or '.'))
    if not record or string.byte(record) ~= RECORD_DEAD or not deadMs then
      gone[#gone + 1] = id
    elseif endedAtOf(record) + deadMs <= now then
      ids[#ids + 1], theirs[#theirs + 1] = id, record
    else
      noteDeadUntil(later, id, envelopes[i], endedAtOf(record))
    end
  end
  if #ids > 0 then
    dropDead(ids, theirs)
  end
  if #later > 0 then
    redis.call('ZADD', keptDeadKey, unpack(later))
  end
  forgotten = forgotten + #gone
  for _, id in ipairs(ids) do
    gone[#gone + 1] = id
  end
  if #gone > 0 then
    redis.call('ZREM', keptDeadKey, unpack(gone))
  end
end

-- Removes discarded tasks that cannot be restored any more. They were counted as purged by the discard.
local final = redis.call('ZRANGEBYSCORE', discardedKey, '-inf', string.format('%.0f', now - undoMs), 'LIMIT', 0, limit)
if #final > 0 then
  local plan = planPurge(final, redis.call('HMGET', stateKey, unpack(final)), settings, function(record)
    return record and string.byte(record) == RECORD_DISCARDED
  end)
  rememberPurged(plan)
  if #plan.commit > 0 then
    redis.call('HSET', stateKey, unpack(plan.commit))
  end
  removePurged(plan)
  redis.call('ZREM', discardedKey, unpack(final))
  forgotten = forgotten + #final
end

-- Forgets error signatures without dead letters that were not seen for long, a few in each call. They are forgotten
-- sooner if there is little room for new ones. A muted error is kept.
local signatures = redis.call('HRANDFIELD', errorsKey, ERRORS_LOOKED)
if #signatures > 0 then
  local keptMs = redis.call('HLEN', errorsKey) > 0.9 * ERRORS_KEPT and ERROR_CROWDED_MS or ERROR_KEPT_MS
  local gone, names = {}, {}
  for _, signature in ipairs(signatures) do
    local own = redis.call('HMGET', stateKey, '#!' .. signature, '#mute:' .. signature)
    local dead, lastAt = string.match(own[1] or '0 0 0 0', '^(%d+) %d+ %d+ (%d+)')
    if dead == '0' and lastAt + keptMs <= now and not own[2] then
      gone[#gone + 1], names[#names + 1] = '#!' .. signature, signature
    end
  end
  if #gone > 0 then
    redis.call('HDEL', stateKey, unpack(gone))
    redis.call('HDEL', errorsKey, unpack(names))
    forgotten = forgotten + #gone
  end
end

local oldest = redis.call('LRANGE', rememberedKey, -limit, -1)
if #oldest > 0 then
  local records = redis.call('HMGET', stateKey, unpack(oldest))
  local gone, count = {}, 0
  for i = #oldest, 1, -1 do
    local endedAt = records[i] and string.match(records[i], '^r (%d+)')
    if endedAt and tonumber(endedAt) + settings.idempotencyMs > now then
      break
    end
    count = count + 1
    if endedAt then
      gone[#gone + 1] = oldest[i]
    end
  end
  if #gone > 0 then
    redis.call('HDEL', stateKey, unpack(gone))
  end
  if count > 0 then
    redis.call('LTRIM', rememberedKey, 0, -count - 1)
  end
  forgotten = forgotten + count
end

for _, member in ipairs(redis.call('ZRANGEBYSCORE', requestsKey, '-inf', string.format('%.0f', now - requestIdleMs), 'LIMIT', 0, limit)) do
  local hash = string.sub(member, 1, 1)
  local key = hash == 't' and tasksKey or hash == 'p' and stepsKey or stateKey
  local record = redis.call('HGET', key, string.sub(member, 2))
  local seen = record and tonumber(string.match(record, '^%d+ (%d+)'))
  if seen and seen > now - requestIdleMs then
    redis.call('ZADD', requestsKey, string.format('%.0f', seen), member)
  else
    redis.call('HDEL', key, string.sub(member, 2))
    redis.call('ZREM', requestsKey, member)
    forgotten = forgotten + 1
  end
end
return { purged, forgotten, redis.call('HLEN', uniqueKey), dropped, fields[6] and 1 or 0, redis.call('LLEN', stepsRemovedKey) }
