#!lua flags=no-writes
-- steps: the durable steps of a task, without their long texts.
-- KEYS[1] steps  HASH  durable steps (lib/steps.lua)
-- ARGV[1] taskId  string
-- ARGV[2] last  integer  at most this many steps, the last ones, 1 to 1,000
-- RETURNS the head of the steps, "" if there are none; then each step from the first to the last, "" for an empty place
-- TIME    O(n), n = last
-- MOVES   nothing

-- include lib/steps.lua

local head = longHead(redis.call('HGET', stepsKey, taskId))
if not head then
  return { '' }
end
local serial, places = string.match(head, '^(%d+) (%d+)')
local fields = {}
for place = math.max(1, tonumber(places) - last + 1), tonumber(places) do
  fields[#fields + 1] = serial .. '/' .. place
end
local reply = { head }
if #fields > 0 then
  for i, step in ipairs(redis.call('HMGET', stepsKey, unpack(fields))) do
    reply[i + 1] = step or ''
  end
end
return reply
