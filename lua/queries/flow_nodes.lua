#!lua flags=no-writes
-- flow_nodes: a flow, and a page of its nodes or of the nodes before one of them.
-- KEYS[1] tasks  HASH  taskId -> envelope
-- KEYS[2] state  HASH  taskId -> state record, and the queue's own fields
-- KEYS[3] results  HASH  taskId -> JSON text
-- ARGV[1] flow  string  the id of the flow
-- ARGV[2] taskId  string  a node, to get the nodes that it comes after; "" for all nodes of the flow
-- ARGV[3] from  integer  the place of the first node to return, from 0
-- ARGV[4] limit  integer  how many nodes to look at, 0 to 100; with "open" 0 to 2,000
-- ARGV[5] look  string  "all" | "graph" (no histories and results) | "open" (only the records of nodes that are waited for)
-- ARGV[6..] name  string  repeated, at most 2,000 times: only these nodes, also of a flow of another queue or partition
-- RETURNS {} if there is no such flow; {"@<part>"} if the queue or partition <part> has it; otherwise {the flow, moments that it
--   has callbacks for, place of the next page or -1, how many nodes there are, then for each node: name, record, header of
--   its envelope, result, names before it}; "" for what it has not, or what was not looked at
-- TIME    O(n), n = limit
-- MOVES   nothing

-- include lib/record.lua
-- include lib/flows.lua

local function lineOf(text)
  return text and string.match(text, '^[^\n]*') or ''
end

local field = '%' .. flow
local own = redis.call('HMGET', stateKey, field, field .. ':dead', field .. ':cancelled', field .. ':success', field .. ':done')
local at = readFlow(own[1] or nil)
if not at or isFlow(at, 'g') then
  return {}
elseif at.home and #ARGV < nameAt then
  return { '@' .. at.home }
end
local moments = {}
for place, moment in ipairs({ 'dead', 'cancelled', 'success', 'done' }) do
  moments[#moments + 1] = own[place + 1] and moment or nil
end
local names, total = {}, at.total
if #ARGV >= nameAt then
  total = 0
  for place = nameAt, #ARGV do
    names[#names + 1] = ARGV[place]
  end
elseif taskId ~= '' then
  local before = {}
  for name in string.gmatch(redis.call('HGET', stateKey, '<' .. taskId) or '', '%S+') do
    before[#before + 1] = name
  end
  total = #before
  for place = from + 1, math.min(total, from + limit) do
    names[#names + 1] = before[place]
  end
else
  for page = math.floor(from / FLOW_PAGE), math.floor((from + limit - 1) / FLOW_PAGE) do
    local place = page * FLOW_PAGE
    for name in string.gmatch(redis.call('HGET', stateKey, string.format('%s %d', field, page)) or '', '%S+') do
      if place >= from and place < from + limit then
        names[#names + 1] = name
      end
      place = place + 1
    end
  end
end
local reply = { own[1], table.concat(moments, ' '), #names > 0 and from + #names < total and from + #names or -1, total }
local ids, before = {}, {}
for place, name in ipairs(names) do
  ids[place] = flow .. '.' .. name
  before[place] = '<' .. ids[place]
end
local records = #names > 0 and redis.call('HMGET', stateKey, unpack(ids)) or {}
if look == 'open' then
  for place, record in ipairs(records) do
    local mark = record and string.match(record, '^o%S+ %S+ (%S)') or record and string.sub(record, 1, 1)
    local isHeld = mark == 'd' and policyOf(parseCounts(record).flags) == 'w'
    if isHeld or mark and string.find(mark, '[wpsl-]') then
      for _, text in ipairs({ names[place], lineOf(record), '', '', '' }) do
        reply[#reply + 1] = text
      end
    end
  end
elseif #names > 0 then
  local envelopes, after = redis.call('HMGET', tasksKey, unpack(ids)), redis.call('HMGET', stateKey, unpack(before))
  local results = look == 'all' and redis.call('HMGET', resultsKey, unpack(ids)) or {}
  for place, name in ipairs(names) do
    local record = look == 'all' and records[place] or lineOf(records[place])
    for _, text in ipairs({ name, record or '', envelopes[place] and lineOf(envelopes[place]) or headerIn(records[place]) or '',
      results[place] or '', after[place] or '' }) do
      reply[#reply + 1] = text
    end
  end
end
return reply
