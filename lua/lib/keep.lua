-- Tasks with the option `keep`: how long they are kept after their end. `kept` has, instead of the list `completed`, the completed tasks with
-- completedMs or count, by the time at which they are removed. `kept:types` has a line for each type, with those that have a count, the
-- oldest first: "<type> <endedAt> <id>". An entry of it is added after the commit and removed before it, so that a line is never too long.

-- The option of a header line: completedMs, deadMs and count, nil for each that it does not have.
local function keepOf(header)
  local completedMs, deadMs, count = string.match(optionOf(header, 'l') or '', '^(%d*),(%d*),(%d*)$')
  return tonumber(completedMs), tonumber(deadMs), tonumber(count)
end

-- Adds to `entries` when a dead letter is to be dropped (`kept:dead`), if its task says so.
local function noteDeadUntil(entries, id, envelope, diedAt)
  local _, deadMs = keepOf(headerOf(envelope or '.'))
  if deadMs then
    entries[#entries + 1], entries[#entries + 2] = string.format('%.0f', diedAt + deadMs), id
  end
end

local function lineMember(header, endedAt, id)
  return string.format('%s %015.0f %s', string.match(header, '^[+@]?(%S+)'), endedAt, id)
end

-- Sorts out the tasks that a settle completes. others: those that go to the list `completed`. entries: those that go to `kept`. members,
-- counts: those that join a line, and the length of each line; the task that ended last decides.
local function planKept(completed, keeping, retentionMs)
  local plan = { others = {}, entries = {}, members = {}, counts = {} }
  local isKept = {}
  for i, envelope in ipairs(redis.call('HMGET', tasksKey, unpack(keeping))) do
    local id, header = keeping[i], headerOf(envelope or '.')
    local completedMs, _, count = keepOf(header)
    if completedMs or count then
      isKept[id] = true
      plan.entries[#plan.entries + 1], plan.entries[#plan.entries + 2] = string.format('%.0f', now + (completedMs or retentionMs)), id
    end
    if count then
      plan.members[#plan.members + 1], plan.members[#plan.members + 2] = '0', lineMember(header, now, id)
      plan.counts[string.match(header, '^.(%S+)')] = count
    end
  end
  for _, id in ipairs(completed) do
    plan.others[#plan.others + 1] = not isKept[id] and id or nil
  end
  return plan
end

-- The entries of `kept:types` that these tasks of `kept` have.
local function linesOf(ids, records, envelopes)
  local members = {}
  for i, id in ipairs(ids) do
    local header = headerIn(records[i]) or envelopes[i] and headerOf(envelopes[i])
    local _, _, count = keepOf(header)
    local endedAt = count and endedAtOf(records[i])
    members[#members + 1] = endedAt and lineMember(header, tonumber(endedAt), id) or nil
  end
  return members
end
