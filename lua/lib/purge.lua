-- Takes records out of the queue for good. `plan` collects while reading; the records turn to "r" in the commit of the
-- calling script, and only then are they removed, so that an abort leaves an entry to drop, never a wrong count.
-- `belongs(record)` says whether the entry stands for this record: another one may have the id by now.
local function planPurge(ids, records, settings, belongs)
  local plan = { commit = {}, counted = 0, removed = {}, remembered = {}, forgotten = {} }
  local seen = {}
  for i, id in ipairs(ids) do
    local record = records[i]
    if seen[id] then
      -- An abort may leave an id in an index twice: it is one task.
    elseif record and string.byte(record) == 114 then -- r: counted before an abort
      plan.removed[#plan.removed + 1] = id
      if record == 'r' then
        plan.forgotten[#plan.forgotten + 1] = id
      end
    elseif belongs(record, i) then
      plan.counted = plan.counted + 1
      plan.removed[#plan.removed + 1] = id
      local fingerprint, endedAt
      -- What was never granted has no flags yet: only its envelope tells.
      if not record or string.find(record, '^[ps]') or (not isShort(record) and hasFlag(parseCounts(record), 'h')) then
        local envelope = redis.call('HGET', tasksKey, id)
        fingerprint = envelope and option(envelope, 'h')
        endedAt = endedAtOf(record) or nowText
      end
      plan.commit[#plan.commit + 1] = id
      if fingerprint and tonumber(endedAt) + settings.idempotencyMs > now then
        plan.commit[#plan.commit + 1] = 'r ' .. endedAt .. ' ' .. fingerprint .. ' -'
        plan.remembered[#plan.remembered + 1] = id
      else
        plan.commit[#plan.commit + 1] = 'r'
        plan.forgotten[#plan.forgotten + 1] = id
      end
    end
    seen[id] = true
  end
  return plan
end

-- Before the commit: the list by which remembered ids are forgotten later.
local function rememberPurged(plan)
  if #plan.remembered > 0 then
    redis.call('LPUSH', rememberedKey, unpack(plan.remembered))
  end
end

-- After the commit, and before the index entries go: an abort in between leaves an entry by which the rest is found.
local function removePurged(plan)
  if #plan.removed > 0 then
    redis.call('HDEL', tasksKey, unpack(plan.removed))
    redis.call('HDEL', resultsKey, unpack(plan.removed))
    redis.call('HDEL', progressKey, unpack(plan.removed))
  end
  if #plan.forgotten > 0 then
    redis.call('HDEL', stateKey, unpack(plan.forgotten))
  end
end
