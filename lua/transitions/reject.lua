#!lua flags=allow-oom
-- reject: end tasks in pending:typed that have waited for too long and whose type no registered worker runs.
-- KEYS[1] pending:typed  ZSET  tasks put aside for a worker that runs their type (lib/typed.lua), all with score 0
-- KEYS[2] dead_letters  ZSET  taskId -> when the task died, ms since the epoch
-- KEYS[3] tasks  HASH  taskId -> envelope
-- KEYS[4] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[5] events  STREAM  entries of events (lib/events.lua)
-- KEYS[6] wake  CHANNEL
-- KEYS[7] kept:dead  ZSET  dead letters with `keep`: taskId -> when it is dropped, ms since the epoch
-- KEYS[8] errors  HASH  signature -> type and error of the first failure
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] limit  integer  tasks to look at, 1 to 500
-- ARGV[3] after  string  a line, "<band> <type>": only the lines after it are looked at; "" to begin
-- ARGV[4] known  string  the end of the error text, which says what workers are registered, percent-encoded
-- ARGV[5..] type  string  repeated: types that the registered workers of the queue run, and prefixes with a *
--   (lib/routes.lua)
-- RETURNS {dead, the line from which to continue, "" at the end}
-- TIME    O(n log q), n = limit, q = tasks in pending:typed
-- MOVES   pending -> dead

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/tombstones.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/routes.lua
-- include lib/ends.lua
-- include lib/errors.lua
-- include lib/told.lua

-- 1. Read, type by type, the oldest task of each type first.
local fields = redis.call('HMGET', stateKey, '#counters', '#settings')
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
end
local _, ruleOf = routesOf(' ' .. table.concat(ARGV, ' ', typeAt))
local counters = unpackCounters(fields[1])
local left, due, commit, seen, looked = {}, {}, {}, {}, 0
local deadUntil, errors = {}, newErrors()

local function reject(member, name, id)
  local record = redis.call('HGET', stateKey, id)
  left[#left + 1] = member
  local c = record and parseCounts(record)
  -- A cancelled task leaves its entry. If its id was used again, the entry is that of the new task only if the record
  -- says when the task began to wait for a worker.
  if record and string.byte(record) == RECORD_PENDING and c.unroutedSince > 0 and not seen[id] then
    seen[id] = true
    -- A task that was never granted has no flags in its record, so they are taken from its options.
    local envelope = redis.call('HGET', tasksKey, id) or '.'
    if option(envelope, 'h') then
      setFlag(c, FLAG_GIVEN)
    end
    if option(envelope, 'l') then
-- include lib/keep.lua
      setFlag(c, FLAG_KEEP)
      noteDeadUntil(deadUntil, id, envelope, now)
    end
    local line = table.concat({ '\n', string.format('%d %d unrouted %.0f ', c.attempts, c.generation, c.unroutedSince), nowText,
      ' - - NoHandler: no registered worker of this queue has a handler for "', name, '"; ', known })
    due[#due + 1] = nowText
    due[#due + 1] = id
    if events then
      events.note(EVENT_DEAD .. 'no_handler', id)
    end
    if hasFlag(c, FLAG_NODE) then
      addEnd(id, 'd', c)
    end
    commit[#commit + 1] = id
    commit[#commit + 1] = 'd' .. countsText(c) .. ' ' .. nowText .. ' no_handler' .. countFailure(errors, toldOf(envelope, 'no_handler'), true, '~no_handler') .. roomIn(historyOf(record)) .. line
  else
    countTombstone(counters, member, true, -1)
  end
end

local done, lines = after, 0
while looked < limit and lines < limit do
  -- "!" sorts directly after the space that ends a type, and before any character that could continue a longer type.
  local head = redis.call('ZRANGEBYLEX', pendingTypedKey, done == '' and '-' or '[' .. done .. '!', '+', 'LIMIT', 0, 1)[1]
  if not head then
    done = ''
    break
  end
  local line, name = string.match(head, '^(%S+ (%S+))')
  lines = lines + 1
  local hasMore = false
  if not ruleOf(name) then
    local room = limit - looked
    local members = redis.call('ZRANGEBYLEX', pendingTypedKey, '[' .. line .. ' ', '(' .. line .. '!', 'LIMIT', 0, room)
    hasMore = #members == room
    for _, member in ipairs(members) do
      local dieAt, id = string.match(member, '(%d+) (%S+)$')
      if tonumber(dieAt) > now then
        hasMore = false
        break
      end
      looked = looked + 1
      reject(member, name, id)
    end
  end
  if not hasMore then
    done = line
  end
end

planErrors(errors, commit)

-- 2. Write the targets: where the tasks go.
writeErrors(errors)
if #due > 0 then
  redis.call('ZADD', deadLettersKey, unpack(due))
end
if #deadUntil > 0 then
  redis.call('ZADD', keptDeadKey, unpack(deadUntil))
end

-- 3. Commit: one HSET.
if events then
  events.number()
end
if #left > 0 then
  add(counters, PENDING, -#due / 2)
  add(counters, DEAD, #due / 2)
  add(counters, DEAD_TOTAL, #due / 2)
  if ends then
-- include lib/note_ends.lua
    noteEnds(commit, 0)
  end
  redis.call('HSET', stateKey, '#counters', packCounters(counters), unpack(commit))
end

-- 4. Remove the source: where the tasks were.
if #left > 0 then
  redis.call('ZREM', pendingTypedKey, unpack(left))
end
if events then
  events.tell()
end
return { #due / 2, done }
