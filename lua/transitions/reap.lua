#!lua flags=allow-oom
-- reap: take back tasks whose lease has expired. Each of them counts as a crash: an attempt that nobody settled.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  ids of tasks that crashed their workers twice
-- KEYS[5] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[6] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[7] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[8] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[9] dead_letters  ZSET  taskId -> when the task died, ms since the epoch
-- KEYS[10] cancelled  LIST  taskIds, newest first
-- KEYS[11] tasks  HASH  taskId -> envelope
-- KEYS[12] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[13] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[14] wake  CHANNEL
-- KEYS[15] events  STREAM  entries of events (lib/events.lua)
-- KEYS[16] kept:dead  ZSET  dead letters with `keep`: taskId -> when it is dropped, ms since the epoch
-- KEYS[17] errors  HASH  signature -> type and error of the first failure
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] limit  integer  1 to 500
-- RETURNS {queued again, dead, cancelled, ms until the next lease expires or -1}
-- TIME    O(n log p), n = limit, p = tasks processing
-- MOVES   processing -> pending (at the head, at once) | dead | cancelled

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/limits.lua
-- include lib/wake.lua
-- include lib/next.lua
-- include lib/ends.lua
-- include lib/errors.lua
-- include lib/told.lua

local function untilNext()
  local following = redis.call('ZRANGE', processingKey, 0, 0, 'WITHSCORES')
  return following[2] and math.max(0, tonumber(following[2]) - now) or -1
end

-- 1. Read.
local ids = redis.call('ZRANGEBYSCORE', processingKey, '-inf', nowText, 'LIMIT', 0, limit)
if #ids == 0 then
  return { 0, 0, 0, untilNext() }
end
local records = redis.call('HMGET', stateKey, '#counters', '#settings', '#limits', unpack(ids))
local settings = readSettings(records[2])
if not settings then
  return layoutError()
end
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
end
local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
limits = newLimits(records[3], settings)
local counters = unpackCounters(records[1])
local bands, dead, cancelled, commit = newBands(), {}, {}, {}
local queuedAgain, awaited, deadUntil, errors = 0, {}, {}, newErrors()
for i, id in ipairs(ids) do
  local record = records[i + 3]
  if record and string.byte(record) == RECORD_PROCESSING then
    local c = parseCounts(record)
    local _, grantedAt, _, maxAttempts = parseLease(record)
    c.crashes = c.crashes + 1
    local cancelRequested = hasFlag(c, FLAG_CANCEL)
    clearFlag(c, FLAG_CANCEL)
    local key = leasedKey(record)
    limits.release(limits, countedIn(record), 1, tonumber(grantedAt))
    local history = table.concat({ appendAttempt(record, c, 'crashed', '') })
    local isDead = not cancelRequested and c.attempts >= maxAttempts
    local mark = countFailure(errors, toldOf(envelopes[i] or '.', 'crashes_exhausted'), isDead, '~crashes_exhausted')
    add(counters, PROCESSING, -1)
    add(counters, CRASHED_TOTAL, 1)
    commit[#commit + 1] = id
    if cancelRequested or maxAttempts <= c.attempts then
      awaited[#awaited + 1] = hasFlag(c, FLAG_NEXT) and id or nil
      if hasFlag(c, FLAG_NODE) then
        addEnd(id, cancelRequested and 'x' or 'd', c)
      end
    end
    if cancelRequested then
      cancelled[#cancelled + 1] = id
      commit[#commit + 1] = 'x' .. countsText(c) .. ' ' .. nowText .. history
    elseif isDead then
      dead[#dead + 1] = nowText
      dead[#dead + 1] = id
      if hasFlag(c, FLAG_KEEP) then
-- include lib/keep.lua
        noteDeadUntil(deadUntil, id, envelopes[i], now)
      end
      if key then
        limits.died(limits, key)
      end
      commit[#commit + 1] = 'd' .. countsText(c) .. ' ' .. nowText .. ' crashes_exhausted' .. mark .. history
    else
      addPending(bands, id, envelopes[i] or '.', c)
      queuedAgain = queuedAgain + 1
      commit[#commit + 1] = 'p' .. countsText(c) .. history
    end
    if events then
      local kinds = { p = EVENT_REAPED, x = EVENT_CANCELLED, d = EVENT_DEAD .. 'crashes_exhausted' }
      events.note(kinds[string.sub(commit[#commit], 1, 1)], id)
    end
  end
end

planErrors(errors, commit)

-- 2. Write the targets: where the tasks go.
writeErrors(errors)
pushBands(bands, true)
limits.openReleased(limits)
if #dead > 0 then
  redis.call('ZADD', deadLettersKey, unpack(dead))
end
if #deadUntil > 0 then
  redis.call('ZADD', keptDeadKey, unpack(deadUntil))
end
if #cancelled > 0 then
  redis.call('LPUSH', cancelledKey, unpack(cancelled))
end

-- 3. Commit. The new records have no fence, so a late ack changes nothing.
add(counters, PENDING, queuedAgain)
add(counters, DEAD, #dead / 2)
add(counters, DEAD_TOTAL, #dead / 2)
add(counters, CANCELLED, #cancelled)
add(counters, CANCELLED_TOTAL, #cancelled)
limits.write(limits, commit)
if ends then
-- include lib/note_ends.lua
  noteEnds(commit, 0)
end
if events then
  events.number()
end
if #commit > 0 then
  redis.call('HSET', stateKey, '#counters', packCounters(counters), unpack(commit))
end

-- 4. Remove the source: where the tasks were.
redis.call('ZREM', processingKey, unpack(ids))
limits.finish(limits)
if #awaited > 0 then
  releaseNext(awaited)
end
if queuedAgain > 0 or #awaited > 0 or #limits.opened > 0 or limits.hasTypeRoom or limits.concurrency < math.huge then
  wake()
end
if events then
  events.tell()
end
return { queuedAgain, #dead / 2, #cancelled, untilNext() }
