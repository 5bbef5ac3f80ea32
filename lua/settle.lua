#!lua flags=allow-oom
-- settle: end attempts whose lease the caller still holds, and take new tasks in the same round trip.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  taskIds that crashed their workers twice
-- KEYS[5] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[6] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[7] dead_letters  ZSET  taskId -> when, ms since the epoch
-- KEYS[8] completed  LIST  taskIds, newest first
-- KEYS[9] cancelled  LIST  taskIds, newest first
-- KEYS[10] expired  LIST  taskIds, newest first
-- KEYS[11] remembered  LIST  purged taskIds whose id a caller gave, newest first
-- KEYS[12] tasks  HASH  taskId -> envelope
-- KEYS[13] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[14] results  HASH  taskId -> JSON text
-- KEYS[15] progress  HASH  taskId -> progress and log lines
-- KEYS[16] requests  ZSET  slot -> last seen, ms since the epoch
-- KEYS[17] wake  CHANNEL
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] slot  string  the caller's instance and slot
-- ARGV[3] sequence  integer  grows within the slot
-- ARGV[4] want  integer  tasks to acquire, 0 to 500
-- ARGV[5] held  integer  tasks that the caller holds beside those settled here
-- ARGV[6] leaseMs  integer
-- ARGV[7] maxRetries  integer  for tasks that bring none
-- ARGV[8] workerId  string
-- ARGV[9] nonce  string  the second half of each token granted here
-- ARGV[10] noHandlerAfterMs  integer
-- ARGV[11] acks  integer  how many verdicts of the tail are acks without a result
-- ARGV[12..] verdict  string  at most 500: the taskIds of those acks, their tokens; then taskId, token, verdict, delayMs, text each
-- RETURNS {now, verdicts, first grant, flags, counts, taskId, envelope, ...}; verdicts: a letter each, in the order given
-- TIME    O(s + w log p), s verdicts, w wanted, p = tasks processing
-- MOVES   processing -> completed | scheduled | pending | dead | cancelled; scheduled -> pending; pending -> processing | expired

-- include lib/clock.lua
-- include lib/counters.lua
-- include lib/settings.lua
-- include lib/request.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/wake.lua
-- include lib/promote.lua
-- include lib/purge.lua
-- include lib/acquire.lua
-- include lib/settle.lua
-- include lib/commit.lua

local ids, again = { unpack(ARGV, verdictAt, verdictAt + acks - 1) }, {}
for at = verdictAt + 2 * acks, #ARGV, 5 do
  ids[#ids + 1] = ARGV[at]
  if ARGV[at + 2] == 'fail' and ARGV[at + 3] == '0' then
    again[#again + 1] = ARGV[at]
  end
end

-- 1. Read.
local RESERVED = 4
local fields = redis.call('HMGET', stateKey, '#counters', '#settings', '#solo', slot, unpack(ids))
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
local previous, refused = previousReply(fields[4])
if refused then
  return refused
end
if previous then
  local verdicts, first, flags, again = string.match(previous, '^(%a*) (%d+) (%d+) ?(.*)$')
  local counts, reply = grantsAgain(tonumber(first), again)
  return { now, verdicts, first, tonumber(flags), counts, unpack(reply) }
end
local promoted = (want == 0 or settings.paused) and 0 or promoteDue(PROMOTE_LIMIT)
if promoted > 0 then
  fields[1] = redis.call('HGET', stateKey, '#counters')
end

local counters = unpackCounters(fields[1])
local commit = newCommit()
local settled, letters, seen = newSettled(commit, envelopesOf(again)), {}, {}
local tokenAt, otherAt = verdictAt + acks - 1, verdictAt + 2 * acks - 5 * (acks + 1)
for i = 1, #ids do
  local id, record = ids[i], fields[RESERVED + i] or nil
  local size = settled.size
  if seen[id] then
    letters[i] = 's'
  elseif i <= acks then
    letters[i] = planAck(settled, counters, id, ARGV[tokenAt + i], record)
  else
    local at = otherAt + 5 * i
    local token, verdict, delayMs, text = ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]), ARGV[at + 4]
    local current = record and parseLease(record)
    if verdict == 'ack' then
      letters[i] = planAck(settled, counters, id, token, record)
      if letters[i] == 'a' and current == token then
        settled.results[#settled.results + 1] = id
        settled.results[#settled.results + 1] = text
      end
    elseif current == token then -- the fence: only the holder of the current token moves the task
      letters[i] = planVerdict(settled, counters, id, record, verdict, delayMs, text, noHandlerAfterMs)
    else
      letters[i] = verdictWithoutLease(counters, record, nil)
    end
  end
  -- A stale verdict moves nothing: the one that holds the lease may stand behind it in the same call.
  if settled.size > size then
    seen[id] = true
  end
end
countAcked(settled, counters)
local drops = #settled.dropped > 0 and planDropped(settled)

-- A release goes to the head of its band, where the granted entries are trimmed: one or the other in one call.
local releases = #settled.bands.solo + #settled.bands.high + #settled.bands.normal + #settled.bands.low
local grants = planAcquire(counters, { want = (settings.paused or releases > 0) and 0 or want, held = held, leaseMs = leaseMs,
  maxRetries = maxRetries, workerId = workerId, nonce = nonce }, fields[3], commit)
local purge = newPurge(commit)
-- Those completed in this very call are in no list yet: they stay for the next one.
local excess = math.min(counters[COMPLETED] - settings.retentionCount, 2 * #settled.completed)
local oldest = excess > 0 and redis.call('LRANGE', completedKey, -excess, -1) or {}
if #oldest > 0 then
  purge = planPurge(oldest, redis.call('HMGET', stateKey, unpack(oldest)), settings, isCompleted, commit)
  add(counters, COMPLETED, -purge.counted)
  add(counters, PURGED, purge.counted)
end
if drops or purge.bare > 0 then
  countBare(commit, (drops and #drops.bare or 0) - purge.bare)
end

-- 2. Write the targets.
local verdicts = table.concat(letters)
if hasReply(grants, verdicts) then
  indexRequest(fields[4], 's', slot)
end
writeSettled(settled)
writeGrants(grants)
rememberPurged(purge)

-- 3. Commit.
local flags = turnFlags(settings, grants)
commitTurn(commit, counters, grants, verdicts, flags)

-- 4. Remove the sources.
if settled.acked > 0 then
  redis.call('ZREM', processingKey, unpack(settled.completed))
end
if #settled.gone > 0 then
  redis.call('ZREM', processingKey, unpack(settled.gone))
end
trimGrants(grants)
if drops then
  writeDropped(drops)
end
if #oldest > 0 then
  removePurged(purge)
  redis.call('LTRIM', completedKey, 0, -#oldest - 1)
end
if releases > 0 or settled.queuedAgain or promoted > #grants.ids then
  wake()
end
return { now, verdicts, string.format('%d', grants.first), flags, countsReply(grants.counts), unpack(grants.reply) }
