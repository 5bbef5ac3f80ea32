-- Asks the worker of a running task to stop it. Returns the record that says so, which the caller writes.
local function askToStop(id, record)
  local c = parseCounts(record)
  setFlag(c, FLAG_CANCEL)
  -- A hint: a worker that does not receive it learns of the cancel from its next heartbeat.
  local fence, _, _, _, worker = parseLease(record)
  redis.call('SPUBLISH', wakeKey .. ':' .. worker, 'cancel ' .. fence .. ' ' .. id)
  return (string.gsub(record, '^l[^%s@]+', 'l' .. countsText(c), 1))
end
