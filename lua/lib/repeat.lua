-- Answers a repeated call. `again`: the ids that the first call granted. A task that still has the lease of the first
-- call gets its envelope, and any other task gets ''.
local function grantsAgain(first, again)
  local envelopes, counts = {}, {}
  local granted = fenceOf(first, nonce)
  local ids = {}
  for id in string.gmatch(again, '%S+') do
    ids[#ids + 1] = id
  end
  if #ids == 0 then
    return '', envelopes
  end
  local records = redis.call('HMGET', stateKey, unpack(ids))
  local kept = redis.call('HMGET', tasksKey, unpack(ids))
  for i = 1, #ids do
    local record = records[i]
    local fence = record and parseLease(record)
    envelopes[i] = ''
    if fence == granted then
      envelopes[i] = kept[i]
      local text = string.match(record, '^l([^%s@]+)')
      if text ~= '1' then
        counts[i] = text .. previousSpan(record)
      end
    end
  end
  return countsReply(counts), envelopes
end
