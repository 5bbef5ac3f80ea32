-- A repeated call gets the tasks whose fence is still the one that it was given; of the others the id alone. The flag for a
-- shared fence is the greatest, so a comparison finds it: Lua 5.1 has no bits.
local function grantsAgain(first, flags, again)
  local reply, counts = {}, {}
  local ids = {}
  for id in string.gmatch(again, '%S+') do
    ids[#ids + 1] = id
  end
  if #ids == 0 then
    return '', reply
  end
  local records = redis.call('HMGET', stateKey, unpack(ids))
  local envelopes = redis.call('HMGET', tasksKey, unpack(ids))
  for i, id in ipairs(ids) do
    local record = records[i]
    local fence = record and parseLease(record)
    reply[2 * i - 1], reply[2 * i] = id, ''
    if fence == string.format('%d-%s', flags >= SHARED_FLAG and first or first + i - 1, nonce) then
      reply[2 * i] = envelopes[i]
      local text = string.match(record, '^l(%S+)')
      if text ~= '1' then
        counts[i] = text .. previousSpan(record)
      end
    end
  end
  return countsReply(counts), reply
end
