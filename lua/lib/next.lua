-- keepLatest: while a task runs, the next task of its unique key is scheduled far ahead, and the field `~<taskId>` of `state` names it with
-- that time.

-- After the commit that ended these tasks: makes the tasks due that waited for their ends. A task that does not wait any more stays as it
-- is, also if its id began another life that is scheduled for another time.
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
