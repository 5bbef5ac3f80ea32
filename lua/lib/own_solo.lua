-- In strict order, a task of a key is not put aside, even if it has to run alone and the caller has no handler for it.
-- Leaves such tasks of other workers out, so that they do not keep the caller from all other tasks. Returns whether
-- there were any. `line`: the tasks with a key that have to run alone (lib/turns.lua).
local function leaveOutSolo(typed, line)
  local ids, lanes = {}, {}
  for place, envelope in ipairs(redis.call('HMGET', tasksKey, unpack(line.ids))) do
    local name = envelope and typeOf(envelope)
    local rule = name and typed.ruleOf(name)
    if not name or rule and rule.left >= 1 then
      ids[#ids + 1], lanes[#lanes + 1] = line.ids[place], line.lanes[place]
    end
  end
  local isOther = #ids < #line.ids
  line.ids, line.lanes = ids, lanes
  return isOther
end
