#!lua flags=allow-oom
-- flow_advance: count the ends of nodes that other scripts noted, and do what follows for other nodes and flows.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  taskIds that crashed their workers twice
-- KEYS[5] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[6] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[7] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[8] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[9] cancelled  LIST  taskIds, newest first
-- KEYS[10] tasks  HASH  taskId -> envelope
-- KEYS[11] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[12] results  HASH  taskId -> JSON text
-- KEYS[13] progress  HASH  taskId -> progress and log lines
-- KEYS[14] flows_due  ZSET  flow -> when a janitor has to look at it, ms since the epoch
-- KEYS[15] wake  CHANNEL
-- KEYS[16] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] limit  integer  about how many ends, and nodes behind them, to handle, 1 to 500
-- RETURNS {1 if there is more to do, nodes that are pending or scheduled now, nodes that were skipped or cancelled,
--   1 if messages wait for other queues or partitions}
-- TIME    O(n log s), n = limit, s = tasks scheduled
-- MOVES   waiting -> pending | scheduled | cancelled (skipped); cancelled (skipped) -> waiting; pending | scheduled -> cancelled; -> pending (a callback)

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/flows.lua

-- A call takes at most this many flows from `flows_due`.
local FLOWS_DUE = 20
-- A command gets at most this many values, because `unpack` fails at 8,000.
local SLICE = 3000

-- 1. Read.
local fields = redis.call('HMGET', stateKey, '#counters', '#settings', '#limits', '#flows', '#out')
if not fields[4] then
  return { 0, 0, 0, 0 }
end
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
local totals = readTotals(fields[4])
local flowsDue = redis.call('ZRANGEBYSCORE', flowsDueKey, '-inf', nowText, 'LIMIT', 0, FLOWS_DUE)
if totals.taken == totals.noted and #flowsDue == 0 and totals.kept <= settings.retentionCount then
  return { 0, 0, 0, (fields[5] or '') ~= '' and 1 or 0 }
end

-- Janitors and workers also call this script when nothing is left to do, so the functions below are defined only now.
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/wake.lua
-- include lib/ends.lua
-- include lib/flow_place.lua
-- include lib/flow_out.lua

if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
end
local counters = unpackCounters(fields[1])
-- work: how much of `limit` is used. `ends` collects the ends that this call itself causes.
local work = 0
local places, envelopes, cancelled, unscheduled, due = newPlaces(), {}, {}, {}, {}
-- What is removed after the commit, by hash.
local gone = { tasks = {}, state = {}, bodies = {} }
local released, ended = 0, 0

-- include lib/flow_fields.lua

-- flows: the flows that this call has read, by name. touched: the same flows, in the order in which they were read.
local flows, touched = {}, {}
local function flowNamed(name)
  if flows[name] == nil then
    local field = '%' .. name
    readAll({ field, field .. '>' })
    local flow = readFlow(read(field))
    flows[name] = flow or false
    if flow then
      flow.name, flow.prefix, flow.parts, touched[#touched + 1] = name, name .. '.', read(field .. '>'), flow
    end
  end
  return flows[name] and not isFlow(flows[name], 'g') and flows[name] or nil
end

-- Returns the flow of a node or callback; nil if there is none. Most ends are of the same flow as the end before.
local flowBefore
local function flowWith(id)
  if not flowBefore or string.find(id, flowBefore.prefix, 1, true) ~= 1 then -- unlike string.match, this makes no string
    flowBefore = flowNamed(flowOf(id))
    if flowBefore then
      flowBefore.isCancelled = isFlow(flowBefore, 'x')
    end
  end
  return flowBefore
end

local function tell(kind, id)
  if events then
    events.note(kind, id)
  end
end

-- include lib/flow_waiting.lua
-- include lib/flow_behind.lua
-- include lib/flow_end.lua

-- How a node in another queue or partition may change after each end (letters of lib/flows.lua).
local AFTER_MARK = { ['-'] = 'cdxem', d = 'ykg', k = 'b' }

-- Stores the end of a node in another queue or partition in its record here. Returns false if the message came twice.
local function takeMark(id, letter)
  local head, last = string.match(read(id) or '', '^(o%S+ %S+) (%S)$')
  if head and not string.find(AFTER_MARK[last] or '', letter, 1, true) then
    return false
  elseif head then
    write(id, head .. ' ' .. (letter == 'y' and '-' or letter == 'b' and 'd' or letter))
  end
  return true
end

-- Handles one end from a note. If the call reaches its limit, returns the mark with which the next call goes on;
-- otherwise nil. behind: the ids of the nodes behind this one if they were read before; otherwise nil.
local function takeEnd(flow, id, mark, cause, behind)
  local letter, policy, page, place = 'c', 'f', nil, nil
  if mark ~= 'cf' then
    letter, policy, page, place = string.match(mark, '^(%a)(%a):?(%d*)%.?(%d*)$')
    page, place = tonumber(page), tonumber(place)
  end
  work = work + 1
  if letter == 'h' then
    -- Letter h: a grant has handed the node back, because its flow was cancelled. Such a flow always exists.
    local record = read(id)
    if flow and record and string.byte(record) == RECORD_WAITING then
      skip(flow, id, record, 0, 0, '', '-')
    end
    return nil
  elseif not flow then
    return nil
  elseif flow.home then
    send(flow.home, 'n ' .. id .. ' ' .. letter .. policy)
    return nil
  elseif flow.parts and not page and not takeMark(id, letter) then
    return nil
  elseif string.byte(id, #flow.prefix) == 58 then -- a colon
    countCall(flow, letter)
    return nil
  end
  if not page then
    countEnd(flow, letter, policy)
    if letter == 'd' then
      call(flow, 'dead')
    end
  end
  if flow.isCancelled then
    return nil
  end
  local effect = effectOf(id, letter, policy)
  if not effect then
    return nil
  end
  local nextPage, nextPlace = affectBehind(flow, id, effect, cause == '-' and id or cause, page or 1, place or 0, behind)
  if nextPage then
    return string.format('%s%s:%d.%d', letter, policy, nextPage, nextPlace)
  end
  -- A node may be added behind this one later. These flags say whether that node may run or is skipped.
  if effect == 'fail' then
    setFlags(id, FLAG_BLOCKED, '[gb]')
  elseif effect == 'unfail' then
    setFlags(id, '', FLAG_BLOCKED)
  elseif letter ~= 'c' or flow.parts and string.byte(read(id) or '') == RECORD_ELSEWHERE then
    setFlags(id, FLAG_PASSED, '[gb]')
  end
end

if #flowsDue > 0 or totals.kept > settings.retentionCount then
-- include lib/flow_due.lua
end

-- Parses as many ends of a note as this call can handle. Returns their ids; the marks and causes of those that have
-- them, by position; and where in the text the next end begins. Their flows are added later.
local function readNote(text)
  local noted, place, most = { ids = {}, marks = {}, causes = {}, nexts = {}, flows = {}, behind = {} }, 0, limit - work
  local ids, nexts = noted.ids, noted.nexts
  for id, more, at in string.gmatch(text, '([^ ,]+)([^,]*),?()') do
    place = place + 1
    ids[place], nexts[place] = id, at
    if more ~= '' then
      noted.marks[place], noted.causes[place] = string.match(more, '(%S+) (%S+)')
    end
    if place >= most then
      break
    end
  end
  return noted
end

local taken = {}
while totals.taken < totals.noted and work < limit do
  local number = string.format('&%.0f', totals.taken + 1)
  local text, rest, after = read(number) or '', '', 1
  local noted = readNote(text)
  readBehind(noted)
  for place = 1, #noted.ids do
    local id, mark, cause, goesOn = noted.ids[place], noted.marks[place] or 'cf', noted.causes[place] or '-', nil
    if string.byte(id) == 37 then -- %
-- include lib/flow_walk.lua
      goesOn = takeFlow(string.sub(id, 2), mark)
    else
      goesOn = takeEnd(noted.flows[place] or flowWith(id), id, mark, cause, noted.behind[place])
    end
    after = noted.nexts[place]
    if goesOn then
      rest = id .. ' ' .. goesOn .. ' ' .. cause .. ','
    end
    if goesOn or work >= limit then
      break
    end
  end
  rest = rest .. string.sub(text, after)
  if rest ~= '' then
    write(number, rest)
    break
  end
  totals.taken = totals.taken + 1
  taken[#taken + 1] = number
end
for _, flow in ipairs(touched) do
  if not isFlow(flow, 'g') and not flow.home then
    conclude(flow)
  end
  if not flow.isGone then
    write('%' .. flow.name, flowText(flow))
  end
end
if ends then
  totals.noted = totals.noted + 1
  write(string.format('&%.0f', totals.noted), table.concat(ends, ','))
end
local function remove(key, list)
  for first = 1, #list, SLICE do
    redis.call('HDEL', key, unpack(list, first, math.min(first + SLICE - 1, #list)))
  end
end
if #written == 0 and #taken == 0 then
  return { 0, 0, 0, (fields[5] or '') ~= '' and 1 or 0 }
end

-- 2. Write the targets: where the tasks go.
if #envelopes > 0 then
  redis.call('HSET', tasksKey, unpack(envelopes))
end
local isSooner = writePlaces(places, settings, fields[3])
if #cancelled > 0 then
  redis.call('LPUSH', cancelledKey, unpack(cancelled))
end
-- A time in `flows_due` that is too early does no harm, because a janitor then checks the flow for nothing. So new
-- times are added before the commit, and old ones removed after it.
for name, time in pairs(due) do
  if flows[name] and tonumber(time) < HELD_FOR_EVER then
    redis.call('ZADD', flowsDueKey, time, name)
  end
end
if events then
  events.number()
end

-- 3. Commit: one HSET.
local commit = {}
if limits then
  limits.write(limits, commit)
end
local size = #commit
for place = 1, #written do
  local field = written[place]
  commit[size + 1], commit[size + 2], size = field, values[field], size + 2
end
local out = writeMessages(commit, fields[5] or '')
redis.call('HSET', stateKey, '#counters', packCounters(counters), '#flows', totalsText(totals), unpack(commit))

-- 4. Remove the sources: where the tasks were.
if #unscheduled > 0 then
  redis.call('ZREM', scheduledKey, unpack(unscheduled))
end
for _, id in ipairs(gone.tasks) do
  gone.bodies[#gone.bodies + 1] = id
end
remove(tasksKey, gone.bodies)
remove(resultsKey, gone.bodies)
remove(progressKey, gone.bodies)
remove(stateKey, gone.state)
remove(stateKey, taken)
for name, time in pairs(due) do
  if not flows[name] or flows[name].isGone then
    redis.call('ZREM', flowsDueKey, name)
  elseif tonumber(time) >= HELD_FOR_EVER then
    redis.call('ZADD', flowsDueKey, string.format('%.0f', time), name)
  end
end
if limits then
  limits.finish(limits)
end
if not settings.paused and (places.count > 0 or isSooner) then
  wake()
end
if events then
  events.tell()
end
return { totals.taken < totals.noted and 1 or 0, released, ended, out ~= '' and 1 or 0 }
