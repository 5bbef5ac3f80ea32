-- Removes what is stored for tasks. Called after the commit, like every function of this file that removes something.
-- The results of tasks in `nodes` are kept, because their flow still exists; `nodes` is nil if there are none.
local function removeBodies(ids, nodes)
  redis.call('HDEL', tasksKey, unpack(ids))
  -- Most queues have no results, progress or steps. One EXISTS is cheaper than removing fields that are not there.
  local own = ids
  if nodes then
    own = {}
    for _, id in ipairs(ids) do
      own[#own + 1] = not nodes[id] and id or nil
    end
  end
  if #own > 0 and redis.call('EXISTS', resultsKey) == 1 then
    redis.call('HDEL', resultsKey, unpack(own))
  end
  if redis.call('EXISTS', progressKey, stepsKey) > 0 then
-- include lib/forget_steps.lua
    redis.call('HDEL', progressKey, unpack(ids))
    forgetSteps(ids)
  end
end

local function removeAtOnce(ids)
  removeBodies(ids)
  redis.call('HDEL', stateKey, '#purging', unpack(ids))
end

-- Finishes an aborted purge. Its tasks are counted as purged, so no script may read them again.
local function finishPurge(purging)
  local ids = {}
  for id in string.gmatch(purging or '', '%S+') do
    ids[#ids + 1] = id
  end
  if #ids > 0 then
    removeAtOnce(ids)
  end
end

-- Plans the removal of tasks. The commit turns their records into "r", and the records are removed after the commit. So
-- an abort in between leaves an index entry for the next purge, but never a wrong count. `belongs(record, place,
-- letter)`: whether the index entry is that of this record, because the id may have been used again. `nodes`: ids of
-- nodes whose flows exist; nil if there are none. The calling script stores the ends of nodes (lib/note_ends.lua).
local function newPurge(commit)
  return { commit = commit or {}, counted = 0, headers = 0, removed = {}, remembered = {}, forgotten = {}, atOnce = {} }
end

local function planPurge(ids, records, settings, belongs, commit)
  local plan = newPurge(commit)
  local seen, size, byte = {}, #plan.commit, string.byte
  local counted, removed, forgotten, gone = 0, 0, 0, plan.removed
  for i = 1, #ids do
    local id, record = ids[i], records[i]
    local letter, _, third
    if record then
      letter, _, third = byte(record, 1, 3)
    end
    if seen[id] then
      -- After an abort an index may have an id twice. It counts once.
    elseif letter == RECORD_PURGED then -- an aborted call has already counted it
      removed = removed + 1
      gone[removed] = id
      if record == 'r' then
        forgotten = forgotten + 1
        plan.forgotten[forgotten] = id
      elseif string.find(record, '^r %S+ %S+ %S+ %- ') then
        plan.nodes = plan.nodes or {}
        plan.nodes[id] = true
      end
    elseif belongs(record, i, letter) then
      counted, removed = counted + 1, removed + 1
      gone[removed] = id
      local fingerprint, endedAt, node
      local header = letter == RECORD_COMPLETED and headerIn(record)
      if header then
        plan.headers = plan.headers + 1
      end
      -- A task that was never granted has no flags. Whether a caller gave its id is then only in its envelope.
      if third ~= string.byte(' ') or letter == RECORD_PENDING or letter == RECORD_SCHEDULED then
        local c = record and parseCounts(record)
        if c and hasFlag(c, FLAG_NODE) then
          if not plan.keptOfNode then
-- include lib/ends.lua
-- include lib/kept_node.lua
            plan.keptOfNode = keptOfNode
          end
          node = plan.keptOfNode(plan, id, record, letter, c)
        end
        if not record or letter == RECORD_PENDING or letter == RECORD_SCHEDULED or hasFlag(c, FLAG_GIVEN) then
          local envelope = not header and redis.call('HGET', tasksKey, id)
          fingerprint = optionOf(header or envelope and headerOf(envelope), 'h')
          endedAt = endedAtOf(record) or nowText
        end
      end
      local kept = node or 'r'
      if node then
        -- The record of a node is kept until its flow is forgotten.
      elseif fingerprint and tonumber(endedAt) + settings.idempotencyMs > now then
        -- For a task that did not complete, the letter of its end is kept: another enqueue may use its id.
        kept = 'r ' .. endedAt .. ' ' .. fingerprint .. ' -' .. (letter == RECORD_COMPLETED and '' or ' ' .. string.char(letter or RECORD_PENDING))
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

-- Adds the ids of kept records to `remembered`, for a later purge to forget. Called before the commit.
local function rememberPurged(plan)
  if #plan.remembered > 0 then
    redis.call('LPUSH', rememberedKey, unpack(plan.remembered))
  end
end

-- Removes the planned tasks. Called after the commit and before the index entries are removed. So if the script aborts,
-- an index entry is left, with which a later purge finds the rest.
local function removePurged(plan)
  if #plan.removed > 0 then
    removeBodies(plan.removed, plan.nodes)
  end
  if #plan.forgotten > 0 then
    redis.call('HDEL', stateKey, unpack(plan.forgotten))
  end
  if #plan.atOnce > 0 then
    removeAtOnce(plan.atOnce)
  end
end

-- Plans the purge of completed tasks. Most have ids of the library and completed at the first attempt. Nothing about
-- them has to be remembered, so they get no record "r". Instead the commit writes their ids into the field "#purging".
-- This field and their records are then removed together.
local function planPurgeCompleted(ids, settings, commit)
  local records = #ids > 0 and redis.call('HMGET', stateKey, unpack(ids)) or {}
  local atOnce, others, theirs, seen, last, header = {}, {}, {}, {}, nil, nil
  local headers = 0
  for i = 1, #ids do
    local id, record = ids[i], records[i]
    if not record or record ~= last then
      local letter, _, space = string.byte(record or '', 1, 3)
      last = letter == RECORD_COMPLETED and space == string.byte(' ') and record or nil
      header = headerIn(last)
    end
    if not last then
      others[#others + 1], theirs[#theirs + 1] = id, record
    elseif not seen[id] then -- an abort may have left it in the list twice
      atOnce[#atOnce + 1], seen[id] = id, true
      headers = headers + (header and 1 or 0)
    end
  end
  local plan = planPurge(others, theirs, settings, function(_, _, letter)
    return letter == RECORD_COMPLETED
  end, commit)
  if #atOnce > 0 then
    plan.atOnce, plan.counted, plan.headers = atOnce, plan.counted + #atOnce, plan.headers + headers
    commit[#commit + 1], commit[#commit + 2] = '#purging', table.concat(atOnce, ' ')
  end
  return plan
end
