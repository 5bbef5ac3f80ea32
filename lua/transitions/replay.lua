#!lua
-- replay: make dead letters pending again, with no attempts used and the next generation.
-- Refused at maxmemory, like an enqueue.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  ids of tasks that crashed their workers twice
-- KEYS[5] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[6] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[7] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[8] dead_letters  ZSET  taskId -> when the task died, ms since the epoch
-- KEYS[9] tasks  HASH  taskId -> envelope
-- KEYS[10] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[11] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[12] unique  HASH  unique key -> the task that was accepted last for it (lib/unique.lua)
-- KEYS[13] wake  CHANNEL
-- KEYS[14] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] requestSlot  string  "#q:<instance of the caller>:<slot>"
-- ARGV[3] sequence  integer  the number of the call, which grows within the slot
-- ARGV[4] diedBefore  integer  tasks that died after this moment stay dead; 0 for no limit
-- ARGV[5] force  integer  1: a task whose unique key another task holds is replayed too, and does not take the key
-- ARGV[6..] taskId  string  repeated, at most 500 times: taskId, envelope or "" to keep it
-- RETURNS a letter per task: r replayed, n not dead, u unknown, h another task holds its unique key
--   Then, after a space each, the ids of the tasks that hold these keys
-- TIME    O(n log d), n tasks given, d = dead letters
-- MOVES   dead -> pending

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/limits.lua
-- include lib/unique.lua
-- include lib/wake.lua
-- include lib/ends.lua
-- include lib/errors.lua

-- 1. Read.
local ids = {}
for at = taskIdAt, #ARGV, 2 do
  ids[#ids + 1] = ARGV[at]
end
local records = redis.call('HMGET', stateKey, '#counters', '#settings', requestSlot, '#limits', unpack(ids))
local settings = readSettings(records[2])
if not settings then
  return layoutError()
end
local previous, refused = previousReply(records[3])
if refused then
  return refused
end
if previous then
  return previous
end
local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
local offered = {}
for i = 1, #ids do
  local edit = ARGV[taskIdAt + 2 * i - 1]
  offered[i] = edit ~= '' and edit or envelopes[i] or ''
end
local unique = newUnique(offered)
limits = newLimits(records[4], settings)
local counters = unpackCounters(records[1])
local bands, commit, replayed, edited, letters, seen, errors = newBands(), {}, {}, {}, {}, {}, newErrors()
for i, id in ipairs(ids) do
  local record, envelope = records[i + 4], envelopes[i]
  if not (envelope or headerIn(record)) then
    letters[i] = 'u'
  elseif record and string.byte(record) == RECORD_DISCARDED then
    letters[i] = 'u'
  elseif seen[id] or not record or string.byte(record) ~= RECORD_DEAD then
    letters[i] = 'n'
  elseif diedBefore > 0 and tonumber(endedAtOf(record)) > diedBefore then
    letters[i] = 'n'
  elseif force == 0 and unique.conflict(i, id) then
    letters[i] = 'h'
  else
    seen[id] = true
    letters[i] = 'r'
    countDead(errors, record, -1)
    if force == 0 then
      unique.take(i, id, 'p')
    end
    local c = parseCounts(record)
    -- A task that crashed its workers still has to run alone, so that no other task crashes with it.
    if needsSolo(c) then
      setFlag(c, FLAG_ALONE)
    end
    c.attempts, c.failures, c.crashes, c.releases, c.unroutedSince, c.limited = 0, 0, 0, 0, 0, 0
    c.generation = c.generation + 1
    local edit = ARGV[taskIdAt + 2 * i - 1]
    if edit ~= '' then
      edited[#edited + 1], edited[#edited + 2] = id, edit
      envelope = edit
    end
    addPending(bands, id, envelope, c)
    if hasFlag(c, FLAG_NODE) then
      addEnd(id, 'y', c)
    end
    local key = limits.stops and keyOption(envelope)
    if key then
      limits.goOn(limits, key)
    end
    replayed[#replayed + 1] = id
    commit[#commit + 1] = id
    commit[#commit + 1] = 'p' .. countsText(c) .. appendReplay(record, c)
  end
end
letters = table.concat(letters)
local reply = table.concat({ letters, unpack(unique.owners) }, ' ')

-- 2. Write the targets: where the tasks go.
indexRequest(records[3], 's', requestSlot)
-- A task whose death stopped its key (stop=1) goes to the head, because the others of the key wait for it.
pushBands(bands, false, limits.stops)
if #edited > 0 then
  redis.call('HSET', tasksKey, unpack(edited))
end
unique.write()

-- 3. Commit: one HSET.
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
  events.noteAll(EVENT_REPLAYED, table.concat(replayed, ' '), #replayed)
  events.number()
end
add(counters, DEAD, -#replayed)
add(counters, PENDING, #replayed)
add(counters, REPLAYED_TOTAL, #replayed)
limits.write(limits, commit)
planErrors(errors, commit)
if ends then
-- include lib/note_ends.lua
  noteEnds(commit, 0)
end
redis.call('HSET', stateKey, '#counters', packCounters(counters), requestSlot, keptReply(sequence, reply), unpack(commit))

-- 4. Remove the source: where the tasks were.
if #replayed > 0 then
  redis.call('ZREM', deadLettersKey, unpack(replayed))
  limits.finish(limits)
  wake()
end
if events then
  events.tell()
end
return reply
