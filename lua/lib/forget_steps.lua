-- Forgets the steps of tasks (lib/steps.lua). This removes the heads only. A task may have 2,000 other fields, so
-- free_steps.lua removes these later, some in each call, and finds them by the entries of `steps:removed`. The entries
-- are written before the heads are removed. If the script aborts in between, a later call writes the same entries
-- again, which does no harm.
local function forgetSteps(ids)
  local entries, gone = {}, {}
  for i, head in ipairs(redis.call('HMGET', stepsKey, unpack(ids))) do
    if head then
      local numbers = {}
      for number in string.gmatch(head, '\n(%d+)') do
        numbers[#numbers + 1] = number
      end
      gone[#gone + 1] = ids[i]
      entries[#entries + 1] = string.match(head, '^%d+ %d+') .. ' ' .. table.concat(numbers, ',')
    end
  end
  if #gone > 0 then
    redis.call('RPUSH', stepsRemovedKey, unpack(entries))
    redis.call('HDEL', stepsKey, unpack(gone))
  end
end
