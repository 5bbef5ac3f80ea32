-- A repeated call gets the envelopes of the tasks whose fence is still the one that it was given, '' for the others.
local function grantsAgain(first, flags, again)
  local envelopes, counts = {}, {}
  local shared = flags % (2 * SHARED_FLAG) >= SHARED_FLAG -- Lua 5.1 has no bits
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
    if fence == string.format('%d-%s', shared and first or first + i - 1, nonce) then
      envelopes[i] = kept[i]
      local text = string.match(record, '^l(%S+)')
      if text ~= '1' then
        counts[i] = text .. previousSpan(record)
      end
    end
  end
  return countsReply(counts), envelopes
end
