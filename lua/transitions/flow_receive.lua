#!lua flags=allow-oom
-- flow_receive: take messages of another queue or partition. A message brings a node of a flow that was created there,
-- or says how a node of a flow that was created here has ended there.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  taskIds that crashed their workers twice
-- KEYS[5] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[6] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[7] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[8] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[9] tasks  HASH  taskId -> envelope
-- KEYS[10] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[11] wake  CHANNEL
-- KEYS[12] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] source  string  the queue or partition that sent the messages
-- ARGV[3..] message  string  repeated, at most 200 times: message (lib/flow_out.lua), envelope of the node or ""
-- RETURNS {"n" taken | "o" not registered: nothing was taken, 1 if ends are to be counted here or messages wait}
-- TIME    O(n log s), n messages given, s = tasks scheduled
-- MOVES   waiting -> pending | scheduled (of nodes that waited in the other queue or partition)

-- include lib/call.lua
-- include lib/queue.lua
-- include lib/envelope.lua
-- include lib/record.lua
-- include lib/bands.lua
-- include lib/settings.lua
-- include lib/wake.lua
-- include lib/flows.lua
-- include lib/ends.lua
-- include lib/flow_place.lua
-- include lib/flow_out.lua

-- 1. Read.
local from = '^' .. source .. ' from'
local fields = redis.call('HMGET', stateKey, '#counters', '#settings', '#limits', '#flows', '#registered', from, '#out')
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
if fields[5] ~= '1' then
  return { 'o', 0 }
end
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
end
local counters, totals = unpackCounters(fields[1]), readTotals(fields[4])
local last = tonumber(fields[6] or 0)
local places, envelopes, commit = newPlaces(), {}, {}
-- flows: those that this call has read, by name; false if unknown. pages: the names to add, by the field of the page.
local flows, pages, taken = {}, {}, {}

local function flowNamed(name)
  if flows[name] == nil then
    flows[name] = readFlow(redis.call('HGET', stateKey, '%' .. name) or nil) or false
  end
  return flows[name]
end

local function listNode(flow, name, id)
  local page = string.format('%%%s %d', name, math.floor(flow.total / FLOW_PAGE))
  pages[page] = pages[page] or { redis.call('HGET', stateKey, page) or nil }
  pages[page][#pages[page] + 1] = string.sub(id, #name + 2)
  flow.total = flow.total + 1
end

-- Enqueues a node of a flow that was created elsewhere. A node that cannot be enqueued ends at once.
local function enqueue(id, flags, envelope)
  local name = flowOf(id)
  local flow, isNode = flowNamed(name), string.sub(id, #name + 1, #name + 1) == '.'
  local isOther = flow and (flow.home ~= source or isFlow(flow, 'g'))
  local isCancelled = flow and isNode and isFlow(flow, 'x')
  local isKnown = taken[id] or redis.call('HEXISTS', tasksKey, id) == 1 or redis.call('HEXISTS', stateKey, id) == 1
  if envelope == '' or isOther or isCancelled or isKnown then
    send(source, 'n ' .. id .. ' ' .. (isCancelled and 'x' or 'm') .. policyOf(flags))
    return
  end
  if not flow then
    flow = newFlow('h')
    flow.home, flows[name] = source, flow
  end
  if isNode then
    listNode(flow, name, id)
  end
  local c = newCounts()
  c.flags, taken[id] = flags, true
  envelopes[#envelopes + 1], envelopes[#envelopes + 2] = id, envelope
  totals.made = totals.made + 1
  local record = putInPlace(places, counters, id, c, optionsOfPlace(envelope))
  commit[#commit + 1], commit[#commit + 2] = id, record
  if events then
    events.note(string.byte(record) == RECORD_SCHEDULED and EVENT_SCHEDULED or EVENT_ENQUEUED, id)
  end
end

-- Applies a message which says that a flow was cancelled or forgotten. letter: is added to the letters of the flow.
-- mark: is written into the note (lib/flows.lua for both).
local function endFlow(name, letter, mark)
  local flow = flowNamed(name)
  if flow and flow.home == source and not isFlow(flow, letter) then
    flow.letters = flow.letters .. letter
    addMarked('%' .. name, mark)
  end
end

-- Answers the question how a node has ended. If it is not known here, it was lost, for example in a failover.
local function answer(id, flags)
  local record = redis.call('HGET', stateKey, id) or ''
  local mark = string.match(record, '^[cdxe]') or string.match(record, '^r %S+ %S+ %S+ %- ([cdxe])')
  if mark or record == '' and not taken[id] then
    send(source, 'n ' .. id .. ' ' .. (mark or 'm') .. policyOf(flags))
  end
end

for place = messageAt, #ARGV, 2 do
  local stamp, kind, name, rest = string.match(ARGV[place], '^(%d+) (%a) (%S+) ?(%S*)$')
  if stamp and tonumber(stamp) > last then
    last = tonumber(stamp)
    if kind == 'e' then
      enqueue(name, rest, ARGV[place + 1])
    elseif kind == 'x' then
      endFlow(name, 'x', 'x')
    elseif kind == 'f' then
      endFlow(name, 'g', 'f')
    elseif kind == 'q' then
      answer(name, rest)
    else
      local flow = flowNamed(flowOf(name))
      if flow and not flow.home then
        addMarked(name, rest)
      end
    end
  end
end
if last == tonumber(fields[6] or 0) then
  return { 'n', (totals.taken < totals.noted or (fields[7] or '') ~= '') and 1 or 0 }
end

-- 2. Write the targets: where the tasks go.
if #envelopes > 0 then
  redis.call('HSET', tasksKey, unpack(envelopes))
end
local isSooner = writePlaces(places, settings, fields[3])

-- 3. Commit: one HSET.
for page, names in pairs(pages) do
  commit[#commit + 1], commit[#commit + 2] = page, table.concat(names, ' ')
end
for name, flow in pairs(flows) do
  if flow and flow.home then
    commit[#commit + 1], commit[#commit + 2] = '%' .. name, flowText(flow)
  end
end
if ends then
  totals.noted = totals.noted + 1
  commit[#commit + 1], commit[#commit + 2] = string.format('&%.0f', totals.noted), table.concat(ends, ',')
end
if not settings.hasFlows then
  settings.hasFlows = true
  commit[#commit + 1], commit[#commit + 2] = '#settings', writeSettings(settings)
end
if limits then
  limits.write(limits, commit)
end
local out = writeMessages(commit, fields[7] or '')
if events then
  events.number()
end
redis.call('HSET', stateKey, '#counters', packCounters(counters), '#flows', totalsText(totals), from,
  string.format('%.0f', last), unpack(commit))

-- 4. Remove what is outdated, and wake waiting workers.
if limits then
  limits.finish(limits)
end
if not settings.paused and (places.count > 0 or isSooner) then
  wake()
end
if events then
  events.tell()
end
return { 'n', (totals.taken < totals.noted or out ~= '') and 1 or 0 }
