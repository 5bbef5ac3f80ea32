-- Unique keys with keepLatest: the newest task of a key waits until the running task of that key has ended. Until then
-- it is scheduled far ahead, and the field `~<id of the running task>` of `state` has its id and that time.

-- If a task waits for the end of one of these ended tasks, makes it due. Called after the commit. A task is left alone
-- if it is not in `scheduled` any more, or if it has another time, because its id was used again.
local function releaseNext(ids)
  local fields = {}
  for place, id in ipairs(ids) do
    fields[place] = '~' .. id
  end
  for _, note in ipairs(redis.call('HMGET', stateKey, unpack(fields))) do
    local id, due = string.match(note or '', '^(%S+) (%d+)$')
    local score = id and redis.call('ZSCORE', scheduledKey, id)
    if score and math.floor(tonumber(score)) == tonumber(due) then
      redis.call('ZADD', scheduledKey, 'XX', nowText, id)
    end
  end
  redis.call('HDEL', stateKey, unpack(fields))
end
