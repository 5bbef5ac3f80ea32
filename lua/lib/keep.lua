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
