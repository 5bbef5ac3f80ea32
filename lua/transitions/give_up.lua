#!lua
-- give_up: end scheduled tasks as dead letters, because another system has used up their attempts.
-- Refused at maxmemory, like an enqueue.
-- KEYS[1] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[2] dead_letters  ZSET  taskId -> when the task died, ms since the epoch
-- KEYS[3] tasks  HASH  taskId -> envelope
-- KEYS[4] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[5] events  STREAM  entries of events (lib/events.lua)
-- KEYS[6] wake  CHANNEL
-- KEYS[7] kept:dead  ZSET  dead letters with `keep`: taskId -> when it is dropped, ms since the epoch
-- KEYS[8] errors  HASH  signature -> type and error of the first failure
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2..] taskId  string  repeated, at most 500 times: taskId, attempts, reason, endedAt (0 for now), startedAt (0 for
--   endedAt), workerId, error (behind its common part and a line break)
-- RETURNS a letter per task: g given up, d dead already, n not scheduled, u unknown
-- TIME    O(n (log s + log d)), n tasks given, s = tasks scheduled, d = dead letters
-- MOVES   scheduled -> dead

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/ends.lua
-- include lib/errors.lua
-- include lib/told.lua

local FIELDS = 7

-- 1. Read.
local ids = {}
for at = taskIdAt, #ARGV, FIELDS do
  ids[#ids + 1] = ARGV[at]
end
local records = redis.call('HMGET', stateKey, '#counters', '#settings', unpack(ids))
local settings = readSettings(records[2])
if not settings then
  return layoutError()
end
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
end
local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
local counters = unpackCounters(records[1])
local letters, dead, commit, left, seen = {}, {}, {}, {}, {}
local deadUntil, errors = {}, newErrors()
for i, id in ipairs(ids) do
  local record, envelope = records[i + 2] or nil, envelopes[i]
  if seen[id] or record and string.byte(record) == RECORD_DEAD then
    letters[i] = 'd'
  elseif not envelope then
    letters[i] = headerIn(record) and 'n' or 'u'
  elseif not isScheduled(record, envelope) then
    letters[i] = 'n'
  else
    seen[id], letters[i] = true, 'g'
    local attempts, reason, endedAt, startedAt, workerId, text = unpack(ARGV, taskIdAt + FIELDS * (i - 1) + 1, taskIdAt + FIELDS * i - 1)
    local title, err = string.match(text, '^([^\n]*)\n(.*)$')
    err = err or text
    local told = (title or err == '-') and toldOf(envelope, title or reason)
    -- The clock of the other system may be ahead, so times in the future are replaced by the time of Redis.
    endedAt = (endedAt == '0' or tonumber(endedAt) > now) and nowText or endedAt
    startedAt = (startedAt == '0' or tonumber(startedAt) > tonumber(endedAt)) and endedAt or startedAt
    local c = parseCounts(record or 's0')
    add(c, 'attempts', tonumber(attempts))
    local outcome = reason == 'crashes_exhausted' and 'crashed' or 'failed'
    add(c, outcome == 'crashed' and 'crashes' or 'failures', tonumber(attempts))
    if option(envelope, 'h') then
      setFlag(c, FLAG_GIVEN)
    end
    if option(envelope, 'l') then
-- include lib/keep.lua
      setFlag(c, FLAG_KEEP)
      noteDeadUntil(deadUntil, id, envelope, tonumber(endedAt))
    end
    local line = table.concat({ '\n' .. string.format('%d %d', c.attempts, c.generation), outcome, startedAt, endedAt, workerId, '-', err }, ' ')
    left[#left + 1] = id
    if hasFlag(c, FLAG_NODE) then
      addEnd(id, 'd', c)
    end
    if events then
      events.note(EVENT_DEAD .. reason, id)
    end
    dead[#dead + 1], dead[#dead + 2] = endedAt, id
    commit[#commit + 1], commit[#commit + 2] = id, 'd' .. countsText(c) .. ' ' .. endedAt .. ' ' .. reason .. countFailure(errors, told, true, err == '-' and '~' .. reason or err)
      .. roomIn(historyOf(record)) .. line
  end
end
letters = table.concat(letters)
if #left == 0 then
  return letters
end

planErrors(errors, commit)

-- 2. Write the targets: where the tasks go.
writeErrors(errors)
redis.call('ZADD', deadLettersKey, unpack(dead))
if #deadUntil > 0 then
  redis.call('ZADD', keptDeadKey, unpack(deadUntil))
end

-- 3. Commit. The totals do not count these tasks, because they failed in another system.
add(counters, SCHEDULED, -#left)
add(counters, DEAD, #left)
if ends then
-- include lib/note_ends.lua
  noteEnds(commit, 0)
end
if events then
  events.number()
end
redis.call('HSET', stateKey, '#counters', packCounters(counters), unpack(commit))

-- 4. Remove the source: where the tasks were.
redis.call('ZREM', scheduledKey, unpack(left))
if events then
  events.tell()
end
return letters
