-- A request id is a request slot of one client instance and a sequence number that grows. A slot keeps its last
-- sequence and reply, and each new reply overwrites the old one. A call with the same sequence is a repeat and gets the
-- kept reply. A call with a lower sequence is always refused. (If the reply had a time to live, a late duplicate would
-- run.)
local function previousReply(raw)
  if not raw then
    return nil
  end
  local last = tonumber(string.match(raw, '^%d+'))
  if last == sequence then
    return string.match(raw, '\n(.*)$')
  end
  if last > sequence then
    return nil, redis.error_reply('HOLDFAST_OLD_REQUEST a newer request of this slot was already answered')
  end
  return nil
end

local function keptReply(sequence, body)
  return string.format('%d %s\n%s', sequence, nowText, body)
end

-- The janitor uses this index to find the replies of client instances that are gone.
local function indexRequest(raw, hash, ofSlot)
  if not raw then
    redis.call('ZADD', requestsKey, now, hash .. ofSlot)
  end
end


-- Returns the reply of a round trip (settle, acquire, or both) as it is kept for a repeat. `first` is the number of the
-- first grant, as text. `idsText` has the granted ids, separated by spaces.
local function roundTripReply(verdicts, first, flags, idsText)
  return verdicts .. ' ' .. first .. string.format(' %d ', flags) .. idsText
end
