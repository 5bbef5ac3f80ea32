#!lua flags=allow-oom
-- settle: end attempts whose lease the caller still holds, and acquire new tasks in the same round trip.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  ids of tasks that crashed their workers twice
-- KEYS[5] pending:typed  ZSET  tasks put aside for a worker that runs their type (lib/typed.lua), all with score 0
-- KEYS[6] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[7] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[8] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[9] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[10] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[11] dead_letters  ZSET  taskId -> when the task died, ms since the epoch
-- KEYS[12] completed  LIST  taskIds, newest first
-- KEYS[13] cancelled  LIST  taskIds, newest first
-- KEYS[14] expired  LIST  taskIds, newest first
-- KEYS[15] remembered  LIST  ids of purged tasks whose ids a caller gave, newest first
-- KEYS[16] tasks  HASH  taskId -> envelope
-- KEYS[17] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[18] results  HASH  taskId -> JSON text
-- KEYS[19] progress  HASH  taskId -> progress and log lines
-- KEYS[20] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[21] wake  CHANNEL
-- KEYS[22] events  STREAM  entries of events (lib/events.lua)
-- KEYS[23] kept  ZSET  completed tasks with `keep`: taskId -> when it is removed, ms since the epoch
-- KEYS[24] kept:types  ZSET  those with a count, a line for each type (lib/keep.lua), all with score 0
-- KEYS[25] kept:dead  ZSET  dead letters with `keep`: taskId -> when it is dropped, ms since the epoch
-- KEYS[26] steps  HASH  durable steps (lib/steps.lua)
-- KEYS[27] steps:removed  LIST  steps to remove: serial, places, and the numbers of the signals
-- KEYS[28] errors  HASH  signature -> type and error of the first failure
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] requestSlot  string  "#q:<instance of the caller>:<slot>"
-- ARGV[3] sequence  digits  the number of the call, which grows within the slot
-- ARGV[4] want  integer  tasks to acquire, 0 to 500
-- ARGV[5] held  integer  how many tasks the caller holds besides those settled here
-- ARGV[6] leaseMs  integer
-- ARGV[7] maxRetries  string  for tasks that do not set it; after it, the terms of single types (lib/lease.lua)
-- ARGV[8] workerId  string
-- ARGV[9] nonce  string  as for acquire
-- ARGV[10] types  string  as for acquire
-- ARGV[11] noHandlerAfterMs  integer  as for acquire
-- ARGV[12] acks  integer  how many of the verdicts are acks without a result
-- ARGV[13] fences  integer  how many different fences those acks have
-- ARGV[14..] verdict  string  at most 500 verdicts, in three parts (see settle.lua)
--   Each fence and how many acks have it; the taskIds of the acks; and for each other verdict: taskId, fence, verdict,
--   delayMs and text
-- RETURNS {now, verdicts, first grant, flags, counts, taskIds, envelope, ...}
--   verdicts: a letter each, in the order given: a acked, r to be retried, d dead, c cancelled, l handed back, s stale,
--   u unknown
-- TIME    O(s + w log p), s verdicts, w wanted, p = tasks processing
-- MOVES   processing -> completed | scheduled | pending | dead | cancelled; completed -> purged; scheduled -> pending;
--   pending -> processing | expired

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/wake.lua
-- include lib/lease.lua
-- include lib/grants.lua
-- include lib/grant_writes.lua
-- include lib/commit.lua
-- include lib/acks.lua

-- Redis runs the whole script from its first line in each call. So functions that only some calls need are included in
-- the branch that needs them, where they cost the other calls nothing.

-- 1. Read.
local acksAt = verdictAt + 2 * fences
local othersAt = acksAt + acks
local ids, retried, unrouted, limited = { unpack(ARGV, acksAt, othersAt - 1) }, {}, false, false
for at = othersAt, #ARGV, 5 do
  ids[#ids + 1] = ARGV[at]
  if ARGV[at + 2] == 'fail' and ARGV[at + 3] == '0' then
    retried[#retried + 1] = ARGV[at]
  end
  unrouted = unrouted or ARGV[at + 2] == 'unrouted'
  limited = limited or ARGV[at + 2] == 'limited'
end
local RESERVED = 6
local fields = redis.call('HMGET', stateKey, '#counters', '#settings', '#solo', requestSlot, '#purging', '#limits', unpack(ids))
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
local previous, refused = previousReply(fields[4])
if refused then
  return refused
end
if previous then
-- include lib/repeat.lua
  local verdicts, first, flags, again = string.match(previous, '^(%a*) (%d+) (%d+) (.*)$')
  local counts, envelopes = grantsAgain(first, again)
  return { now, verdicts, first, tonumber(flags), counts, again, unpack(envelopes) }
end
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
end
if fields[6] or limited then
-- include lib/limits.lua
-- include lib/charges.lua
-- include lib/turns.lua
  limits = newLimits(fields[6], settings)
  takeTurns(limits)
  limits.wakeResting(limits)
end
local promoted = (want == 0 or settings.paused) and 0 or promoteDue(PROMOTE_LIMIT)
if promoted > 0 then
  fields[1] = redis.call('HGET', stateKey, '#counters')
end

local counters = unpackCounters(fields[1])
local commit = newCommit()
local typed
if types ~= '' or unrouted or limits and limits.types then
-- include lib/typed.lua
  typed = newTyped(types, noHandlerAfterMs)
end
local settled, letters, seen = newSettled(commit), {}, {}
local from = 1
for place = 1, fences do
  local fence, count = ARGV[verdictAt + 2 * place - 2], tonumber(ARGV[verdictAt + 2 * place - 1])
  planAcks(settled, counters, fence, ids, fields, RESERVED, from, from + count - 1, letters, seen)
  from = from + count
end
local releases, writeOthers = 0, nil
if acks < #ids then
-- include lib/due.lua
-- include lib/ends.lua
-- include lib/verdicts.lua
  prepareVerdicts(settled, retried)
  for i = acks + 1, #ids do
    local id, size, at = ids[i], settled.size, othersAt + 5 * (i - acks - 1)
    letters[#letters + 1] = seen[id] and 's' or planOther(settled, counters, id, ARGV[at + 1], ARGV[at + 2], tonumber(ARGV[at + 3]),
      ARGV[at + 4], fields[RESERVED + i] or nil, typed)
    -- After a verdict with an old fence, the verdict of the current holder may follow in the same call.
    if settled.size > size then
      seen[id] = true
    end
  end
  if settled.errors then
    settled.planErrors(settled.errors, commit)
  end
  releases, writeOthers = countReleases(settled), writeVerdicts
end
countAcked(settled, counters)
-- The record of a task without `keepPayload` gets the first line of its envelope. The envelope is removed after the
-- commit, because the task might have to run again until then.
local moved = settled.dropped
if #moved > 0 then
  local dropped, envelopes = moved, redis.call('HMGET', tasksKey, unpack(moved))
  moved = {}
  for i, id in ipairs(dropped) do
    local taskType, enqueuedAt, options = string.match(envelopes[i] or '', '^.(%S+) (%w+)([^\n]*)\n')
    enqueuedAt = enqueuedAt and tonumber(enqueuedAt, 36)
    if enqueuedAt then
      local at, grantedAt = dropped[id].at, dropped[id].grantedAt
      local head, history = string.match(commit[at], '^([^\n]*)(.*)$')
      -- The time from the enqueue to the grant is stored, which needs fewer digits than the time of the enqueue.
      commit[at] = head .. ' ' .. taskType .. string.format(' %d', grantedAt - enqueuedAt) .. string.gsub(options, ' k=0', '', 1) .. history
      moved[#moved + 1] = id
    end
  end
  add(counters, HEADERS, #moved)
end

if limits then
  limits.openReleased(limits)
end
local wasFull = limits and counters[PROCESSING] + #ids >= limits.concurrency
local grants = planAcquire(counters, { want = (settings.paused or releases > 0) and 0 or want, held = held, leaseMs = leaseMs,
  maxRetries = maxRetries, workerId = workerId, nonce = nonce, typed = typed }, fields[3], commit)
if ends then
-- include lib/note_ends.lua
  noteEnds(commit, grants.handed or 0)
end

-- 2. Write the targets: where the tasks go.
local verdicts = table.concat(letters)
if hasReply(grants, verdicts) then
  indexRequest(fields[4], 's', requestSlot)
end
local completed, removeOldest, trimKept = settled.completed, nil, nil
if fields[5] or settled.keeping or counters[COMPLETED] > settings.retentionCount then
-- include lib/purge.lua
  finishPurge(fields[5])
  if settled.keeping then
-- include lib/keep.lua
-- include lib/kept.lua
    local kept = planKept(completed, settled.keeping, settings.retentionMs)
    completed = kept.others
    if #kept.entries > 0 then
      redis.call('ZADD', keptKey, unpack(kept.entries))
    end
    trimKept = #kept.members > 0 and function()
      trimLines(kept, counters, settings, math.max(100, #kept.members))
    end
  end
  local listed = #completed > 0 and redis.call('LPUSH', completedKey, unpack(completed)) or 0
  -- Removes completed tasks beyond the retention, except those of this call, whose records are not written yet.
  local excess = math.min(listed - settings.retentionCount, listed - #completed, 2 * #completed)
  local oldest = excess > 0 and redis.call('LRANGE', completedKey, -excess, -1) or {}
  if #oldest > 0 then
    local purge = planPurgeCompleted(oldest, settings, commit)
    add(counters, COMPLETED, -purge.counted)
    add(counters, PURGED, purge.counted)
    add(counters, HEADERS, -purge.headers)
    rememberPurged(purge)
    removeOldest = function()
      removePurged(purge)
      redis.call('LTRIM', completedKey, 0, -#oldest - 1)
    end
  end
elseif #completed > 0 then
  redis.call('LPUSH', completedKey, unpack(completed))
end
if writeOthers then
  writeOthers(settled)
end
writeGrants(grants)
if typed then
  typed.write(typed, commit)
end

-- 3. Commit: one HSET.
if events then
-- include lib/settled_events.lua
  noteSettled(settled, ids, verdicts, acks)
  noteGrants(grants)
end
local flags = replyFlags(settings, grants)
commitRoundTrip(commit, counters, grants, verdicts, flags)

-- 4. Remove the sources: where the tasks were.
if settled.acked > 0 then
  redis.call('ZREM', processingKey, unpack(settled.completed))
end
if settled.gone and #settled.gone > 0 then
  redis.call('ZREM', processingKey, unpack(settled.gone))
end
trimGrants(grants)
if #moved > 0 then
  redis.call('HDEL', tasksKey, unpack(moved))
end
if removeOldest then
  removeOldest()
end
if trimKept then
  trimKept()
end
if #settled.awaited > 0 then
-- include lib/next.lua
  releaseNext(settled.awaited)
  settled.sooner = true
end
local isSooner = (settled.sooner or limits and limits.sooner) and not settings.paused
local hasRoom = limits and not settings.paused and (limits.hasTypeRoom or redis.call('EXISTS', readyKey) == 1 or wasFull and counters[PROCESSING] < limits.concurrency)
if releases > 0 or hasRoom or settled.queuedAgain or isSooner or typed and #typed.members > 0 or promoted > #grants.ids then
  wake()
end
if events then
  events.tell()
end
return { now, verdicts, grants.firstText, flags, countsReply(grants.counts), grants.named, unpack(grants.envelopes) }
