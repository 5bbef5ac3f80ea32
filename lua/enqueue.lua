#!lua
-- enqueue: accept tasks. Refused at maxmemory: the flag that allows more memory is left out on purpose.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  taskIds that crashed their workers twice
-- KEYS[5] processing  ZSET  taskId -> lease expiry, ms since the epoch
-- KEYS[6] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[7] expired  LIST  taskIds, newest first
-- KEYS[8] tasks  HASH  taskId -> envelope, and what was accepted
-- KEYS[9] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[10] requests  ZSET  slot -> last seen, ms since the epoch
-- KEYS[11] wake  CHANNEL
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] slot  string  the caller's instance and slot
-- ARGV[3] sequence  integer  grows within the slot
-- ARGV[4] checked  integer  1: the ids were given by callers, so each is looked up
-- ARGV[5] high  integer  how many of the tail go to pending:high, first
-- ARGV[6] normal  integer  how many follow for pending
-- ARGV[7] low  integer  how many follow for pending:low; the rest is scheduled
-- ARGV[8..] taskId  string  repeated, at most 500 times: taskId, envelope
-- RETURNS {now, verdicts, states}; verdicts: a letter per task, n new, d duplicate, c conflict, f queue full; states: of duplicates and conflicts
-- TIME    O(n), n tasks given; O(n log s) for scheduled ones
-- MOVES   -> pending | scheduled; pending -> processing | expired

-- include lib/clock.lua
-- include lib/counters.lua
-- include lib/settings.lua
-- include lib/request.lua
-- include lib/record.lua
-- include lib/wake.lua

-- 1. Read.
local count = (#ARGV - taskIdAt + 1) / 2
local own = redis.call('HMGET', tasksKey, '#in', slot)
local queue = redis.call('HMGET', stateKey, '#counters', '#settings', '#parked')
local settings = readSettings(queue[2])
if not settings then
  return layoutError()
end
local previous, refused = previousReply(own[2])
if refused then
  return refused
end
if previous then
  local verdicts, states = string.match(previous, '^(%a*) (%a*)$')
  return { now, verdicts, states }
end
local acceptedPending, acceptedScheduled, deduplicated = unpackAccepted(own[1])
-- How many more may wait: the first of the call get in, and what is known already takes no room.
local room = math.huge
if settings.maxWaiting > 0 then
  local counters = unpackCounters(queue[1])
  room = settings.maxWaiting - (acceptedPending + acceptedScheduled + counters[PENDING] + counters[SCHEDULED])
end

local bands = { high = {}, normal = {}, low = {} }
local due, accepted = {}, {}
local verdicts, states = {}, {}
-- Records of a purge that was cut short: the new task must not inherit them.
local leftover = {}

local function accept(position, id, envelope)
  if position <= high then
    bands.high[#bands.high + 1] = id
  elseif position <= high + normal then
    bands.normal[#bands.normal + 1] = id
  elseif position <= high + normal + low then
    bands.low[#bands.low + 1] = id
  else
    local delayMs = option(envelope, 'd')
    due[#due + 1] = delayMs and string.format('%.0f', now + tonumber(delayMs)) or option(envelope, 'r')
    due[#due + 1] = id
  end
end

if checked == 1 then
  -- Type and payload.
  local function bodyOf(envelope)
    return string.match(envelope, '^.(%S+)') .. string.sub(envelope, string.find(envelope, '\n', 1, true) or 1)
  end

  -- What an id that a caller gave stands for already: nothing, the same task, or another one.
  local function known(envelope, record, offered)
    local fingerprint = option(offered, 'h')
    if envelope then
      local letter = record and string.sub(record, 1, 1) or (isScheduled(nil, envelope) and 's' or 'p')
      -- One without a fingerprint was enqueued under a minted id: its caller asks again, after an answer that was lost.
      local kept = option(envelope, 'h')
      -- Where its payload was not kept, the rest has to do: an id minted here is never another task's.
      local same = kept == fingerprint or (not kept and (bodyOf(envelope) == bodyOf(offered)
        or (option(envelope, 'k') == '0' and bodyOf(envelope) == string.match(bodyOf(offered), '^[^\n]*\n'))))
      return same and 'd' or 'c', letter
    end
    local remembered = record and string.match(record, '^r %d+ (%S+)')
    if remembered then
      return remembered == fingerprint and 'd' or 'c', 'r'
    end
    return 'n', ''
  end

  local ids = {}
  for at = taskIdAt, #ARGV, 2 do
    ids[#ids + 1] = ARGV[at]
  end
  local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
  local records = redis.call('HMGET', stateKey, unpack(ids))
  local new = {}
  for position, id in ipairs(ids) do
    local envelope = ARGV[taskIdAt + 2 * position - 1]
    local verdict, state = known(new[id] or envelopes[position] or bareEnvelope(records[position]), records[position] or nil, envelope)
    if verdict == 'n' and room < 1 then
      verdict = 'f'
    end
    verdicts[position] = verdict
    if verdict == 'n' then
      room = room - 1
      new[id] = envelope
      if records[position] then
        leftover[#leftover + 1] = id
      end
      accept(position, id, envelope)
      accepted[#accepted + 1] = id
      accepted[#accepted + 1] = envelope
    elseif verdict ~= 'f' then
      states[#states + 1] = state
      if verdict == 'd' then
        deduplicated = deduplicated + 1
      end
    end
  end
  verdicts = table.concat(verdicts)
else
  local fitting = math.max(0, math.min(count, room))
  -- Most calls are of the normal band alone: without the function, and with no look for the end of the list.
  if normal == count then
    local ids, given, at = bands.normal, ARGV, taskIdAt
    for position = 1, fitting do
      ids[position], at = given[at], at + 2
    end
  else
    for position = 1, fitting do
      accept(position, ARGV[taskIdAt + 2 * position - 2], ARGV[taskIdAt + 2 * position - 1])
    end
  end
  verdicts = string.rep('n', fitting) .. string.rep('f', count - fitting)
end
states = table.concat(states)
if verdicts == string.rep('f', count) then
  return { now, verdicts, '' }
end

-- 2. Write the targets.
indexRequest(own[2], 't', slot)
if #bands.high > 0 then
  redis.call('RPUSH', pendingHighKey, unpack(bands.high))
end
if #bands.normal > 0 then
  redis.call('RPUSH', pendingKey, unpack(bands.normal))
end
if #bands.low > 0 then
  redis.call('RPUSH', pendingLowKey, unpack(bands.low))
end
if #due > 0 then
  redis.call('ZADD', scheduledKey, unpack(due))
end

if #leftover > 0 then
  redis.call('HDEL', stateKey, unpack(leftover))
end

-- 3. Commit: envelopes, what was accepted, and the reply for a repeat. A new task has no state record.
local pushed = #bands.high + #bands.normal + #bands.low
local counts = struct.pack('>ddd', acceptedPending + pushed, acceptedScheduled + #due / 2, deduplicated)
local record = requestRecord(sequence, verdicts .. ' ' .. states)
if checked == 1 then
  redis.call('HSET', tasksKey, '#in', counts, slot, record, unpack(accepted))
else
  local last = taskIdAt + 2 * (pushed + #due / 2) - 1
  redis.call('HSET', tasksKey, '#in', counts, slot, record, unpack(ARGV, taskIdAt, last))
end

-- 4. Somebody waits for it: grant it, or wake them all. What that takes is defined only then.
if pushed > 0 and queue[3] then
-- include lib/bands.lua
-- include lib/acquire.lua
-- include lib/commit.lua
-- include lib/park.lua
-- include lib/push.lua
  if settings.paused or not push(unpackCounters(queue[1]), queue[3], pushed) then
    wake()
  end
end
return { now, verdicts, states }
