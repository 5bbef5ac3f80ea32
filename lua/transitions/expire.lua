#!lua flags=allow-oom
-- expire: end pending tasks whose expiresAt has passed, and drop entries that belong to no pending task.
-- In a list only the entries at its head are dropped.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  ids of tasks that crashed their workers twice
-- KEYS[5] pending:typed  ZSET  tasks put aside for a worker that runs their type (lib/typed.lua), all with score 0
-- KEYS[6] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[7] expired  LIST  taskIds, newest first
-- KEYS[8] tasks  HASH  taskId -> envelope
-- KEYS[9] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[10] events  STREAM  entries of events (lib/events.lua)
-- KEYS[11] wake  CHANNEL
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] limit  integer  entries of each list to look at, 1 to 500
-- ARGV[3] from  integer  position of the first entry to look at
-- RETURNS {expired, entries dropped, position of the next window, 0 at the end of all lists}
-- TIME    O(n), n = limit; if `from` lies deep in a list also O(from / 100)
-- MOVES   pending -> expired

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/tombstones.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/ends.lua

-- A call stops after this many bytes, because it reads tasks with their payloads.
local READ_BYTES = 1048576

-- 1. Read.
if redis.call('EXISTS', pendingHighKey, pendingKey, pendingLowKey, pendingSoloKey, pendingTypedKey, pendingKeyedKey) == 0 then
  return { 0, 0, 0 }
end
local fields = redis.call('HMGET', stateKey, '#counters', '#settings')
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
end
local counters = unpackCounters(fields[1])
local last, expired, commit, seen, heads, dropped, nextFrom, read = from + limit - 1, {}, {}, {}, {}, 0, 0, 0
local aside, keyed = {}, {}

-- Returns where the tombstone of an entry is counted.
local function source(member, left)
  return left == keyed and 'keyed' or member
end

-- Returns whether the task waits at this entry, which a change of the task may have left behind (lib/grants.lua).
local function isItsPlace(entry, band, left, record, envelope)
  local key, own = keyOption(envelope), record and bandOf(envelope, parseCounts(record))
  if left == aside then
    return true
  elseif left == keyed then
    local line, code = string.match(entry, '^(%S+) (%d)')
    return line == key and (not own or BAND_CODES[own] == code)
  end
  return not key and (not own or own == band)
end

-- Checks entries of the list `band`. Without `band`, checks members of `pending:typed` or `pending:keyed`, and collects
-- in `left` the members to remove. Returns how many entries at the beginning have no pending task.
local function look(entries, band, left)
  local head, looked = 0, 0
  if #entries == 0 then
    return head
  end
  local ids = {}
  for i, entry in ipairs(entries) do
    ids[i] = band and entry or string.match(entry, '%S+$')
  end
  local records = redis.call('HMGET', stateKey, unpack(ids))
  for i, id in ipairs(ids) do
    looked = i
    local record = records[i] or nil
    local envelope = not seen[id] and (not record or string.byte(record) == RECORD_PENDING) and redis.call('HGET', tasksKey, id) or nil
    local stands = isPending(record, envelope)
    local isLeftBehind = stands and not isItsPlace(entries[i], band, left, record, envelope)
    local expiresAt = stands and tonumber(option(envelope, 'e') or 0) or 0
    if expiresAt > 0 and expiresAt <= now then
      local c = record and parseCounts(record) or newCounts()
      if option(envelope, 'h') then
        setFlag(c, FLAG_GIVEN)
      end
      stands, isLeftBehind = false, false
      if hasFlag(c, FLAG_NODE) then
        addEnd(id, 'e', c)
      end
      expired[#expired + 1] = id
      if events then
        events.note(EVENT_EXPIRED, id)
      end
      commit[#commit + 1], commit[#commit + 2] = id, 'e' .. countsText(c) .. ' ' .. nowText .. historyOf(record)
      countTombstone(counters, band or source(entries[i], left), left == aside, 1)
    end
    -- An old entry of a changed task stays until an acquire removes it. Its id is not added to `seen`, so that the
    -- right entry is not taken for a duplicate.
    seen[id] = seen[id] or not isLeftBehind
    if not stands and (not band or from == 0 and head == i - 1) then
      head = i
      dropped = dropped + 1
      if left then
        left[#left + 1] = entries[i]
      end
      countTombstone(counters, band or source(entries[i], left), left == aside, -1)
    end
    read = read + (envelope and #envelope or 0)
    if read > READ_BYTES then
      break
    end
  end
  if looked < #entries or #entries == limit then
    nextFrom = math.min(nextFrom > 0 and nextFrom or math.huge, from + looked)
  end
  return head
end

for _, band in ipairs(bandNames) do
  heads[band] = look(redis.call('LRANGE', bandKeys[band], from, last), band)
end
look(redis.call('ZRANGE', pendingTypedKey, from, last), nil, aside)
look(redis.call('ZRANGE', pendingKeyedKey, from, last), nil, keyed)

-- 2. Write the target: where the tasks go.
if #expired > 0 then
  redis.call('LPUSH', expiredKey, unpack(expired))
end

-- 3. Commit: one HSET.
if events then
  events.number()
end
if #expired + dropped > 0 then
  add(counters, PENDING, -#expired)
  add(counters, EXPIRED, #expired)
  add(counters, EXPIRED_TOTAL, #expired)
  if ends then
-- include lib/note_ends.lua
    noteEnds(commit, 0)
  end
  redis.call('HSET', stateKey, '#counters', packCounters(counters), unpack(commit))
end

-- 4. Remove the source: where the tasks were.
for _, band in ipairs(bandNames) do
  if heads[band] > 0 then
    redis.call('LTRIM', bandKeys[band], heads[band], -1)
  end
end
if #aside > 0 then
  redis.call('ZREM', pendingTypedKey, unpack(aside))
end
if #keyed > 0 then
  redis.call('ZREM', pendingKeyedKey, unpack(keyed))
end
if events then
  events.tell()
end
return { #expired, dropped, nextFrom }
