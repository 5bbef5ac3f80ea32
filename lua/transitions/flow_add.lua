#!lua
-- flow_add: open a flow, add nodes to it, seal it. Refused at maxmemory, like an enqueue.
-- KEYS[1] pending:high  LIST  taskIds
-- KEYS[2] pending  LIST  taskIds
-- KEYS[3] pending:low  LIST  taskIds
-- KEYS[4] pending:solo  LIST  taskIds that crashed their workers twice
-- KEYS[5] pending:keyed  ZSET  tasks with a key, a line for each key, all with score 0
-- KEYS[6] ready  ZSET  keys that may run now, by band and turn (lib/accounts.lua)
-- KEYS[7] resting  ZSET  key -> when to look at it again, ms since the epoch
-- KEYS[8] scheduled  ZSET  taskId -> due, ms since the epoch
-- KEYS[9] tasks  HASH  taskId -> envelope, and what was accepted
-- KEYS[10] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[11] requests  ZSET  request slot -> last seen, ms since the epoch
-- KEYS[12] flows_due  ZSET  flow -> when a janitor has to look at it, ms since the epoch
-- KEYS[13] wake  CHANNEL
-- KEYS[14] events  STREAM  entries of events (lib/events.lua)
-- ARGV[1] clockMs  integer  0 for Redis time
-- ARGV[2] requestSlot  string  the caller's instance and slot
-- ARGV[3] sequence  integer  grows within the slot
-- ARGV[4] flow  string  the id of the flow
-- ARGV[5] how  string  open: creates the flow if it does not exist; add: the flow has to exist; task: as add, for a running node
-- ARGV[6] seal  integer  1: from now on only running nodes of the flow may add nodes
-- ARGV[7] sealBy  integer  when an open flow is cancelled, ms since the epoch; 0: an hour from now
-- ARGV[8] taskId  string  the running node that adds nodes; "" if a producer adds them
-- ARGV[9] fence  string  the fence of the token of that node
-- ARGV[10] most  integer  how many nodes a flow may have
-- ARGV[11] callbacks  integer  with how many callbacks the following texts begin, two texts each: moment, envelope (lib/flows.lua)
-- ARGV[12] befores  integer  how many nodes follow that new nodes come after, two texts each: its name; the names of these
--   new nodes, each after a space
-- ARGV[13..] text  string  then at most 500 new nodes, four texts each: name, envelope, flags, and the names in its `after`
--   with spaces. The flags are followed by the number of these names. If the node runs in another queue or partition, `>`
--   and the name of that one follow
-- RETURNS {verdict, how many nodes the flow has, letters, name}
--   letters: one per node: n new, d the flow has it already. With m: the name of the node, and the unknown name
--   verdict: n stored, d the flow exists and is sealed, u there is no such flow, s sealed, x cancelled, e ended,
--     f queue full, l too many nodes, t the node does not run any more, m a node comes after an unknown one,
--     o the queue is not registered, b too many ends are not counted yet: call flow_advance first,
--     c the id is that of a flow of another queue or partition,
--     w the running node has too many nodes behind it, or one of them waits for too many
-- TIME    O(n + a), n nodes given, a = nodes that they come after
-- MOVES   -> waiting | pending | scheduled | cancelled (skipped, behind a node that did not complete)

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

local SEAL_MS = 3600000
-- A node in the `after` of a new node may have ended in a note (lib/flows.lua). At most this many notes are searched.
local NOTES_SEARCHED = 200
-- If a running node adds nodes, the nodes behind it wait for the new ones as well. So there may be at most FOLLOWERS
-- nodes behind it, and each of these may wait for at most WAITED_FOR nodes.
local FOLLOWERS = 20
local WAITED_FOR = 10000
-- A command gets at most this many values, because `unpack` fails at 8,000.
local SLICE = 3000

-- 1. Read.
local field = '%' .. flow
local fields = redis.call('HMGET', stateKey, '#counters', '#settings', requestSlot, '#limits', '#registered', '#flows', field)
local settings = readSettings(fields[2])
if not settings then
  return layoutError()
end
local previous, refused = previousReply(fields[3])
if refused then
  return refused
end
if previous then
  local verdict, total, letters = string.match(previous, '^(%a) (%d+) (%a*)$')
  return { verdict, tonumber(total), letters }
end
if fields[5] ~= '1' then
  return { 'o', 0, '' }
end
local at = readFlow(fields[7])
local isNew = not at
if isNew and how ~= 'open' then
  return { 'u', 0, '' }
end
if isNew then
  at = newFlow('-')
  at.sealBy = sealBy > 0 and sealBy or now + SEAL_MS
end
if at.home then
  return { 'c', 0, '' }
elseif isFlow(at, 'g') then
  return { 'e', at.total, '' }
elseif how == 'open' and isFlow(at, 's') then
  return { 'd', at.total, '' }
elseif isFlow(at, 'x') then
  return { 'x', at.total, '' }
elseif how ~= 'task' and isFlow(at, 's') then
  return { 's', at.total, '' }
elseif how == 'task' then
  local record = redis.call('HGET', stateKey, taskId) or ''
  -- If the running node is in another queue or partition, its lease is there, and the caller has checked it.
  local runsElsewhere = string.find(record, '^o%S+ %S+ %-$')
  if not runsElsewhere and parseLease(record) ~= fence then
    return { 't', at.total, '' }
  end
end

local totals, counters = readTotals(fields[6]), unpackCounters(fields[1])
local beforesAt = textAt + 2 * callbacks
local nodesAt = beforesAt + 2 * befores
local count = (#ARGV - nodesAt + 1) / 4
local ids, prefix = {}, flow .. '.'
for place = 1, count do
  ids[place] = prefix .. ARGV[nodesAt + 4 * place - 4]
end

-- include lib/flow_before.lua
-- include lib/flow_pages.lua
readRecords(ids)
local letters, added, new, newHere = {}, {}, 0, 0
for place = 1, count do
  local id = ids[place]
  letters[place] = (records[id] or added[id]) and 'd' or 'n'
  if letters[place] == 'n' then
    local flags = ARGV[nodesAt + 4 * place - 2]
    added[id], new, newHere = true, new + 1, newHere + ((kinds[flags] or kindOf(flags)).part == '' and 1 or 0)
  end
end

-- before: the nodes that new nodes come after. behind: by the id of such a node, the names of the new nodes behind it.
local before, behind, asked = {}, {}, {}
for place = 1, befores do
  local id, names = prefix .. ARGV[beforesAt + 2 * place - 2], ARGV[beforesAt + 2 * place - 1]
  if new < count then
    names = namesOf(names, function(name) return added[prefix .. name] end)
  end
  if names ~= '' then
    before[#before + 1], behind[id] = id, names
    asked[#asked + 1] = records[id] == nil and id or nil
  end
end
if #asked > 0 then
  readRecords(asked)
end
for _, id in ipairs(before) do
  local isUnknown = not records[id] and not added[id]
  local isOwn = added[id] and string.find(behind[id] .. ' ', ' ' .. string.sub(id, #prefix + 1) .. ' ', 1, true)
  -- The nodes behind a running node wait for the nodes that it adds. So an added node may only come after the running
  -- node and other added nodes; otherwise two nodes could wait for each other.
  local isOther = how == 'task' and id ~= taskId and string.sub(id, 1, #taskId + 1) ~= taskId .. '.'
  if isUnknown or isOwn or isOther then
    local name = string.sub(id, #prefix + 1)
    return { 'm', at.total, isOwn and name or string.match(behind[id], '%S+'), name }
  end
end
if at.total + new > most then
  return { 'l', at.total, '' }
end
if settings.maxWaiting > 0 and newHere > 0 then
  local acceptedPending, acceptedScheduled = unpackAccepted(redis.call('HGET', tasksKey, '#in'))
  if acceptedPending + acceptedScheduled + counters[PENDING] + counters[SCHEDULED] + totals.waiting + newHere > settings.maxWaiting then
    return { 'f', at.total, '' }
  end
end
if totals.noted - totals.taken > NOTES_SEARCHED and #asked > 0 then
  return { 'b', at.total, '' }
end

-- followers: the nodes behind the running node, which will also wait for the new nodes. Nodes that the running node
-- added earlier do not wait for the new ones.
local followers = {}
if how == 'task' then
  local own = redis.call('HGET', stateKey, '>' .. taskId) or '0'
  local list = {}
  for page = 1, tonumber(string.match(own, '^%d+')) do
    own = own .. ' ' .. redis.call('HGET', stateKey, string.format('>%s %d', taskId, page))
  end
  for name in string.gmatch(own, ' (%S+)') do
    local id = flow .. '.' .. name
    list[#list + 1] = string.sub(id, 1, #taskId + 1) ~= taskId .. '.' and id or nil
  end
  readRecords(list)
  for _, id in ipairs(list) do
    local counts, open, options = string.match(records[id] or '', '^w(%S+) (%d+)(.*)$')
    followers[#followers + 1] = counts and { id = id, counts = counts, open = open + new, options = options } or nil
    if counts and open + new > WAITED_FOR or #followers > FOLLOWERS then
      return { 'w', at.total, '' }
    end
  end
end

-- For each new node: how many of the nodes before it have ended (passed), how many cause it to be skipped (failed),
-- and one of those (cause).
local passed, failed, cause, there = {}, {}, {}, {}
for _, id in ipairs(before) do
  local as = added[id] and 'open' or countsAs(id)
  there[#there + 1] = as and not added[id] and id or nil
  if as ~= 'open' then
    for name in string.gmatch(behind[id], '%S+') do
      local node = prefix .. name
      if as then
        failed[node], cause[node] = (failed[node] or 0) + 1, cause[node] or id
      else
        passed[node] = (passed[node] or 0) + 1
      end
    end
  end
end

local followerNames = ''
for _, follower in ipairs(followers) do
  followerNames = followerNames .. ' ' .. string.sub(follower.id, #prefix + 1)
end
local commit, envelopes, pages, pushed = {}, {}, {}, newPlaces()
for place = 1, count do
  if letters[place] == 'n' then
    local id, envelope, after = ids[place], ARGV[nodesAt + 4 * place - 3], ARGV[nodesAt + 4 * place - 1]
    local kind = kinds[ARGV[nodesAt + 4 * place - 2]]
    local c, counts, part, open = kind.c, kind.counts, kind.part, kind.open - (passed[id] or 0)
    local options = optionsOfPlace(envelope) .. (part ~= '' and ' f=' .. part or '')
    local size = #commit
    envelopes[size + 1], envelopes[size + 2], commit[size + 1] = id, envelope, id
    if failed[id] then
      commit[size + 2] = string.format('x%s %s %s %d %d%s', counts, nowText, cause[id], open, failed[id], options)
      at.skipped, totals.skipped = at.skipped + 1, totals.skipped + 1
      at.faults = at.faults + (policyOf(c.flags) == 'c' and 0 or 1)
      addMarked(id, 's' .. policyOf(c.flags), cause[id])
    elseif open > 0 then
      local text = options == '' and kind.waits[open] or string.format('w%s %d%s', counts, open, options)
      kind.waits[open] = options == '' and text or kind.waits[open]
      commit[size + 2] = text
      at.waiting, totals.waiting = at.waiting + 1, totals.waiting + 1
    elseif part ~= '' then
      commit[size + 2] = sendNode(flow, part, id, c)
      totals.leaving = totals.leaving + 1
    else
      commit[size + 2] = putInPlace(pushed, counters, id, c, options, counts)
    end
    local names = (behind[id] or '') .. followerNames
    size = #pages
    if after ~= '' then
      pages[size + 1], pages[size + 2], size = '<' .. id, after, size + 2
    end
    if names ~= '' then
      pages[size + 1], pages[size + 2] = '>' .. id, '0' .. names
    end
  end
end

-- 2. Write the targets. An earlier call that was aborted before its commit may have added the names already.
indexRequest(fields[3], 's', requestSlot)
addPages(pages, there, behind)
for place = 1, callbacks do
  pages[#pages + 1] = field .. ':' .. ARGV[textAt + 2 * place - 2]
  pages[#pages + 1] = ARGV[textAt + 2 * place - 1]
end
for first = 1, #pages, 2 * SLICE do
  redis.call('HSET', stateKey, unpack(pages, first, math.min(first + 2 * SLICE - 1, #pages)))
end
if isNew then
  redis.call('ZADD', flowsDueKey, string.format('%.0f', at.sealBy), flow)
end
if #envelopes > 0 then
  redis.call('HSET', tasksKey, unpack(envelopes))
end
local isSooner = writePlaces(pushed, settings, fields[4])

-- 3. Commit: one HSET.
local total = at.total
at.total = total + new
totals.made, totals.running = totals.made + new, totals.running + (isNew and 1 or 0)
local page, listed = math.floor(total / FLOW_PAGE), {}
local text = total % FLOW_PAGE > 0 and redis.call('HGET', stateKey, string.format('%s %d', field, page)) or nil
for place = 1, count do
  if letters[place] == 'n' then
    listed[#listed + 1] = ARGV[nodesAt + 4 * place - 4]
    total = total + 1
    if total % FLOW_PAGE == 0 or total == at.total then
      commit[#commit + 1] = string.format('%s %d', field, page)
      commit[#commit + 1] = (text and text .. ' ' or '') .. table.concat(listed, ' ')
      page, listed, text = page + 1, {}, nil
    end
  end
end
for _, follower in ipairs(new > 0 and followers or {}) do
  local names = redis.call('HGET', stateKey, '<' .. follower.id) or ''
  for place = 1, count do
    names = letters[place] == 'n' and names .. ' ' .. string.sub(ids[place], #prefix + 1) or names
  end
  commit[#commit + 1], commit[#commit + 2] = follower.id, string.format('w%s %d%s', follower.counts, follower.open, follower.options)
  commit[#commit + 1], commit[#commit + 2] = '<' .. follower.id, names
end
if seal == 1 then
  at.letters = at.letters .. 's'
  addMarked(field, 's')
end
if ends then
  totals.noted = totals.noted + 1
  commit[#commit + 1], commit[#commit + 2] = string.format('&%.0f', totals.noted), table.concat(ends, ',')
end
if not settings.hasFlows then
  settings.hasFlows = true
  commit[#commit + 1], commit[#commit + 2] = '#settings', writeSettings(settings)
end
letters = table.concat(letters)
if limits then
  limits.write(limits, commit)
end
if settings.maxEvents then
-- include lib/events.lua
  events = newEvents(settings)
  local kinds = { w = EVENT_WAITING, p = EVENT_ENQUEUED, s = EVENT_SCHEDULED, x = EVENT_CANCELLED }
  for place = 1, 2 * new, 2 do
    local kind = kinds[string.sub(commit[place + 1], 1, 1)]
    if kind then -- a node in another part has its events there
      events.note(kind, commit[place])
    end
  end
  events.number()
end
if partsWith[flow] then
  writeMessages(commit, redis.call('HGET', stateKey, '#out') or '')
end
redis.call('HSET', stateKey, '#counters', packCounters(counters), '#flows', totalsText(totals), field, flowText(at), requestSlot,
  keptReply(sequence, string.format('n %d %s', at.total, letters)), unpack(commit))

-- 4. Remove the source: the time until which the flow had to be sealed. A sealed flow gets a score that is never due.
if seal == 1 then
  redis.call('ZADD', flowsDueKey, string.format('%.0f', heldScore(at)), flow)
end
if limits then
  limits.finish(limits)
end
if not settings.paused and (pushed.count > 0 or isSooner) then
  wake()
end
if events then
  events.tell()
end
return { 'n', at.total, letters }
