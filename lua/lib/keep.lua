-- Tasks with the option `keep`, which sets how long they are kept after their end, are in these sorted sets:
--
--   kept         the completed tasks with completedMs or count, by the time at which they are removed. They are not in
--                the list `completed`
--   kept:types   the same tasks, if they have a count: a line for each type, the oldest task first. A member is
--                "<type> <endedAt> <id>". It is added after the commit and removed before it, so that no member is
--                left without its task
--   kept:dead    the dead letters with deadMs, by the time at which they are dropped

-- Parses the option of a task. Returns completedMs, deadMs and count; nil for each that is not set.
local function keepOf(header)
  local completedMs, deadMs, count = string.match(optionOf(header, 'l') or '', '^(%d*),(%d*),(%d*)$')
  return tonumber(completedMs), tonumber(deadMs), tonumber(count)
end

-- Adds the entry for `kept:dead` to `entries` if the task has deadMs.
local function noteDeadUntil(entries, id, envelope, diedAt)
  local _, deadMs = keepOf(headerOf(envelope or '.'))
  if deadMs then
    entries[#entries + 1], entries[#entries + 2] = string.format('%.0f', diedAt + deadMs), id
  end
end
