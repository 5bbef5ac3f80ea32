#!lua flags=allow-oom
-- audit: compare the indexes with the counters, and a window of one index with the records.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  ids of tasks that crashed their workers twice
-- KEYS[5] pending:typed  ZSET  tasks put aside for a worker that runs their type (lib/typed.lua), all with score 0
-- KEYS[6] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[7] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[8] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[9] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[10] dead_letters  ZSET  taskId -> when the task died, ms since the epoch
-- KEYS[11] completed  LIST  taskIds, newest first
-- KEYS[12] cancelled  LIST  taskIds, newest first
-- KEYS[13] expired  LIST  taskIds, newest first
-- KEYS[14] tasks  HASH  taskId -> envelope, and the numbers of accepted tasks
-- KEYS[15] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[16] requests  ZSET  request slot -> a time when it was in use, ms since the epoch
-- KEYS[17] results  HASH  taskId -> JSON text
-- KEYS[18] progress  HASH  taskId -> progress and log lines
-- KEYS[19] discarded  ZSET  taskId -> when it was discarded, ms since the epoch
-- KEYS[20] kept  ZSET  completed tasks with `keep`: taskId -> when it is removed, ms since the epoch
-- KEYS[21] steps  HASH  durable steps (lib/steps.lua)
-- KEYS[22] steps:removed  LIST  steps to remove: serial, places, and the numbers of the signals
-- KEYS[23] errors  HASH  signature -> type and error of the first failure
-- ARGV[1] repair  integer  1 removes index entries that belong to no task; it never removes a task
-- ARGV[2] part  string  which entries to compare with the records: the part name of an index, "tasks", or "" for none
-- ARGV[3] from  integer  the first place of the entries to look at; for "tasks" a cursor of HSCAN
-- ARGV[4] limit  integer  how many entries to look at, 1 to 500
-- RETURNS {repaired, entries looked at (for "tasks": the next cursor), invariant, detail, ...}
-- TIME    O(limit); a repair in a list O(n); for "" in a queue with keys O(p + k log w)
--   p = tasks processing, up to 20,000; k keys; w = tasks with a key that wait
-- MOVES   nothing

-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/purge.lua
-- include lib/flows.lua

-- Completed tasks without their payload have the header of the envelope in their record. Counting them means reading
-- the records of all completed tasks, so the audit does this only for at most this many.
local RECOUNTED = 20000
-- Records of dead letters are long, so each audit counts them only if there are at most this many.
local DEAD_RECOUNTED = 1000
local LETTERS = { processing = 'l', dead_letters = 'd', completed = 'c', cancelled = 'x', expired = 'e', discarded = 'k', kept = 'c' }
local INDEX = { ['pending:high'] = pendingHighKey, pending = pendingKey, ['pending:low'] = pendingLowKey, ['pending:solo'] = pendingSoloKey,
  ['pending:typed'] = pendingTypedKey, ['pending:keyed'] = pendingKeyedKey, processing = processingKey, scheduled = scheduledKey, dead_letters = deadLettersKey, completed = completedKey,
  cancelled = cancelledKey, expired = expiredKey, discarded = discardedKey, kept = keptKey }
local found, repaired, looked = {}, 0, 0
if not readSettings(redis.call('HGET', stateKey, '#settings')) then
  return layoutError()
end

local function violation(invariant, detail)
  found[#found + 1] = invariant
  found[#found + 1] = detail
end

local purging = redis.call('HGET', stateKey, '#purging')
if purging then
  violation('I1', 'a purge was aborted before it removed its tasks')
  if repair == 1 then
    finishPurge(purging)
    repaired = repaired + 1
  end
end

-- An aborted purge may leave records without index entries. Only a scan of all tasks finds these.
if part == 'tasks' then
  local page = redis.call('HSCAN', tasksKey, from, 'COUNT', limit)
  looked = tonumber(page[1])
  for i = 1, #page[2], 2 do
    local id = page[2][i]
    local record = string.sub(id, 1, 1) ~= '#' and redis.call('HGET', stateKey, id)
    if headerIn(record) then
      violation('I1', 'the envelope of ' .. id .. ' is still stored, although its payload is not kept')
      if repair == 1 then
        redis.call('HDEL', tasksKey, id)
        repaired = repaired + 1
      end
    elseif record and string.byte(record) == RECORD_PURGED then
      violation('I1', 'the envelope of ' .. id .. ' is still stored, although the task was purged')
      if repair == 1 then
        redis.call('HDEL', tasksKey, id)
        removeBodies({ id })
        if record == 'r' then
          redis.call('HDEL', stateKey, id)
        end
        repaired = repaired + 1
      end
    elseif not record and string.sub(id, 1, 1) ~= '#' and string.byte(page[2][i + 1]) == ENVELOPE_NODE then
      violation('I1', 'tasks holds ' .. id .. ', which no flow has added')
      if repair == 1 then
        redis.call('HDEL', tasksKey, id)
        repaired = repaired + 1
      end
    end
  end
end

-- I1, for a window of one index: each entry has a task in the state of that index. In the pending lists, entries of
-- tasks that are not pending (tombstones) are allowed.
local key = INDEX[part]
if key then
  local sorted = part == 'processing' or part == 'scheduled' or part == 'dead_letters' or part == 'discarded' or part == 'kept'
    or part == 'pending:typed' or part == 'pending:keyed'
  local ids = redis.call(sorted and 'ZRANGE' or 'LRANGE', key, from, from + limit - 1)
  if part == 'pending:typed' or part == 'pending:keyed' then
    for i, member in ipairs(ids) do
      ids[i] = string.match(member, '%S+$')
    end
  end
  looked = #ids
  if #ids > 0 then
    local isPendingPart = string.sub(part, 1, 7) == 'pending'
    local records = redis.call('HMGET', stateKey, unpack(ids))
    local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
    local seen = {}
    for i, id in ipairs(ids) do
      local record = records[i]
      -- The record "r" is from a purge that was aborted after its commit. This removes the rest.
      local removed = 0
      if repair == 1 and record and string.byte(record) == RECORD_PURGED then
        removed = redis.call('HDEL', tasksKey, id) + redis.call('HDEL', resultsKey, id) + redis.call('HDEL', progressKey, id)
        removeBodies({ id })
        if record == 'r' then
          removed = removed + redis.call('HDEL', stateKey, id)
        end
      end
      local fits
      if isPendingPart then
        fits = true
      elseif part == 'scheduled' then
        fits = isScheduled(records[i], envelopes[i])
      else
        fits = records[i] and string.sub(records[i], 1, 1) == LETTERS[part] and (envelopes[i] or headerIn(records[i]))
      end
      if not fits or (seen[id] and not isPendingPart) then
        violation('I1', part .. ' has an entry for ' .. id .. ', which has no record in that state')
        if repair == 1 then
          removed = removed + redis.call(sorted and 'ZREM' or 'LREM', key, unpack(sorted and { id } or { -1, id }))
        end
      end
      repaired = repaired + math.min(1, removed)
      seen[id] = true
    end
  end
end

local counters = unpackCounters(redis.call('HGET', stateKey, '#counters'))
local acceptedPending, acceptedScheduled = unpackAccepted(redis.call('HGET', tasksKey, '#in'))
local function compare(invariant, name, counted, actual)
  if counted ~= actual then
    violation(invariant, string.format('%s: counted %.0f, found %.0f', name, counted, actual))
  end
end
compare('I1', 'processing', counters[PROCESSING], redis.call('ZCARD', processingKey))
compare('I1', 'scheduled', acceptedScheduled + counters[SCHEDULED], redis.call('ZCARD', scheduledKey))
compare('I1', 'dead_letters', counters[DEAD], redis.call('ZCARD', deadLettersKey))
compare('I1', 'completed', counters[COMPLETED], redis.call('LLEN', completedKey) + redis.call('ZCARD', keptKey))
compare('I1', 'cancelled', counters[CANCELLED], redis.call('LLEN', cancelledKey))
compare('I1', 'expired', counters[EXPIRED], redis.call('LLEN', expiredKey))

-- The pending lists may have more entries than there are pending tasks, but never fewer. An acquire removes the others.
local entries = redis.call('LLEN', pendingHighKey) + redis.call('LLEN', pendingKey) + redis.call('LLEN', pendingLowKey)
  + redis.call('LLEN', pendingSoloKey) + redis.call('ZCARD', pendingTypedKey) + redis.call('ZCARD', pendingKeyedKey)
local pending = acceptedPending + counters[PENDING]
if entries ~= pending + counters[TOMBSTONES] then
  violation('I1', string.format('pending: counted %.0f and %.0f tombstones, found %.0f entries', pending, counters[TOMBSTONES], entries))
  if repair == 1 and entries >= pending then
    counters[TOMBSTONES] = entries - pending
    redis.call('HSET', stateKey, '#counters', packCounters(counters))
    repaired = repaired + 1
  end
end

-- The number of tombstones of a band may be too high, never too low: a task that was cancelled and enqueued again may
-- be in another band.
local aside = redis.call('ZCARD', pendingTypedKey)
for part, most in pairs({ [TOMBSTONES_HIGH] = redis.call('LLEN', pendingHighKey) + aside, [TOMBSTONES_LOW] = redis.call('LLEN', pendingLowKey) + aside,
  [TOMBSTONES_SOLO] = redis.call('LLEN', pendingSoloKey) + aside, [TOMBSTONES_ASIDE] = aside,
  [TOMBSTONES_KEYED] = redis.call('ZCARD', pendingKeyedKey) }) do
  if repair == 1 and counters[part] > most then
    counters[part] = most
    redis.call('HSET', stateKey, '#counters', packCounters(counters))
  end
end

-- I2: every accepted task is counted in exactly one state. There is an envelope for each task that is not purged
-- (discarded ones included), except completed tasks whose record has the header.
local live = pending + acceptedScheduled + counters[SCHEDULED] + counters[PROCESSING] + counters[COMPLETED] + counters[DEAD]
  + counters[CANCELLED] + counters[EXPIRED]
-- Nodes of flows are not counted as enqueued. Nodes that wait, were skipped, or are on their way to another queue or
-- partition are counted with the flows, and not in a state.
local flowTotals = readTotals(redis.call('HGET', stateKey, '#flows') or nil)
live = live + flowTotals.waiting + flowTotals.skipped + flowTotals.leaving
compare('I2', 'accepted', acceptedPending + acceptedScheduled + flowTotals.made, live + counters[PURGED])
local own = 0
for _, member in ipairs(redis.call('ZRANGE', requestsKey, 0, 9999)) do
  own = own + (string.sub(member, 1, 1) == 't' and redis.call('HEXISTS', tasksKey, string.sub(member, 2)) or 0)
end
local fields = redis.call('HLEN', tasksKey)
local expected = live + redis.call('ZCARD', discardedKey) - counters[HEADERS]
local envelopes = fields > 0 and fields - own - redis.call('HEXISTS', tasksKey, '#in') or 0
-- A flow_sent that was aborted may have removed envelopes of nodes before it counted these nodes as delivered. The
-- repeat of flow_sent counts them.
local early = expected - envelopes
compare('I2', 'envelopes', early > 0 and early <= flowTotals.leaving and envelopes or expected, envelopes)

-- If the number of envelopes is wrong, the number of headers in records may be wrong, so these are counted.
local listed, kept = redis.call('LLEN', completedKey), redis.call('ZCARD', keptKey)
if part == '' and expected ~= envelopes and counters[HEADERS] > 0 and listed + kept <= RECOUNTED then
  local seen, actual = {}, 0
  for at = 0, math.max(listed, kept) - 1, 500 do
    for _, ids in ipairs({ redis.call('LRANGE', completedKey, at, at + 499), redis.call('ZRANGE', keptKey, at, at + 499) }) do
      for i, record in ipairs(#ids > 0 and redis.call('HMGET', stateKey, unpack(ids)) or {}) do
        if not seen[ids[i]] and headerIn(record) then
          actual = actual + 1
        end
        seen[ids[i]] = true
      end
    end
  end
  compare('I2', 'headers', counters[HEADERS], actual)
  if repair == 1 and actual ~= counters[HEADERS] then
    counters[HEADERS] = actual
    redis.call('HSET', stateKey, '#counters', packCounters(counters))
    repaired = repaired + 1
  end
end
-- I18: each error signature counts its dead letters. Dead letters are counted again if there are few of them, or if all
-- signatures together count more than there are.
local signatures = part == '' and redis.call('HKEYS', errorsKey) or {}
if #signatures > 0 then
  local stored, counted, actual, sum = {}, {}, {}, 0
  for i, signature in ipairs(signatures) do
    stored[i] = redis.call('HGET', stateKey, '#!' .. signature)
    counted[i], actual[signature] = tonumber(string.match(stored[i] or '0', '^%d+')), 0
    sum = sum + counted[i]
  end
  local dead = redis.call('ZCARD', deadLettersKey)
  if dead <= DEAD_RECOUNTED or sum > dead and dead <= RECOUNTED then
    for at = 0, dead - 1, 500 do
      for _, record in ipairs(redis.call('HMGET', stateKey, unpack(redis.call('ZRANGE', deadLettersKey, at, at + 499)))) do
        local signature = string.match(record or '', '^d%S+ %d+ %S+ !(%x+)')
        if signature and actual[signature] then
          actual[signature] = actual[signature] + 1
        end
      end
    end
    for i, signature in ipairs(signatures) do
      compare('I18', 'dead letters of the error ' .. signature, counted[i], actual[signature])
      if repair == 1 and counted[i] ~= actual[signature] and stored[i] then
        redis.call('HSET', stateKey, '#!' .. signature, (string.gsub(stored[i], '^%d+', string.format('%.0f', actual[signature]))))
        repaired = repaired + 1
      end
    end
  end
end

-- I15: the accounts count the leased tasks of each key, and of each type with a limit. The audit checks the keys and
-- types that have a leased task, the keys of the first KEYS_RECOUNTED waiting lines, and the first KEYS_RECOUNTED keys
-- in `resting`.
local KEYS_RECOUNTED = 1000
if part == '' and redis.call('HEXISTS', stateKey, '#limits') == 1 and counters[PROCESSING] <= RECOUNTED then
  local running, keys = {}, {}
  local function see(taskKey, by)
    keys[#keys + 1] = not running[taskKey] and taskKey or nil
    running[taskKey] = (running[taskKey] or 0) + by
  end
  for at = 0, counters[PROCESSING] - 1, 500 do
    local ids = redis.call('ZRANGE', processingKey, at, at + 499)
    for _, record in ipairs(#ids > 0 and redis.call('HMGET', stateKey, unpack(ids)) or {}) do
      local taskKey, slash, name = string.match(record and countedIn(record) or '', '^([^/]*)(/?)(.*)$')
      if taskKey ~= '' then
        see(taskKey, 1)
      end
      if slash ~= '' then
        see(' /' .. name, 1)
      end
    end
  end
  local last = '-'
  for _ = 1, KEYS_RECOUNTED do
    local head = redis.call('ZRANGEBYLEX', pendingKeyedKey, last, '+', 'LIMIT', 0, 1)[1]
    if not head then
      break
    end
    local taskKey = string.match(head, '^%S+')
    see(taskKey, 0)
    last = '[' .. taskKey .. '!'
  end
  for _, taskKey in ipairs(redis.call('ZRANGE', restingKey, 0, KEYS_RECOUNTED - 1)) do
    see(taskKey, 0)
  end
  for _, taskKey in ipairs(keys) do
    local account = redis.call('HGET', stateKey, '@' .. taskKey)
    local counted, rest = string.match(account or '0', '^(%S+)(.*)$')
    if tonumber(counted) ~= running[taskKey] then
      violation('I15', string.format('key %s: counted %s running, found %d', taskKey, counted, running[taskKey]))
      if repair == 1 then
        redis.call('HSET', stateKey, '@' .. taskKey, running[taskKey] .. (account and rest or ' 0 0 0'))
        -- With this entry the next promotion checks the key, and adds it to `ready` if it may run.
        redis.call('ZADD', restingKey, 0, taskKey)
        repaired = repaired + 1
      end
    end
  end
end
return { repaired, looked, unpack(found) }
