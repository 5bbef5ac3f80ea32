-- Tasks with the option `keep`, which says how long they are kept after their end:
--
--   kept         the completed tasks with completedMs or count, by the time at which they are removed. They are not in
--                the list `completed`
--   kept:types   the same tasks, if they have a count: a line for each type, the oldest task first. A member is
--                "<type> <endedAt> <id>". It is added after the commit and removed before it, so a line is never too long
--   kept:dead    the dead letters with deadMs, by the time at which they are dropped

-- Reads the option from a header line. Returns completedMs, deadMs and count; nil for each one that it does not have.
local function keepOf(header)
  local completedMs, deadMs, count = string.match(optionOf(header, 'l') or '', '^(%d*),(%d*),(%d*)$')
  return tonumber(completedMs), tonumber(deadMs), tonumber(count)
end

-- If the task has deadMs, adds the entry for `kept:dead` to `entries`.
local function noteDeadUntil(entries, id, envelope, diedAt)
  local _, deadMs = keepOf(headerOf(envelope or '.'))
  if deadMs then
    entries[#entries + 1], entries[#entries + 2] = string.format('%.0f', diedAt + deadMs), id
  end
end
