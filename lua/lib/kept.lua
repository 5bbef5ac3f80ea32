-- Removes completed tasks that have the option `keep` (lib/keep.lua, lib/purge.lua).

-- A transition of its own: removes tasks of `kept` for good.
local function purgeKept(ids, counters, settings)
  local records = redis.call('HMGET', stateKey, unpack(ids))
  local members = linesOf(ids, records, redis.call('HMGET', tasksKey, unpack(ids)))
  local plan = planPurge(ids, records, settings, function(_, _, letter)
    return letter == RECORD_COMPLETED
  end)
  rememberPurged(plan)
  if #members > 0 then
    redis.call('ZREM', keptTypesKey, unpack(members))
  end
  add(counters, COMPLETED, -plan.counted)
  add(counters, PURGED, plan.counted)
  add(counters, HEADERS, -plan.headers)
  redis.call('HSET', stateKey, '#counters', packCounters(counters), unpack(plan.commit))
  removePurged(plan)
  redis.call('ZREM', keptKey, unpack(ids))
end

-- After the commit: adds the tasks to their lines, and removes the oldest ones of each line that is too long, at most `most`.
local function trimLines(plan, counters, settings, most)
  redis.call('ZADD', keptTypesKey, unpack(plan.members))
  local ids = {}
  for name, count in pairs(plan.counts) do
    local from, to = '[' .. name .. ' ', '(' .. name .. '!'
    local excess = math.min(redis.call('ZLEXCOUNT', keptTypesKey, from, to) - count, most - #ids)
    for _, member in ipairs(excess > 0 and redis.call('ZRANGEBYLEX', keptTypesKey, from, to, 'LIMIT', 0, excess) or {}) do
      ids[#ids + 1] = string.match(member, '%S+$')
    end
  end
  if #ids > 0 then
    purgeKept(ids, counters, settings)
  end
end
