-- Messages of this part, a queue or a partition, to other parts (docs/adr/0042-flows-over-queues.md). A script writes
-- them in the commit of what they tell. A process delivers them later, in their order: it reads them with flow_outbox,
-- gives them to flow_receive of the other part, and removes them with flow_sent.
--
--   #out              the parts for which messages wait
--   ^<part>           written sent stamp removed: the numbers of the last message for that part and of the last one that
--                     was taken there, the stamp of the last message, and up to which number nothing is left of them
--   ^<part> <number>  a message: its stamp, a letter, and one of
--     e <id> <flags>  enqueue this node. `tasks` has its envelope until the message was taken
--     x <flow>        the flow was cancelled       f <flow>  the flow is forgotten
--     q <id> <flags>  how has this node ended? Nodes of a cancelled flow are asked for, because a failover may have lost
--                     them, or the message of their end
--     n <id> <mark>   a node of a flow of that part has ended so (lib/flows.lua)
--   ^<part> from      the stamp of the last message that this part has taken from that one
--   %<flow>>          the parts that have nodes of the flow
--
-- Stamps grow, also after this part was deleted and made again, because they begin with the time. So the other part
-- knows a message that it has taken.

-- messages: by part. partsWith: by flow, the parts that get nodes in this call.
local messages, partsWith = {}, {}

local function send(part, text)
  messages[part] = messages[part] or {}
  local texts = messages[part]
  texts[#texts + 1] = text
end

-- Plans that another part enqueues a node. Returns the record that stays here.
local function sendNode(flow, part, id, c)
  send(part, 'e ' .. id .. ' ' .. c.flags)
  partsWith[flow] = partsWith[flow] or {}
  partsWith[flow][part] = true
  return string.format('o%s %s -', countsText(c), part)
end

-- Adds the messages of this call to the commit. out: the field #out. Returns that field as it is now.
local function writeMessages(commit, out)
  local size = #commit
  local function set(field, value)
    commit[size + 1], commit[size + 2], size = field, value, size + 2
  end
  local function withName(names, name)
    local isThere = string.find(' ' .. names .. ' ', ' ' .. name .. ' ', 1, true)
    return isThere and names or names == '' and name or names .. ' ' .. name
  end
  local before = out
  for part, texts in pairs(messages) do
    local written, sent, stamp, removed = string.match(redis.call('HGET', stateKey, '^' .. part) or '0 0 0 0',
      '^(%d+) (%d+) (%d+) (%d+)$')
    stamp = math.max(tonumber(stamp), now * 1000)
    for place, text in ipairs(texts) do
      set(string.format('^%s %.0f', part, written + place), string.format('%.0f %s', stamp + place, text))
    end
    set('^' .. part, string.format('%.0f %s %.0f %s', written + #texts, sent, stamp + #texts, removed))
    out = withName(out, part)
  end
  for flow, parts in pairs(partsWith) do
    local field = '%' .. flow .. '>'
    local names = redis.call('HGET', stateKey, field) or ''
    for part in pairs(parts) do
      names = withName(names, part)
    end
    set(field, names)
  end
  if out ~= before then
    set('#out', out)
  end
  return out
end
