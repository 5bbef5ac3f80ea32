-- Notes the tasks that an enqueue accepted (lib/events.lua). `due` has due times and ids in turn.
local function noteEnqueued(bands, due)
  for _, ids in ipairs({ bands.high, bands.normal, bands.low }) do
    events.noteAll(EVENT_ENQUEUED, table.concat(ids, ' '), #ids)
  end
  for _, entry in ipairs(bands.keyed) do
    events.note(EVENT_ENQUEUED, entry.id)
  end
  for at = 2, #due, 2 do
    events.note(EVENT_SCHEDULED, due[at])
  end
  events.number()
end
