-- A request id is a slot of one client instance and a sequence that grows in it. The record of a slot holds its last
-- sequence and reply, and is overwritten in place: the same sequence is answered again, a lower one is refused for ever
-- (a record with a time to live would run a late duplicate).
local function previousReply(raw)
  if not raw then
    return nil
  end
  local last = tonumber(string.match(raw, '^%d+'))
  if last == sequence then
    return string.match(raw, '\n(.*)$')
  end
  if last > sequence then
    return nil, redis.error_reply('HOLDFAST_OLD_REQUEST a newer request of this slot was answered already')
  end
  return nil
end

local function requestRecord(sequence, body)
  return string.format('%d %s\n%s', sequence, nowText, body)
end

-- The index by which the janitor finds the records of instances that are gone.
local function indexRequest(raw, hash, requestSlot)
  if not raw then
    redis.call('ZADD', requestsKey, now, hash .. requestSlot)
  end
end
