#!lua flags=allow-oom
-- free_steps: remove the steps of tasks that no longer exist. lib/forget_steps.lua says which these are.
-- KEYS[1] steps  HASH  durable steps (lib/steps.lua)
-- KEYS[2] steps:removed  LIST  steps to remove: serial, places, and the numbers of the signals
-- ARGV[1] limit  integer  about how many places to remove, 1 to 2,000; a task has at most 1,000
-- RETURNS {tasks whose steps were removed, tasks whose steps are left}
-- TIME    O(n), n = limit
-- MOVES   nothing

local freed, places = 0, 0
while places < limit do
  local entry = redis.call('LINDEX', stepsRemovedKey, 0)
  if not entry then
    break
  end
  local serial, count, numbers = string.match(entry, '^(%d+) (%d+) (.*)$')
  local fields = { serial .. '/1' }
  for place = 1, tonumber(count) do
    fields[2 * place] = serial .. '/' .. place .. '/'
    fields[2 * place + 1] = serial .. '/' .. place + 1
  end
  for number in string.gmatch(numbers, '%d+') do
    fields[#fields + 1] = serial .. '!' .. number
  end
  redis.call('HDEL', stepsKey, unpack(fields))
  redis.call('LPOP', stepsRemovedKey)
  freed, places = freed + 1, places + 1 + tonumber(count)
end
return { freed, redis.call('LLEN', stepsRemovedKey) }
