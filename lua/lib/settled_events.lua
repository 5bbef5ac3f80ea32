-- Collects the events of a settle (lib/events.lua).

-- `verdicts`: a letter per task of `ids`. The first `acks` of these tasks completed without a result.
local function noteSettled(settled, ids, verdicts, acks)
  local results = settled.results or {}
  if #results > 0 then
    local withResult = {}
    for at = 1, #results, 2 do
      withResult[results[at]] = true
    end
    for _, id in ipairs(settled.completed) do
      events.note(withResult[id] and EVENT_RESULT or EVENT_COMPLETED, id)
    end
  else
    events.noteAll(EVENT_COMPLETED, table.concat(settled.completed, ' '), #settled.completed)
  end
  -- Dead tasks are left out, because `planDead` has collected their events with the reasons.
  local kinds = { r = EVENT_RETRIED, l = EVENT_RELEASED, c = EVENT_CANCELLED }
  for i = acks + 1, #ids do
    local kind = kinds[string.sub(verdicts, i, i)]
    if kind then
      events.note(kind, ids[i])
    end
  end
end
