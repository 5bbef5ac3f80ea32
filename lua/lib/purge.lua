-- Takes records out of the queue for good. `plan` collects while reading; the records turn to "r" in the commit of the
-- calling script, and only then are they removed, so that an abort leaves an entry to drop, never a wrong count.
-- `belongs(record, place, letter)` says whether the entry stands for this record: another one may have the id by now.
local function newPurge(commit)
  return { commit = commit or {}, counted = 0, bare = 0, removed = {}, remembered = {}, forgotten = {} }
end

local function planPurge(ids, records, settings, belongs, commit)
  local plan = newPurge(commit)
  local seen, size, byte = {}, #plan.commit, string.byte
  local counted, removed, forgotten, gone = 0, 0, 0, plan.removed
  for i = 1, #ids do
    local id, record = ids[i], records[i]
    local letter, second, third
    if record then
      letter, second, third = byte(record, 1, 3)
    end
    if seen[id] then
      -- An abort may leave an id in an index twice: it is one task.
    elseif letter == 114 then -- r: counted before an abort
      removed = removed + 1
      gone[removed] = id
      if record == 'r' then
        forgotten = forgotten + 1
        plan.forgotten[forgotten] = id
      end
    elseif belongs(record, i, letter) then
      counted, removed = counted + 1, removed + 1
      gone[removed] = id
      local fingerprint, endedAt
      -- What was never granted has no flags yet: only its envelope tells.
      if third ~= 32 or letter == 112 or letter == 115 then -- p, s
        if letter == 99 and second == 48 then -- c0
          plan.bare = plan.bare + 1
        elseif not record or letter == 112 or letter == 115 or hasFlag(parseCounts(record), 'h') then
          local envelope = redis.call('HGET', tasksKey, id)
          fingerprint = envelope and option(envelope, 'h')
          endedAt = endedAtOf(record) or nowText
        end
      end
      local kept = 'r'
      if fingerprint and tonumber(endedAt) + settings.idempotencyMs > now then
        kept = 'r ' .. endedAt .. ' ' .. fingerprint .. ' -'
        plan.remembered[#plan.remembered + 1] = id
      else
        forgotten = forgotten + 1
        plan.forgotten[forgotten] = id
      end
      plan.commit[size + 1], plan.commit[size + 2] = id, kept
      size = size + 2
    end
    seen[id] = true
  end
  plan.counted = counted
  return plan
end

-- Counts bare records that come or go, in the commit that writes them.
local function countBare(commit, by)
  local size = #commit
  local counted = tonumber(redis.call('HGET', stateKey, '#bare') or 0)
  commit[size + 1], commit[size + 2] = '#bare', string.format('%d', math.max(0, counted + by))
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
    -- Most queues have neither: one look is cheaper than a field per task.
    for _, key in ipairs({ resultsKey, progressKey }) do
      if redis.call('EXISTS', key) == 1 then
        redis.call('HDEL', key, unpack(plan.removed))
      end
    end
  end
  if #plan.forgotten > 0 then
    redis.call('HDEL', stateKey, unpack(plan.forgotten))
  end
end
