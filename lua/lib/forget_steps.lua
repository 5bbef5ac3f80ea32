-- Forgets the steps of tasks (lib/steps.lua). Their heads are removed here. The other fields, up to 2,000 for each task,
-- are removed later, a part in each call of transitions/free_steps.lua. The entries are written first: if the script
-- aborts in between, a later call forgets the same steps again, which does no harm.
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
