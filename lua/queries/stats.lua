#!lua flags=no-writes
-- stats: counts of one queue at one moment.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  ids of tasks that crashed their workers twice
-- KEYS[5] pending:typed  ZSET  tasks put aside for a worker that runs their type (lib/typed.lua), all with score 0
-- KEYS[6] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[7] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[8] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[9] tasks  HASH  taskId -> envelope, and the numbers of accepted tasks
-- KEYS[10] state  HASH  the queue's own fields
-- KEYS[11] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[12] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[13] dead_letters  ZSET  taskId -> when the task died, ms since the epoch
-- KEYS[14] completed  LIST  taskIds, newest first
-- KEYS[15] cancelled  LIST  taskIds, newest first
-- KEYS[16] expired  LIST  taskIds, newest first
-- KEYS[17] kept  ZSET  completed tasks with `keep`: taskId -> when it is removed, ms since the epoch
-- KEYS[18] flows_due  ZSET  flow -> when a janitor has to look at it ms since the epoch
-- KEYS[19] steps  HASH  durable steps (lib/steps.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- RETURNS {now, counters, accepted, settings, lengths, oldest, flow, dropped, flows, oldestFlow, suspended}
--   lengths: in the order of KEYS without ready, resting, tasks and state, and with pending:keyed last
--   oldest: the header of the oldest envelope of each band, of at most 20 lines by type and of at most 50 keys
--   flow, empty without keys and limits: room and concurrency of the queue, -1 for no limit; tasks with a key that may
--     run now; ready keys; resting keys; held keys; end of the last hold; tasks that wait for room of their type
--   dropped: dead letters that a cap dropped
--   flows: the field #flows (lib/flows.lua), "" without flows
--   oldestFlow: when the oldest flow was created that is sealed and has not ended; 0 without one
--   suspended: scheduled tasks whose handler sleeps or waits for a signal
-- TIME    O(log q), q = tasks that are in pending:typed or have a key; O(n), n = cancelled tasks at the head of a list
--   At most 100 ready keys, 100 resting keys, 1,000 cancelled and 500 scheduled tasks are looked at
-- MOVES   nothing

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/dead_caps.lua
-- include lib/envelope.lua
-- include lib/record.lua

-- A task in `pending:typed` is counted in its band.
local typed = redis.call('ZCARD', pendingTypedKey)
local function typedIn(code)
  return typed > 0 and redis.call('ZLEXCOUNT', pendingTypedKey, '[' .. code .. ' ', '(' .. code .. '!') or 0
end
local lengths = {
  redis.call('LLEN', pendingHighKey) + typedIn('1'), redis.call('LLEN', pendingKey) + typedIn('2'),
  redis.call('LLEN', pendingLowKey) + typedIn('3'), redis.call('LLEN', pendingSoloKey) + typedIn('0'), typed,
  redis.call('ZCARD', processingKey), redis.call('ZCARD', scheduledKey), redis.call('ZCARD', deadLettersKey),
  redis.call('LLEN', completedKey) + redis.call('ZCARD', keptKey), redis.call('LLEN', cancelledKey), redis.call('LLEN', expiredKey), redis.call('ZCARD', pendingKeyedKey),
}
local fields = redis.call('HMGET', stateKey, '#counters', '#settings', '#limits', '#dead_caps', '#dropped', '#flows')
local counters = unpackCounters(fields[1])

-- Returns the first line of the envelope of the first pending task. Cancelled tasks leave entries in the lists, so up
-- to ten windows of entries are searched if there are such tasks.
local WINDOW = 100
local function oldestOf(entries)
  local windows = counters[TOMBSTONES] > 0 and 10 or 1
  for window = 0, windows - 1 do
    local from = window * WINDOW
    local ids = entries(from, windows == 1 and 0 or from + WINDOW - 1)
    local records = #ids > 0 and redis.call('HMGET', stateKey, unpack(ids)) or {}
    for i, id in ipairs(ids) do
      local envelope = (not records[i] or string.byte(records[i]) == RECORD_PENDING) and redis.call('HGET', tasksKey, id)
      if isPending(records[i] or nil, envelope or nil) then
        return string.match(envelope, '^[^\n]*') or ''
      end
    end
    if #ids < WINDOW then
      break
    end
  end
  return ''
end
local oldest = {}
for i, key in ipairs({ pendingHighKey, pendingKey, pendingLowKey, pendingSoloKey }) do
  oldest[i] = oldestOf(function(from, to)
    return redis.call('LRANGE', key, from, to)
  end)
end
-- Finds the first task of each line of an index, for at most `most` lines. A line is the entries of one key or type.
-- `name`: the pattern of the beginning of a member that names its line.
local function oldestOfLines(key, name, most)
  local line = '-'
  for _ = 1, most do
    local first = redis.call('ZRANGEBYLEX', key, line, '+', 'LIMIT', 0, 1)[1]
    if not first then
      break
    end
    local from = string.match(first, name)
    oldest[#oldest + 1] = oldestOf(function(at, to)
      local ids = redis.call('ZRANGEBYLEX', key, '[' .. from .. ' ', '(' .. from .. '!', 'LIMIT', at, to - at + 1)
      for place, member in ipairs(ids) do
        ids[place] = string.match(member, '%S+$')
      end
      return ids
    end)
    line = '[' .. from .. '!'
  end
end
oldestOfLines(pendingTypedKey, '^%S+ %S+', 20)
oldestOfLines(pendingKeyedKey, '^%S+', 50)

-- This many ready keys are counted; the others are estimated. This many resting keys are searched for holds.
local KEYS_LOOKED_AT = 100
local flow = {}
if fields[3] then
-- include lib/limits.lua
  local limits = newLimits(fields[3])
  local room, concurrency = queueRoom(limits, counters[PROCESSING]), limits.concurrency
  local ready = redis.call('ZRANGE', readyKey, 0, KEYS_LOOKED_AT - 1)
  local resting = redis.call('ZREVRANGE', restingKey, 0, KEYS_LOOKED_AT - 1)
  loadAccounts(limits, ready)
  loadAccounts(limits, resting)
  local runnable, readyKeys = 0, redis.call('ZCARD', readyKey)
  for _, key in ipairs(ready) do
    local waiting = redis.call('ZLEXCOUNT', pendingKeyedKey, '[' .. key .. ' ', '(' .. key .. '!')
    -- The parentheses drop the second value that `keyRoom` returns.
    runnable = runnable + math.min(waiting, (keyRoom(limits, key)))
  end
  if readyKeys > #ready then
    runnable = math.ceil(runnable * readyKeys / #ready)
  end
  local held, heldUntil = 0, accountOf(limits, '').heldUntil
  for _, key in ipairs(resting) do
    local keyHeldUntil = accountOf(limits, key).heldUntil
    held, heldUntil = held + (keyHeldUntil > now and not isOfType(key) and 1 or 0), math.max(heldUntil, keyHeldUntil)
  end
  local restingKeys, forTypes = redis.call('ZCARD', restingKey), 0
  for ofType in pairs(limits.types or {}) do
    local aside, name = 0, string.sub(ofType, 3)
    for code = 0, 3 do
      local line = string.format('%d ', code) .. name
      aside = aside + redis.call('ZLEXCOUNT', pendingTypedKey, '[' .. line .. ' ', '(' .. line .. '!')
    end
    forTypes = forTypes + math.max(0, aside - keyRoom(limits, ofType))
    restingKeys = restingKeys - (redis.call('ZSCORE', restingKey, ofType) and 1 or 0)
  end
  flow = { room < math.huge and room or -1, concurrency < math.huge and concurrency or -1, runnable, readyKeys, restingKeys, held,
    heldUntil > now and heldUntil or 0, forTypes }
end
local oldestFlow = 0
if fields[6] then
  local score = tonumber(redis.call('ZREVRANGE', flowsDueKey, 0, 0, 'WITHSCORES')[2] or 0)
  oldestFlow = score > HELD_FOR_EVER and HELD_FOR_EVER + LAST_CREATED - score or 0
end
-- Suspended tasks have no counter, so at most 500 scheduled tasks are read, at random if there are more.
local suspended, scheduled = 0, lengths[7]
if scheduled > 0 and redis.call('EXISTS', stepsKey) == 1 then
  local sample = redis.call('ZRANDMEMBER', scheduledKey, 500)
  for _, record in ipairs(redis.call('HMGET', stateKey, unpack(sample))) do
    suspended = suspended + (record and string.find(record, '^s%S+ %d+ ~') and 1 or 0)
  end
  suspended = math.floor(scheduled * suspended / #sample + 0.5)
end
return { now, counters, { unpackAccepted(redis.call('HGET', tasksKey, '#in')) }, settingsText(fields[2], fields[4]), lengths, oldest, flow, tonumber(fields[5] or 0), fields[6] or '', oldestFlow, suspended }
