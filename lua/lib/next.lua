-- With keepLatest, the next task of a unique key waits until the running task of that key ends. Meanwhile the next task
-- is scheduled far ahead, and the field `~<id of the running task>` of `state` has its id and that time.

-- Called after the commit that ended these tasks: the tasks that waited for them become due. A task does not change if
-- it is no longer in `scheduled`, or if it is scheduled for another time because its id was used again.
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
