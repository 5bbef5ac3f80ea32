-- keepLatest: while a task runs, the next task of its unique key is scheduled far ahead, and the field `~<taskId>` of `state` names it.

-- After the commit that ended these tasks: makes the tasks due that waited for their ends. A task that does not wait any more stays as it
-- is.
local function releaseNext(ids)
  local fields = {}
  for place, id in ipairs(ids) do
    fields[place] = '~' .. id
  end
  for _, id in ipairs(redis.call('HMGET', stateKey, unpack(fields))) do
    if id then
      redis.call('ZADD', scheduledKey, 'XX', nowText, id)
    end
  end
  redis.call('HDEL', stateKey, unpack(fields))
end
