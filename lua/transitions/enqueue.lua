#!lua
-- enqueue: accept tasks. Refused at maxmemory: it has no allow-oom flag on purpose.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:typed  ZSET  tasks put aside for a worker that runs their type (lib/typed.lua), all with score 0
-- KEYS[5] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[6] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[7] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[8] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[9] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[10] cancelled  LIST  taskIds, newest first
-- KEYS[11] tasks  HASH  taskId -> envelope, and the numbers of accepted tasks
-- KEYS[12] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[13] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[14] unique  HASH  unique key -> the task that was accepted last for it (lib/unique.lua)
-- KEYS[15] wake  CHANNEL
-- KEYS[16] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] requestSlot  string  "#q:<instance of the caller>:<slot>"
-- ARGV[3] sequence  digits  the number of the call, which grows within the slot
-- ARGV[4] checked  integer  0: the ids were minted; 1 or 2: callers gave the ids; 4 more if tasks have unique keys
--   1: an id gets a new task if its task ended without completing. 2: such a task keeps its id
-- ARGV[5] high  integer  how many of the first tasks go to pending:high
-- ARGV[6] normal  integer  how many of the following tasks go to pending
-- ARGV[7] low  integer  how many of the following tasks go to pending:low
-- ARGV[8] keyed  integer  how many of the following tasks have a key and go to pending:keyed; all others are scheduled
-- ARGV[9..] taskId  string  repeated, at most 500 times: taskId, envelope
-- RETURNS "now verdicts states", perhaps with " owners"; "now" alone: refused, because the queue is not registered
--   verdicts, a letter per task: n new, p new and due at once although it was to be scheduled, d duplicate, c conflict,
--     e ended without completing (`enqueue_again` gives the id a new task), b is being cancelled, f queue full,
--     k key full (lib/policies.lua), o another task holds its unique key, u as o, but the enqueue is refused,
--     w as o, and the task is to replace the holder (`replace`), a new, and scheduled until the holder has ended
--   states: of the tasks with d, c, o, u and w. owners: the ids of the tasks that hold the unique keys of tasks with
--     o, u and w, separated by spaces
-- TIME    O(n), n tasks given; O(n log s) for scheduled ones; O(p), p = tasks processing, if a key is full and
--   full=cancel
-- MOVES   -> pending | scheduled (pending if it is due already); pending -> processing; pending -> cancelled

-- include lib/call.lua
-- include lib/queue.lua

-- 1. Read.
local count = (#ARGV - taskIdAt + 1) / 2
local own = redis.call('HMGET', tasksKey, '#in', requestSlot)
local queue = redis.call('HMGET', stateKey, '#counters', '#settings', '#parked', '#registered', '#limits')
local settings = readSettings(queue[2])
if not settings then
  return layoutError()
end
local previous, refused = previousReply(own[2])
if refused then
  return refused
end
if previous then
  return nowText .. ' ' .. previous
end
-- The queue is new, or was deleted meanwhile. No operator or janitor would see a task that is stored in it.
if queue[4] ~= '1' then
  return nowText
end
local acceptedPending, acceptedScheduled, deduplicated = unpackAccepted(own[1])
-- The counters and the limits of the queue (lib/limits.lua). They stay nil in a call that does not need them.
local counters, limits
-- How many more tasks may wait: the first ones of the call are accepted. A known id needs no room.
local room = math.huge
if settings.maxWaiting > 0 then
  counters = unpackCounters(queue[1])
  room = settings.maxWaiting - (acceptedPending + acceptedScheduled + counters[PENDING] + counters[SCHEDULED])
end

local none = {}
local bands = { high = none, normal = none, low = none, keyed = none }
-- `due`: due times and ids of scheduled tasks. `accepted`: ids and envelopes, in a call that looks for known ids.
-- `leftover`: ids with a record of an aborted purge, which a new task must not inherit.
local due, accepted, leftover = none, none, none
-- Whether a task of the call was to be scheduled, but is due already.
local isDueNow = false
-- Whether a task that is scheduled has a key.
local isKeyed = false
local fitting = math.max(0, math.min(count, room))
local verdicts, states = string.rep('n', fitting) .. string.rep('f', count - fitting), ''
-- `unique` decides which tasks get their unique keys (lib/unique.lua). `owners`: the ids of the tasks that hold them.
-- Both are nil in a call without unique keys.
local unique, owners

if checked == 0 and normal == count then
  -- The shortcut for most calls: ids of the library, the normal band and no unique keys. The loop calls no function and
  -- does not search for the end of the list (hot path).
  local ids, given, at = { nil }, ARGV, taskIdAt -- `nil`: see lib/push.lua
  for position = 1, fitting do
    ids[position], at = given[at], at + 2
  end
  bands.normal = ids
else
  bands = { high = {}, normal = {}, low = {}, keyed = {} }
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/accept.lua
end
local reply = verdicts .. ' ' .. states .. (owners and ' ' .. owners or '')
-- If every task was refused (f, k, b, u) or needs another script (e, w), there is nothing to write.
if not string.find(verdicts, '[npadco]') then
  return nowText .. ' ' .. reply
end

-- 2. Write the targets: where the tasks go.
indexRequest(own[2], 't', requestSlot)
-- The total length of the lists that got new entries.
local entries = 0
if #bands.high > 0 then
  entries = entries + redis.call('RPUSH', pendingHighKey, unpack(bands.high))
end
if #bands.normal > 0 then
  entries = entries + redis.call('RPUSH', pendingKey, unpack(bands.normal))
end
if #bands.low > 0 then
  entries = entries + redis.call('RPUSH', pendingLowKey, unpack(bands.low))
end
if #bands.keyed > 0 then
  limits.lineUp(limits, bands.keyed, false)
elseif isKeyed and not queue[5] then
-- include lib/settings.lua
  adoptLimits(settings)
end
-- A waiting worker knows when the next scheduled task is due, and has to be woken if a new task is due sooner.
local isSooner = false
if #due > 0 then
-- include lib/due.lua
  local first = placeDue(due)
  isSooner = queue[3] and not settings.paused and isFirstDue(first)
  redis.call('ZADD', scheduledKey, unpack(due))
end

if #leftover > 0 then
  redis.call('HDEL', stateKey, unpack(leftover))
end
if unique then
  unique.write()
end

-- 3. Commit: envelopes, counters of accepted tasks, and the reply for a repeat. A new task has no state record.
local pushed = #bands.high + #bands.normal + #bands.low + #bands.keyed
if settings.maxEvents then
-- include lib/events.lua
-- include lib/enqueued_events.lua
  events = newEvents(settings)
  noteEnqueued(bands, due)
end
local counts = struct.pack('>ddd', acceptedPending + pushed, acceptedScheduled + #due / 2, deduplicated)
local isListed = accepted ~= none
if isListed then
  redis.call('HSET', tasksKey, '#in', counts, requestSlot, keptReply(sequence, reply), unpack(accepted))
else
  local last = taskIdAt + 2 * (pushed + #due / 2) - 1
  redis.call('HSET', tasksKey, '#in', counts, requestSlot, keptReply(sequence, reply), unpack(ARGV, taskIdAt, last))
end

if unique then
  unique.writeWindows()
end
if limits and limits.full == 'cancel' and #bands.keyed > 0 then
  limits.supersede(limits, counters or unpackCounters(queue[1]), bands.keyed)
end

-- 4. If a worker waits, lease the tasks to it, or wake all workers. Only calls that need these functions include them.
if queue[3] and (pushed > 0 or isSooner) then
-- include lib/lease.lua
-- include lib/push.lua
  counters = counters or unpackCounters(queue[1])
  -- A push would overtake tasks that were there before, so then all workers are woken instead. Tasks in `pending:typed`
  -- do not count, because no waiting worker runs them.
  local waiting = acceptedPending + counters[PENDING]
  local alone = entries == pushed and (waiting == 0 or waiting <= redis.call('ZCARD', pendingTypedKey))
  local tasks, at = ARGV, taskIdAt
  if isListed then
    tasks, at = accepted, 1
  end
  -- A push cannot apply limits, so it is not used in a queue with limits.
  local isPushed = false
  if pushed > 0 and #bands.keyed == 0 and not queue[5] and alone and not isDueNow and not settings.paused then
    isPushed = push(counters, queue[3], tasks, at, pushed, bands)
  end
  if isSooner or not isPushed then
-- include lib/wake.lua
    wake()
  end
end
if events then
  events.tell()
end
return nowText .. ' ' .. reply
