#!lua flags=allow-oom
-- flow_sent: remove messages that another queue or partition has taken, or cannot take because it was deleted.
-- KEYS[1] tasks  HASH  taskId -> envelope
-- KEYS[2] state  HASH  taskId -> state record, and the queue's own fields
-- ARGV[1] part  string  the other queue or partition
-- ARGV[2] upTo  integer  the number of the last of these messages
-- ARGV[3] stamp  string  the stamp of that message
-- ARGV[4] lost  integer  1: the other queue or partition was deleted. Its nodes end as emptied, and its flows are forgotten here
-- RETURNS {1 if messages wait for other queues or partitions, 1 if flow_advance has something to do}
-- TIME    O(n), n messages
-- MOVES   nothing: a node that is on its way belongs to the other queue or partition

-- include lib/queue.lua
-- include lib/flows.lua
-- include lib/ends.lua

-- 1. Read.
local header = '^' .. part
local fields = redis.call('HMGET', stateKey, '#settings', '#flows', '#out', header)
if not readSettings(fields[1]) then
  return layoutError()
end
local totals, out = readTotals(fields[2]), fields[3] or ''
local written, sent, newest, removed = string.match(fields[4] or '0 0 0 0', '^(%d+) (%d+) (%d+) (%d+)$')
written, sent, removed = tonumber(written), tonumber(sent), tonumber(removed)
local names, ids, texts = {}, {}, {}
for number = removed + 1, math.max(sent, math.min(upTo, written)) do
  names[#names + 1] = string.format('%s %.0f', header, number)
end
if #names > 0 then
  texts = redis.call('HMGET', stateKey, unpack(names))
end
local isNew = upTo > sent and upTo <= written and string.match(texts[upTo - removed] or '', '^%d+') == stamp
local commit, flows, done, left, isCleared = {}, {}, {}, 0, true
for place, text in ipairs(texts) do
  local kind, id, rest = string.match(text or '', '^%d+ (%a) (%S+) ?(%S*)$')
  local isOld = removed + place <= sent
  if isOld or isNew then
    done[#done + 1] = names[place]
  end
  if kind and (isOld or isNew) then
    isCleared = isCleared and not isOld
    ids[#ids + 1] = kind == 'e' and not isOld and id or nil
    left = left + (kind == 'e' and not isOld and 1 or 0)
    if lost == 1 and not isOld and kind == 'e' then
      addMarked(id, 'm' .. policyOf(rest))
    elseif lost == 1 and not isOld and kind == 'n' then
      local name = flowOf(id)
      local flow = readFlow(redis.call('HGET', stateKey, '%' .. name) or nil)
      if flow and flow.home == part and not isFlow(flow, 'g') and not flows[name] then
        flow.letters, flows[name] = flow.letters .. 'g', true
        commit[#commit + 1], commit[#commit + 2] = '%' .. name, flowText(flow)
        addMarked('%' .. name, 'f')
      end
    end
  end
end

-- 2. Remove the envelopes. The receiver has them now, so this call can be repeated without harm if it is aborted here.
if #ids > 0 then
  redis.call('HDEL', tasksKey, unpack(ids))
end

-- 3. Commit: one HSET.
if isNew then
  totals.leaving, totals.made = totals.leaving - left, totals.made - left
  if ends then
    totals.noted = totals.noted + 1
    commit[#commit + 1], commit[#commit + 2] = string.format('&%.0f', totals.noted), table.concat(ends, ',')
  end
  if upTo == written then
    local kept = {}
    for name in string.gmatch(out, '%S+') do
      kept[#kept + 1] = name ~= part and name or nil
    end
    out = table.concat(kept, ' ')
  end
  -- The last of these numbers says up to which message all were removed. If this call is aborted before it has removed
  -- them, the number stays lower, and the next call removes them.
  redis.call('HSET', stateKey, header, string.format('%.0f %.0f %s %.0f', written, upTo, newest, isCleared and sent or removed),
    '#flows', totalsText(totals), '#out', out, unpack(commit))
end

-- 4. Remove the messages.
if #done > 0 then
  redis.call('HDEL', stateKey, unpack(done))
end
return { out ~= '' and 1 or 0, totals.taken < totals.noted and 1 or 0 }
