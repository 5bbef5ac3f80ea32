#!lua flags=allow-oom
-- flow_advance: count the ends of nodes that other scripts noted, and do what follows for the nodes behind them and for their flows.
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
-- ARGV[2] limit  integer  ends and nodes behind them to look at, about, 1 to 500
-- RETURNS {1 if there is more to do, nodes that are pending or scheduled now, nodes that were skipped or cancelled}
-- TIME    O(n log s), n = limit, s = tasks scheduled
-- MOVES   waiting -> pending | scheduled | cancelled (skipped); cancelled (skipped) -> waiting; pending | scheduled -> cancelled; -> pending (a callback)

-- include lib/clock.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/limits.lua
-- include lib/due.lua
-- include lib/parked.lua
-- include lib/stop.lua
-- include lib/flows.lua
-- include lib/flow_place.lua

-- How many flows one call looks at because of their time.
local FLOWS_DUE = 20
-- `unpack` fails at 8,000 values.
local SLICE = 3000
local MOMENT_LETTERS = { dead = 'D', cancelled = 'X', success = 'S', done = 'N' }

-- 1. Read.
local fields = redis.call('HMGET', stateKey, '#counters', '#settings', '#limits', '#flows')
if not fields[4] then
  return { 0, 0, 0 }
end
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
end
limits = newLimits(fields[3], settings)
local counters, totals = unpackCounters(fields[1]), readTotals(fields[4])
-- written: fields of `state`, in the order in which they were changed; `values`: by field. more: ends that this call makes.
local written, values, more, work = {}, {}, {}, 0
local places, envelopes, cancelled, unscheduled, due = newPlaces(), {}, {}, {}, {}
-- What is removed after the commit, from which hash.
local gone = { tasks = {}, state = {}, bodies = {} }
local released, ended = 0, 0

local function write(field, value)
  if values[field] == nil then
    written[#written + 1] = field
  end
  values[field] = value
end

-- Reads fields of `state` that this call has not read or written yet.
local known = {}
local function readAll(list)
  local unread = {}
  for _, field in ipairs(list) do
    if values[field] == nil and known[field] == nil then
      unread[#unread + 1], known[field] = field, false
    end
  end
  for place, value in ipairs(#unread > 0 and redis.call('HMGET', stateKey, unpack(unread)) or {}) do
    known[unread[place]] = value
  end
end

local function read(field)
  if values[field] ~= nil then
    return values[field]
  end
  readAll({ field })
  return known[field] or nil
end

-- flows: by name; touched: in the order in which they were read.
local flows, touched = {}, {}
local function flowNamed(name)
  if flows[name] == nil then
    local flow = readFlow(redis.call('HGET', stateKey, '%' .. name) or nil)
    flows[name] = flow or false
    if flow then
      flow.name, touched[#touched + 1] = name, flow
    end
  end
  return flows[name] and not isFlow(flows[name], 'g') and flows[name] or nil
end

local function note(id, mark, cause)
  more[#more + 1], more[#more + 2], more[#more + 3] = id, mark, cause
end

local function tell(kind, id)
  if events then
    events.note(kind, id)
  end
end

-- A node without anything to wait for goes to the workers. rest: the options of the record.
local function release(id, c, options, history)
  local record = putInPlace(places, counters, id, c, options)
  write(id, record .. history)
  released = released + 1
  tell(string.byte(record) == RECORD_SCHEDULED and EVENT_SCHEDULED or EVENT_PROMOTED, id)
end

-- The parts of the record of a node that waits or was skipped; nil for any other record. failed is nil if it waits.
local function waitingParts(record)
  local head = string.match(record or '', '^[^\n]*')
  local open, options = string.match(head, '^w%S+ (%d+)(.*)$')
  if open then
    return tonumber(open), nil, options, '-'
  end
  local endedAt, cause, left, failed, rest = string.match(head, '^x%S+ (%d+) (%S+) (%d+) (%d+)(.*)$')
  if endedAt then
    return tonumber(left), tonumber(failed), rest, cause, endedAt
  end
end

local function waitingText(c, open, options, history)
  return string.format('w%s %d%s%s', countsText(c), open, options, history)
end

local function skippedText(c, endedAt, cause, open, failed, options, history)
  return string.format('x%s %s %s %d %d%s%s', countsText(c), endedAt, cause, open, failed, options, history)
end

-- cause: - if the flow was cancelled; then the nodes behind it are no concern.
local function skip(flow, id, record, open, failed, options, cause)
  local c = parseCounts(record)
  write(id, skippedText(c, nowText, cause, open, failed, options, historyOf(record)))
  totals.waiting, totals.skipped = totals.waiting - 1, totals.skipped + 1
  flow.skipped = flow.skipped + 1
  flow.faults = flow.faults + (policyOf(c.flags) == 'c' and 0 or 1)
  ended = ended + 1
  tell(EVENT_CANCELLED, id)
  if cause ~= '-' then
    note(id, 's' .. policyOf(c.flags), cause)
  end
end

-- What the end of a node, or a replay of it, means for one node behind it. effect: go: it completed, or counts so. fail: it did not.
-- unfail: it may still complete.
local function affect(flow, id, effect, cause)
  local record = read(id)
  local open, failed, options, own, endedAt = waitingParts(record)
  if not open then
    return
  end
  local c, history = parseCounts(record), historyOf(record)
  open = open - (effect == 'go' and 1 or 0)
  if not failed and effect == 'fail' then
    flow.waiting = flow.waiting - 1
    skip(flow, id, record, open, 1, options, cause)
  elseif not failed then
    if open > 0 then
      write(id, waitingText(c, open, options, history))
    else
      flow.waiting, totals.waiting = flow.waiting - 1, totals.waiting - 1
      release(id, c, options, history)
    end
  else
    failed = failed + (effect == 'fail' and 1 or effect == 'unfail' and -1 or 0)
    if failed > 0 then
      write(id, skippedText(c, endedAt, own, open, failed, options, history))
      return
    end
    totals.skipped, flow.skipped = totals.skipped - 1, flow.skipped - 1
    flow.faults = flow.faults - (policyOf(c.flags) == 'c' and 0 or 1)
    note(id, 'r' .. policyOf(c.flags), '-')
    if open > 0 then
      flow.waiting, totals.waiting = flow.waiting + 1, totals.waiting + 1
      write(id, waitingText(c, open, options, history))
      tell(EVENT_WAITING, id)
    else
      release(id, c, options, history)
    end
  end
end

local function setFlags(id, set, clear)
  local record = read(id)
  if record and string.byte(record) == RECORD_PURGED then
    write(id, string.gsub(record, clear, '') .. set)
  elseif record then
    local c = parseCounts(record)
    clearFlag(c, clear)
    if set ~= '' then
      setFlag(c, set)
    end
    local counts, rest = string.match(record, '^%a([^%s@]*)(.*)$')
    write(id, string.sub(record, 1, 1) .. (counts and countsText(c) or '') .. rest)
  end
end

-- Applies an effect to the names behind a node, from a page and a place on. Returns the page and the place where to go on; nil at the end.
local function affectBehind(flow, id, effect, cause, page, place)
  local text = read('>' .. id)
  local full = text and tonumber(string.match(text, '^%d+')) or -1
  while page <= full + 1 do
    local names, list, ids = page <= full and read(string.format('>%s %d', id, page)) or string.match(text, '^%d+ ?(.*)$'), {}, {}
    for name in string.gmatch(names, '%S+') do
      list[#list + 1] = name
    end
    local last = math.min(#list, place + math.max(limit - work, 1))
    for at = place + 1, last do
      ids[#ids + 1] = flow.name .. '.' .. list[at]
    end
    readAll(ids)
    for _, behind in ipairs(ids) do
      affect(flow, behind, effect, cause)
    end
    work = work + #ids
    if last < #list then
      return page, last
    end
    page, place = page + 1, 0
    if work >= limit and page <= full + 1 then
      return page, 0
    end
  end
end

local COUNTED = { c = 'completed', d = 'dead', x = 'cancelled', v = 'cancelled', m = 'cancelled', e = 'expired' }

-- Counts an end in its flow, once.
local function countEnd(flow, letter, policy)
  local fault = policy == 'c' and 0 or 1
  local name = COUNTED[letter]
  if name then
    flow[name] = flow[name] + 1
    flow.faults = flow.faults + (letter == 'c' and 0 or fault)
    flow.waiting = flow.waiting - (letter == 'v' and 1 or 0)
  elseif letter == 'y' then
    flow.dead, flow.faults = flow.dead - 1, flow.faults - fault
  end
  if letter == 'd' or letter == 'b' then
    flow.replayable = flow.replayable + 1
  elseif letter == 'y' or letter == 'k' or letter == 'g' then
    flow.replayable = flow.replayable - 1
  end
end

-- Counts the end of a callback.
local function countCall(flow, letter)
  if COUNTED[letter] then
    flow.calls = flow.calls - 1
  elseif letter == 'y' then
    flow.calls = flow.calls + 1
  end
  if letter == 'd' or letter == 'b' then
    flow.replayable = flow.replayable + 1
  elseif letter == 'y' or letter == 'k' or letter == 'g' then
    flow.replayable = flow.replayable - 1
  end
end

-- What an end means for the nodes behind it; nil: nothing.
local function effectOf(id, letter, policy)
  if letter == 'c' or policy == 'c' and string.find(letter, '[dxvems]') then
    -- A node with the policy "continue" counts at its first end, also if it is replayed afterwards.
    local record = policy == 'c' and read(id)
    local flags = record and (string.byte(record) == RECORD_PURGED and string.match(record, '%a*$') or parseCounts(record).flags) or ''
    return not string.find(flags, FLAG_PASSED, 1, true) and 'go' or nil
  elseif policy == 'c' then
    return nil
  elseif letter == 'd' then
    return policy == 'f' and 'fail' or nil
  elseif string.find(letter, '[xvems]') then
    return 'fail'
  elseif letter == 'k' or letter == 'g' then
    return policy == 'w' and 'fail' or nil
  elseif letter == 'b' then
    return policy == 'w' and 'unfail' or nil
  elseif letter == 'y' then
    return policy == 'f' and 'unfail' or nil
  end
  return letter == 'r' and 'unfail' or nil
end

-- Enqueues a callback, once.
local function call(flow, moment)
  local letter = MOMENT_LETTERS[moment]
  if isFlow(flow, letter) then
    return
  end
  flow.letters = flow.letters .. letter
  local id = flow.name .. ':' .. moment
  local envelope = redis.call('HGET', stateKey, '%' .. id)
  if envelope then
    local c = newCounts()
    c.flags = FLAG_NODE
    envelopes[#envelopes + 1], envelopes[#envelopes + 2] = id, envelope
    totals.made, flow.calls = totals.made + 1, flow.calls + 1
    write(id, putInPlace(places, counters, id, c, optionsOfPlace(envelope)))
    tell(string.byte(values[id]) == RECORD_SCHEDULED and EVENT_SCHEDULED or EVENT_ENQUEUED, id)
  end
end

-- Takes an end. Returns the mark with which the work goes on; nil if it is done.
local function takeEnd(id, mark, cause)
  local letter, policy, page, place = string.match(mark, '^(%a)(%a):?(%d*)%.?(%d*)$')
  local flow = flowNamed(flowOf(id))
  work = work + 1
  if letter == 'h' then
    -- Its flow was cancelled. If the flow is gone, which cannot be, the node would wait for ever.
    local record = read(id)
    if flow and record and string.byte(record) == RECORD_WAITING then
      skip(flow, id, record, 0, 0, '', '-')
    end
    return nil
  elseif not flow then
    return nil
  elseif string.find(id, ':', 1, true) == #flow.name + 1 then
    countCall(flow, letter)
    return nil
  end
  if page == '' then
    countEnd(flow, letter, policy)
    if letter == 'd' then
      call(flow, 'dead')
    end
  end
  if isFlow(flow, 'x') then
    return nil
  end
  local effect = effectOf(id, letter, policy)
  if not effect then
    return nil
  end
  local nextPage, nextPlace = affectBehind(flow, id, effect, cause == '-' and id or cause, tonumber(page) or 1, tonumber(place) or 0)
  if nextPage then
    return string.format('%s%s:%d.%d', letter, policy, nextPage, nextPlace)
  end
  -- Nodes that are added behind this one from now on read this from its record.
  if effect == 'fail' then
    setFlags(id, FLAG_BLOCKED, '[gb]')
  elseif effect == 'unfail' then
    setFlags(id, '', FLAG_BLOCKED)
  elseif letter ~= 'c' then
    setFlags(id, FLAG_PASSED, '[gb]')
  end
end

-- Ends a node of a cancelled flow that waits for a worker or for its time.
local function cancelNode(flow, id, record)
  local c, envelope = parseCounts(record), redis.call('HGET', tasksKey, id) or '&'
  local isDue = string.byte(record) == RECORD_PENDING
  if isDue then
    local aside = c.unroutedSince > 0
    countTombstone(counters, not aside and keyOption(envelope) and 'keyed' or bandOf(envelope, c), aside, 1)
  else
    unscheduled[#unscheduled + 1] = id
  end
  add(counters, isDue and PENDING or SCHEDULED, -1)
  add(counters, CANCELLED, 1)
  add(counters, CANCELLED_TOTAL, 1)
  cancelled[#cancelled + 1] = id
  flow.cancelled, flow.faults, ended = flow.cancelled + 1, flow.faults + (policyOf(c.flags) == 'c' and 0 or 1), ended + 1
  write(id, 'x' .. countsText(c) .. ' ' .. nowText .. historyOf(record))
  tell(EVENT_CANCELLED, id)
end

local function cancelPage(flow, ids)
  for _, id in ipairs(ids) do
    local record = read(id)
    local letter = record and string.sub(record, 1, 1)
    if letter == 'w' then
      local open, _, options = waitingParts(record)
      -- A node that a grant handed back waits for nothing, and its flow does not count it as waiting.
      flow.waiting = flow.waiting - (open > 0 and 1 or 0)
      skip(flow, id, record, open, 0, options, '-')
    elseif letter == 'p' or letter == 's' then
      cancelNode(flow, id, record)
    elseif letter == 'l' and not hasFlag(parseCounts(record), FLAG_CANCEL) then
      write(id, askToStop(id, record))
    end
  end
end

-- A forgotten flow leaves nothing but tasks that have their own retention. What was skipped is removed.
local function forgetPage(ids)
  for _, id in ipairs(ids) do
    local record, removed = read(id), gone.state
    local _, failed = waitingParts(record)
    if failed then
      totals.skipped = totals.skipped - 1
      add(counters, PURGED, 1)
      gone.tasks[#gone.tasks + 1] = id
      write(id, 'r')
      removed[#removed + 1] = id
    elseif record and string.byte(record) == RECORD_PURGED then
      gone.bodies[#gone.bodies + 1] = id
      removed[#removed + 1] = id
    end
    local text = read('>' .. id)
    for page = 1, text and tonumber(string.match(text, '^%d+')) or 0 do
      removed[#removed + 1] = string.format('>%s %d', id, page)
    end
    removed[#removed + 1], removed[#removed + 2] = '>' .. id, '<' .. id
  end
end

-- Walks over the nodes of a flow, a page at a time. Returns the mark with which it goes on.
local function takeFlow(name, mark)
  local letter, page = string.match(mark, '^(%a):?(%d*)$')
  local flow = flowNamed(name) or letter == 'f' and flows[name] or nil
  if not flow or letter == 's' then
    return nil
  end
  page = tonumber(page) or 0
  local field, ids, behind = string.format('%%%s %d', name, page), {}, {}
  for each in string.gmatch(read(field) or '', '%S+') do
    ids[#ids + 1] = name .. '.' .. each
    behind[#ids] = '>' .. ids[#ids]
  end
  readAll(ids)
  work = work + FLOW_PAGE
  if letter == 'x' then
    cancelPage(flow, ids)
  else
    readAll(behind)
    forgetPage(ids)
    gone.state[#gone.state + 1] = field
  end
  if (page + 1) * FLOW_PAGE < flow.total then
    return string.format('%s:%d', letter, page + 1)
  elseif letter == 'f' then
    gone.state[#gone.state + 1] = '%' .. name
    for moment in pairs(MOMENT_LETTERS) do
      gone.state[#gone.state + 1] = '%' .. name .. ':' .. moment
    end
    flow.isGone, due[name] = true, HELD_FOR_EVER
  end
end

-- Decides whether a flow has ended, and whether it is over, which means that nothing of it can run any more.
local function conclude(flow)
  local hasEnded = isFlow(flow, 's') and flow.completed + flow.dead + flow.cancelled + flow.expired + flow.skipped == flow.total
  if hasEnded and flow.endedAt == 0 then
    flow.endedAt, totals.running = now, totals.running - 1
    if isFlow(flow, 'x') then
      call(flow, 'cancelled')
    elseif flow.faults == 0 then
      call(flow, 'success')
    end
    call(flow, 'done')
  elseif not hasEnded and flow.endedAt > 0 then
    flow.endedAt, totals.running = 0, totals.running + 1
  end
  local isOver = hasEnded and flow.calls == 0 and flow.replayable == 0
  if isOver and not isFlow(flow, 'k') then
    flow.letters, totals.kept = flow.letters .. 'k', totals.kept + flow.total + 1
    due[flow.name] = string.format('%.0f', now + settings.retentionMs)
  elseif not isOver and isFlow(flow, 'k') then
    flow.letters, totals.kept = string.gsub(flow.letters, 'k', ''), totals.kept - flow.total - 1
    due[flow.name] = HELD_FOR_EVER
  end
end

-- A flow that was not sealed in time is cancelled. One that is over is forgotten.
local function lookAtFlow(name, isExcess)
  local flow = flowNamed(name)
  if not flow then
    due[name] = HELD_FOR_EVER
  elseif isFlow(flow, 'k') then
    flow.letters, totals.kept = string.gsub(flow.letters, 'k', 'g'), totals.kept - flow.total - 1
    due[name] = HELD_FOR_EVER
    note('%' .. name, 'f', '-')
  elseif not isExcess then
    if not isFlow(flow, 's') then
      flow.letters = flow.letters .. 'sx'
      note('%' .. name, 'x', '-')
    end
    due[name] = HELD_FOR_EVER
  end
end

for _, name in ipairs(redis.call('ZRANGEBYSCORE', flowsDueKey, '-inf', nowText, 'LIMIT', 0, FLOWS_DUE)) do
  lookAtFlow(name, false)
end
-- The flow that ended last is kept in any case.
if totals.kept > settings.retentionCount then
  local kept = redis.call('ZRANGEBYSCORE', flowsDueKey, '(' .. nowText, '(' .. HELD_FOR_EVER, 'LIMIT', 0, FLOWS_DUE)
  for place = 1, #kept - 1 do
    if totals.kept <= settings.retentionCount then
      break
    end
    lookAtFlow(kept[place], true)
  end
end

local taken = {}
while totals.taken < totals.noted and work < limit do
  local number = string.format('&%.0f', totals.taken + 1)
  local text, rest = read(number) or '', nil
  for id, mark, cause, at in string.gmatch(text, '(%S+) (%S+) (%S+) ?()') do
    local goesOn
    if string.byte(id) == 37 then -- %
      goesOn = takeFlow(string.sub(id, 2), mark)
    else
      goesOn = takeEnd(id, mark, cause)
    end
    if goesOn or work >= limit then
      rest = (goesOn and id .. ' ' .. goesOn .. ' ' .. cause .. ' ' or '') .. string.sub(text, at)
      break
    end
  end
  if rest and rest ~= '' then
    write(number, rest)
    break
  end
  totals.taken = totals.taken + 1
  taken[#taken + 1] = number
end
for _, flow in ipairs(touched) do
  if not isFlow(flow, 'g') then
    conclude(flow)
  end
  if not flow.isGone then
    write('%' .. flow.name, flowText(flow))
  end
end
if #more > 0 then
  totals.noted = totals.noted + 1
  write(string.format('&%.0f', totals.noted), table.concat(more, ' '))
end
local function remove(key, list)
  for first = 1, #list, SLICE do
    redis.call('HDEL', key, unpack(list, first, math.min(first + SLICE - 1, #list)))
  end
end
if #written == 0 and #taken == 0 then
  return { 0, 0, 0 }
end

-- 2. Write the targets.
if #envelopes > 0 then
  redis.call('HSET', tasksKey, unpack(envelopes))
end
local isSooner = writePlaces(places, settings)
if #cancelled > 0 then
  redis.call('LPUSH', cancelledKey, unpack(cancelled))
end
-- A flow with a time that is too early is looked at once more. So a time is written before the commit, and its end after it.
for name, time in pairs(due) do
  if flows[name] and time ~= HELD_FOR_EVER then
    redis.call('ZADD', flowsDueKey, time, name)
  end
end
if events then
  events.number()
end

-- 3. Commit.
local commit = {}
limits.write(limits, commit)
for _, field in ipairs(written) do
  commit[#commit + 1], commit[#commit + 2] = field, values[field]
end
redis.call('HSET', stateKey, '#counters', packCounters(counters), '#flows', totalsText(totals), unpack(commit))

-- 4. Remove the sources.
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
  elseif time == HELD_FOR_EVER then
    redis.call('ZADD', flowsDueKey, time, name)
  end
end
limits.finish(limits)
if not settings.paused and (places.count > 0 or isSooner) then
  wake()
end
if events then
  events.tell()
end
return { totals.taken < totals.noted and 1 or 0, released, ended }
