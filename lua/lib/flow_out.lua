-- Messages between the parts (queues or partitions) that have nodes of a flow (docs/adr/0042-flows-over-queues.md). A
-- script writes a message in the same commit as the change that it reports. Later a process delivers the messages in
-- order: it reads them with flow_outbox, hands them to flow_receive of the other part, and removes them with flow_sent.
-- Example: the node a of the flow f1 has completed here, and f1 belongs to `orders/2`. Then the field `^orders/2 7` may
-- have the value `<stamp> n f1.a cf`.
--   #out              the parts for which messages wait
--   ^<part>           written sent stamp removed: the number of the last message for that part; the number of the last
--                     message that was taken there; the stamp of the last message; all messages up to the number
--                     `removed` were removed here
--   ^<part> <number>  a message: its stamp, a letter, and one of
--     e <id> <flags>  enqueue this node. `tasks` has its envelope until the message was taken
--     x <flow>        the flow was cancelled       f <flow>  the flow is forgotten
--     q <id> <flags>  the question how this node has ended. It is asked for the nodes of a cancelled flow, because a
--                     failover may have lost them, or the message of their end
--     n <id> <mark>   a node ended here whose flow was made in that part; `mark` says how (lib/flows.lua)
--   ^<part> from      the stamp of the last message that this part has taken from that one
--   %<flow>>          the parts that have nodes of the flow
--
-- A stamp begins with the time, so it grows even if this part was deleted and made again. The other part keeps the last
-- stamp, so it recognises a message that it has taken before.

-- messages: those of this call, by receiver. partsWith: by flow, the parts that get nodes in this call.
local messages, partsWith = {}, {}

local function send(part, text)
  messages[part] = messages[part] or {}
  local texts = messages[part]
  texts[#texts + 1] = text
end

-- Adds the message with which another part enqueues a node. Returns the record of the node in this part.
local function sendNode(flow, part, id, c)
  send(part, 'e ' .. id .. ' ' .. c.flags)
  partsWith[flow] = partsWith[flow] or {}
  partsWith[flow][part] = true
  return string.format('o%s %s -', countsText(c), part)
end

-- Adds the messages to the fields that the script commits. Returns the new value of the field `#out`; out: the old one.
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
