-- With keepLatest, the next task of a unique key waits until the running task of that key ends. Meanwhile the next task
-- is scheduled far ahead, and the field `~<id of the running task>` of `state` has its id.

-- Called after the commit that ended these tasks: the tasks that waited for them become due. If such a task is no
-- longer in `scheduled`, it does not change.
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
