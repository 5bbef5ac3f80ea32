#!lua flags=allow-oom
-- acquire: take up to `want` pending tasks under a lease.
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
-- KEYS[11] expired  LIST  taskIds, newest first
-- KEYS[12] tasks  HASH  taskId -> envelope
-- KEYS[13] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[14] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[15] wake  CHANNEL
-- KEYS[16] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] requestSlot  string  "#q:<instance of the caller>:<slot>"
-- ARGV[3] sequence  digits  the number of the call, which grows within the slot
-- ARGV[4] want  integer  tasks to acquire, 1 to 500
-- ARGV[5] held  integer  tasks that the caller holds
-- ARGV[6] leaseMs  integer
-- ARGV[7] maxRetries  string  for tasks that do not set it; after it, the terms of single types (lib/lease.lua)
-- ARGV[8] workerId  string
-- ARGV[9] nonce  string  the second half of the fence of the tasks that this call grants
-- ARGV[10] park  integer  1: if nothing is granted, the request waits in `#parked` until an enqueue grants tasks to it
-- ARGV[11] types  string  the types that the caller runs (lib/routes.lua); "" if it does not send them
-- ARGV[12] noHandlerAfterMs  integer  how long a task that is put aside waits for a worker that runs its type
-- RETURNS {now, "", first grant, flags, counts, taskIds, envelope, ...}
--   counts: "place=counts" of each task that was granted before. If the request is parked, one number stands in place
--   of the envelopes: how long it takes until the next task is due, ms; -1 if no task is scheduled
-- TIME    O(w log p + t log q), w wanted, p = tasks processing, t types sent, q = tasks in pending:typed
-- MOVES   scheduled -> pending; pending -> processing | expired

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/parked.lua
-- include lib/wake.lua
-- include lib/due.lua
-- include lib/lease.lua
-- include lib/grants.lua
-- include lib/grant_writes.lua
-- include lib/commit.lua

-- 1. Read.
local fields = redis.call('HMGET', stateKey, '#counters', '#settings', '#parked', '#solo', requestSlot, '#limits')
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
local previous, refused = previousReply(fields[5])
if refused then
  return refused
end
if previous then
-- include lib/repeat.lua
  local first, flags, again = string.match(previous, '^%a* (%d+) (%d+) (.*)$')
  local counts, envelopes = grantsAgain(first, again)
  return { now, '', first, tonumber(flags), counts, again, unpack(envelopes) }
end
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
end
if fields[6] then
-- include lib/limits.lua
-- include lib/charges.lua
-- include lib/turns.lua
  limits = newLimits(fields[6], settings)
  takeTurns(limits)
  limits.wakeResting(limits)
end
local promoted = settings.paused and 0 or promoteDue(PROMOTE_LIMIT)
if promoted > 0 then
  fields[1] = redis.call('HGET', stateKey, '#counters')
end
local counters = unpackCounters(fields[1])
local typed
if types ~= '' or limits and limits.types then
-- include lib/typed.lua
  typed = newTyped(types, noHandlerAfterMs)
end
local request = { want = settings.paused and 0 or want, held = held, leaseMs = leaseMs, maxRetries = maxRetries,
  workerId = workerId, nonce = nonce, typed = typed }
local commit = newCommit()
local grants = planAcquire(counters, request, fields[4], commit)
if ends then
-- include lib/note_ends.lua
  noteEnds(commit, grants.handed or 0)
end
local rests = park == 1 and #grants.ids == 0 and not hasMore(grants) and not grants.makesRoom
local line = rests and workerId .. ' ' .. requestSlot .. ' ' .. sequence .. ' ' .. want .. ' ' .. leaseMs .. ' ' .. maxRetries .. ' ' .. nonce .. types or nil
local parked, parks = parkedAfter(fields[3], line)

-- 2. Write the targets: where the tasks go.
if hasReply(grants, '') then
  indexRequest(fields[5], 's', requestSlot)
end
writeGrants(grants)
if typed then
  typed.write(typed, commit)
end

-- 3. Commit: one HSET.
if events then
  noteGrants(grants)
end
local flags = replyFlags(settings, grants) + (parks and REPLY_PARKED or 0)
commitRoundTrip(commit, counters, grants, '', flags) -- parked requests are a hint, so they are not part of the commit
if parked ~= (fields[3] or '') then
  writeField('#parked', parked)
end

-- 4. Remove the sources: where the tasks were.
trimGrants(grants)
if promoted > #grants.ids or grants.aside > 0 then -- there are more tasks than this caller takes
  wake()
end
if rests then
  -- How long the worker may sleep. If a task becomes due sooner, an enqueue or a settle wakes the worker.
  grants.envelopes[1] = settings.paused and -1 or sooner(untilDue(), limits and limits.untilRoom(limits) or -1)
  if grants.fillAt then -- a batch waits until it is full
    grants.envelopes[1] = sooner(grants.envelopes[1], math.max(0, grants.fillAt - now))
  end
end
if events then
  events.tell()
end
return { now, '', grants.firstText, flags, countsReply(grants.counts), grants.named, unpack(grants.envelopes) }
