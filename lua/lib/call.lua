-- The time and the request id of a call.

-- The only clock of a script is the TIME of Redis, read once. Tests pass another time in `clockMs`; 0 means Redis time.
local now = clockMs
if now == 0 then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local nowText = string.format('%d', now)

-- Answers repeated calls. Each call has a request slot of its client and a sequence that grows. The slot keeps the last
-- sequence and its reply. A call with the same sequence is a repeat and gets the stored reply; a call with a lower one
-- is refused. Replies do not expire by time, because a late repeat would then run again.
local function previousReply(raw)
  if not raw then
    return nil
  end
  local last, asked = tonumber(string.match(raw, '^%d+')), tonumber(sequence)
  if last == asked then
    return string.match(raw, '\n(.*)$')
  end
  if last > asked then
    return nil, redis.error_reply('HOLDFAST_OLD_REQUEST a newer request of this slot was already answered')
  end
  return nil
end

local function keptReply(sequence, body)
  return sequence .. ' ' .. nowText .. '\n' .. body
end

-- Adds the slot to an index, in which the janitor finds the replies of clients that are gone.
local function indexRequest(raw, hash, ofSlot)
  if not raw then
    redis.call('ZADD', requestsKey, now, hash .. ofSlot)
  end
end

-- Returns the reply of a settle or acquire as it is stored for a repeat. `first`: the number of the first grant, as
-- text. `idsText`: the granted ids, separated by spaces.
local function roundTripReply(verdicts, first, flags, idsText)
  return verdicts .. ' ' .. first .. ' ' .. flags .. ' ' .. idsText
end
