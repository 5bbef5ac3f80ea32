-- Forgets the durable steps of tasks (lib/steps.lua) by removing their heads. The up to 2,000 other fields of a task
-- are removed later by free_steps.lua, which finds them by the entries of `steps:removed`. The entries are written
-- before the heads are removed. So after an abort they may be written twice, which does no harm.
local function forgetSteps(ids)
  local entries, gone = {}, {}
  for i, head in ipairs(redis.call('HMGET', stepsKey, unpack(ids))) do
    if head then
      local numbers = {}
      for number in string.gmatch(head, '\n(%d+)') do
        numbers[#numbers + 1] = number
      end
      gone[#gone + 1] = ids[i]
      local serial = string.match(head, '^%d+ %d+') -- a head without it has no other fields
      entries[#entries + 1] = serial and serial .. ' ' .. table.concat(numbers, ',')
    end
  end
  if #entries > 0 then
    redis.call('RPUSH', stepsRemovedKey, unpack(entries))
  end
  if #gone > 0 then
    redis.call('HDEL', stepsKey, unpack(gone))
  end
end
