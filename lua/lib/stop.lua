-- Asks a worker to stop a running task. Returns the record with the cancel flag, which the caller writes.
local function askToStop(id, record)
  local c = parseCounts(record)
  setFlag(c, FLAG_CANCEL)
  -- If the message is lost, the worker learns of the cancel from its next heartbeat.
  local fence, _, _, _, worker = parseLease(record)
  redis.call('SPUBLISH', wakeKey .. ':' .. worker, 'cancel ' .. fence .. ' ' .. id)
  return (string.gsub(record, '^l[^%s@]+', 'l' .. countsText(c), 1))
end
