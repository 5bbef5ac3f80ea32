-- Decides for each task of an enqueue whether it is accepted, and into which list it goes: a band (a pending list of
-- one priority), the list of its key, or the schedule. Included by enqueue.lua if tasks have options or an id from the
-- caller. The results are local variables of that script.

if checked >= 4 then
-- include lib/unique.lua
  local envelopes = {}
  for position = 1, count do
    envelopes[position] = ARGV[taskIdAt + 2 * position - 1]
  end
  checked, unique = checked - 4, newUnique(envelopes)
end
if checked == 0 and normal == count and unique.isFree then
  -- All tasks go into the normal band, and none of their unique keys is held by another task.
  local ids, given, at = bands.normal, ARGV, taskIdAt
  for position = 1, fitting do
    ids[position], at = given[at], at + 2
  end
  unique.takeAll(ids)
else
  due = {}
  if keyed > 0 or queue[5] then
-- include lib/limits.lua
    limits = newLimits(queue[5], settings)
    if limits.full or limits.maxWaiting then
-- include lib/stop.lua
-- include lib/ends.lua
-- include lib/policies.lua
      limits.admits, limits.supersede = admits, supersede
    end
  end
  -- A cache of key and band by the text of the options, which is the same for most tasks of a key.
  local known = {}
  -- Adds a task with a key to the plan. Returns false if the key accepts no more tasks.
  local function addKeyed(id, envelope)
    local text = string.match(envelope, '^%S+ %S+([^\n]*)')
    local terms = known[text]
    if not terms then
      local p = optionOf(text, 'p')
      terms = { key = optionOf(text, 'q'), code = p == 'h' and 1 or p == 'l' and 3 or 2 }
      known[text] = terms
    end
    local isAdmitted = not limits.admits or limits.admits(limits, terms.key)
    bands.keyed[#bands.keyed + 1] = isAdmitted and { key = terms.key, code = terms.code, id = id } or nil
    return isAdmitted
  end
  -- Accepts one task, or refuses it. `at` is the index of its envelope in ARGV. Returns the letter of the verdict.
  local function accept(position, id, envelope, at)
    if position <= high then
      bands.high[#bands.high + 1] = id
    elseif position <= high + normal then
      bands.normal[#bands.normal + 1] = id
    elseif position <= high + normal + low then
      bands.low[#bands.low + 1] = id
    elseif position <= high + normal + low + keyed then
      if not addKeyed(id, envelope) then
        return 'k'
      end
    else
      local time, hasKey = dueTime(envelope), option(envelope, 'q') ~= nil
      -- In a queue without limits, a due task with a key stays scheduled: the next promotion makes the list of its key.
      if time <= now and (limits or not hasKey) then
        if hasKey and not addKeyed(id, envelope) then
          return 'k'
        elseif not hasKey then
          local p = option(envelope, 'p')
          local band = bands[p == 'h' and 'high' or p == 'l' and 'low' or 'normal']
          band[#band + 1] = id
        end
        -- The task is pending at once, so the flag of its envelope must not say "scheduled".
        ARGV[at] = '+' .. string.sub(envelope, 2)
        isDueNow = true
        return 'p'
      end
      due[#due + 1] = string.format('%.0f', time)
      due[#due + 1] = id
      isKeyed = isKeyed or hasKey
    end
    return 'n'
  end

  if checked > 0 or unique then
-- include lib/known_ids.lua
    local ids = {}
    for at = taskIdAt, #ARGV, 2 do
      ids[#ids + 1] = ARGV[at]
    end
    local envelopes, records = none, none
    if checked > 0 then
      envelopes, records = redis.call('HMGET', tasksKey, unpack(ids)), redis.call('HMGET', stateKey, unpack(ids))
    end
    local new, letters, known = {}, {}, {}
    accepted, leftover = {}, {}
    for position, id in ipairs(ids) do
      local at = taskIdAt + 2 * position - 1
      local envelope = ARGV[at]
      local record = not new[id] and records[position] or nil -- the id came twice in this call
      local verdict, state = 'n', nil
      if checked > 0 then
        verdict, state = standing(new[id] or envelopes[position] or envelopeIn(record), record, envelope, checked == 1)
      end
      if verdict == 'n' and unique then
        verdict, state = unique.conflict(position, id, true)
        verdict = verdict or 'n'
      end
      if (verdict == 'n' or verdict == 'a') and room < 1 then
        verdict = 'f'
      end
      if verdict == 'a' then
        ARGV[at] = unique.follow(position, id, envelope)
        due[#due + 1], due[#due + 2] = string.format('%.0f', dueTime(ARGV[at])), id
        isKeyed = isKeyed or option(envelope, 'q') ~= nil
      end
      verdict = verdict == 'n' and accept(position, id, envelope, at) or verdict
      letters[position] = verdict
      if string.find(verdict, '[npa]') then
        room = room - 1
        if unique and verdict ~= 'a' then
          unique.take(position, id, string.byte(ARGV[at]) == ENVELOPE_SCHEDULED and 's' or 'p')
        end
        new[id] = envelope
        if record then
          leftover[#leftover + 1] = id
        end
        accepted[#accepted + 1] = id
        accepted[#accepted + 1] = ARGV[at]
      elseif string.find(verdict, '[dcouw]') then
        known[#known + 1] = state
        deduplicated = deduplicated + ((verdict == 'd' or verdict == 'o') and 1 or 0)
      end
    end
    verdicts, states = table.concat(letters), table.concat(known)
    owners = unique and #unique.owners > 0 and table.concat(unique.owners, ' ') or nil
  else
    local letters = {}
    accepted = limits and limits.admits and {} or none
    for position = 1, fitting do
      local at = taskIdAt + 2 * position - 1
      letters[position] = accept(position, ARGV[at - 1], ARGV[at], at)
      if accepted ~= none and letters[position] ~= 'k' then
        accepted[#accepted + 1], accepted[#accepted + 2] = ARGV[at - 1], ARGV[at]
      end
    end
    verdicts = table.concat(letters) .. string.rep('f', count - fitting)
  end
end
